package ct

import (
	"fmt"
	"path"
	"strings"
	"sync"
)

// airShare is the least share of voxels that are nearly air in any CT of a
// chest: lungs and what is around the patient.
const airShare = 0.005

// warnVolume says what is odd about the volume's pixels.
func (in *Input) warnVolume() {
	var lossy, noPhotometric int
	for _, s := range in.slices {
		if s.lossy {
			lossy++
		}
		if s.noPhotometric {
			noPhotometric++
		}
	}
	if lossy > 0 {
		in.warn("lossy_compression", fmt.Sprintf("%s compressed with loss: Hounsfield units are less exact", were(lossy, "slice")))
	}
	if noPhotometric > 0 {
		in.warn("no_photometric", fmt.Sprintf("%s without photometric interpretation taken as MONOCHROME2", were(noPhotometric, "slice")))
	}
	air := 0
	for _, hu := range in.Volume.HU {
		if hu < -500 {
			air++
		}
	}
	if float64(air) < airShare*float64(len(in.Volume.HU)) {
		in.warn("no_air", "hardly any voxel is as dark as lung or air: this may be no chest, or its Hounsfield units may be wrong")
	}
	in.assess()
}

// warnBroken says which files beside a series look by their name as if they
// belonged to it.
func warnBroken(in *Input, others []entry) {
	var names []string
	for _, e := range others {
		switch strings.ToLower(path.Ext(e.name)) {
		case ".dcm", ".dicom", ".ima":
			names = append(names, e.name)
		}
	}
	if len(names) > 0 {
		in.warn("not_dicom", fmt.Sprintf("%s named as DICOM but not read as such, the first %s: slices may be missing", were(len(names), "file"), names[0]))
	}
}

// warnIgnored says what was passed over beside a volume.
func (in *Input) warnIgnored(code, noun string, n int) {
	if n > 0 {
		in.warn(code, fmt.Sprintf("%s beside what was taken not read", were(n, noun)))
	}
}

// warnLinks says that links were not followed.
func (in *Input) warnLinks(n int) {
	if n > 0 {
		in.warn("links_ignored", fmt.Sprintf("%s not followed, as they lead out of the folder or nowhere", were(n, "link")))
	}
}

// counter returns a function that counts to total and reports each step, safe
// for use by several goroutines.
func counter(total int, report func(done, total int)) func() {
	if report == nil {
		return func() {}
	}
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		report(done, total)
	}
}
