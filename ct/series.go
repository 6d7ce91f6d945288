package ct

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Series is a series of a study, and why it was taken or left. What is not known
// is absent.
type Series struct {
	SeriesUID   string `json:"series_uid,omitempty"`
	Number      *int   `json:"number,omitempty"`
	Description string `json:"description,omitempty"` // as the scanner wrote it; never part of a diagnosis
	Modality    string `json:"modality,omitempty"`
	Files       int    `json:"files"`

	// What follows is known of CT slices.
	Slices      int        `json:"slices,omitempty"`
	Columns     int        `json:"columns,omitempty"`
	Rows        int        `json:"rows,omitempty"`
	Plane       string     `json:"plane,omitempty"` // axial, coronal, sagittal or oblique
	ThicknessMM float64    `json:"thickness_mm,omitempty"`
	SpacingMM   float64    `json:"spacing_mm,omitempty"` // from slice to slice
	LengthMM    float64    `json:"length_mm,omitempty"`  // from the first slice's face to the last one's
	Kernel      string     `json:"kernel,omitempty"`
	KernelKind  KernelKind `json:"kernel_kind,omitempty"`
	Derived     bool       `json:"derived,omitempty"`
	// LungShare is the share of the slices that were looked at that show lung;
	// absent where the choice did not need it.
	LungShare *float64 `json:"lung_share,omitempty"`

	Taken  bool   `json:"taken"`
	Code   string `json:"code"`   // a stable word for why
	Reason string `json:"reason"` // a sentence
}

// group is a series while it is judged.
type group struct {
	Series
	study   string
	objects []object
	kind    objectKind // of what is in it, CT slices first
	in      *Input     // arranged, if its slices can be used
	refusal *Refusal   // why they cannot
}

// groupObjects makes series of files: by study and series, in the order of their
// numbers.
func groupObjects(objects []object) []*group {
	type key struct{ study, series string }
	byKey := map[key]*group{}
	for _, o := range objects {
		if o.directory() {
			continue
		}
		k := key{o.header.Text("StudyInstanceUID"), o.header.Text("SeriesInstanceUID")}
		g := byKey[k]
		if g == nil {
			g = &group{study: k.study}
			g.SeriesUID = printableOr(k.series, "")
			byKey[k] = g
		}
		g.objects = append(g.objects, o)
	}
	groups := slices.Collect(maps.Values(byKey))
	for _, g := range groups {
		g.describe()
	}
	slices.SortFunc(groups, func(a, b *group) int {
		return cmp.Or(strings.Compare(a.study, b.study), cmp.Compare(a.number(), b.number()),
			strings.Compare(a.SeriesUID, b.SeriesUID), strings.Compare(a.objects[0].entry.name, b.objects[0].entry.name))
	})
	return groups
}

func (s *Series) number() int {
	if s.Number == nil {
		return -1
	}
	return *s.Number
}

// describe fills in what the headers say.
func (g *group) describe() {
	g.Files = countFiles(g.objects)
	g.kind = notCT
	for _, o := range g.objects {
		g.kind = max(g.kind, o.kind())
	}
	h := g.objects[0].header
	for _, o := range g.objects {
		if o.kind() == g.kind {
			h = o.header
			break
		}
	}
	g.Modality, g.Description = printableOr(h.Text("Modality"), ""), printableOr(h.Text("SeriesDescription"), "")
	if n, err := strconv.Atoi(h.Text("SeriesNumber")); err == nil {
		g.Number = &n
	}
	if g.kind == notCT {
		return
	}
	g.Kernel, _, _ = strings.Cut(h.Text("ConvolutionKernel"), `\`)
	g.Kernel = printableOr(strings.TrimSpace(g.Kernel), "")
	g.KernelKind = kernelKind(h.Text("ConvolutionKernel"))
	g.Derived = strings.HasPrefix(h.Text("ImageType"), "DERIVED")
}

// arrange makes slices of the objects, and a grid of the slices.
func (g *group) arrange(ctx context.Context, d *decoders, o Options) error {
	in := &Input{Kind: KindDICOM}
	var found []*slice
	scouts := 0
	for _, ob := range g.objects {
		switch kind := ob.kind(); {
		case kind == ctScout && g.kind != ctScout:
			scouts++
		case kind == g.kind:
			s, err := newSlice(ob)
			if err != nil {
				return err
			}
			found = append(found, s)
		}
	}
	if scouts > 0 {
		in.warn("scouts_ignored", fmt.Sprintf("%s beside the slices not read", were(scouts, "localizer image")))
	}
	g.Slices, g.Columns, g.Rows = len(found), found[0].columns, found[0].rows
	g.Plane, g.ThicknessMM = found[0].plane(), found[0].thickness
	if len(found) > o.Limits.Slices {
		return refuse("too_many_slices", "the series has %d slices, more than the %d that are read: give a part of it", len(found), o.Limits.Slices)
	}
	if err := in.arrange(ctx, d, found, o.Limits); err != nil {
		return err
	}
	g.in = in
	g.Slices = in.Volume.Slices
	g.measure()
	return nil
}

// measure fills in the distances of an arranged series.
func (g *group) measure() {
	s := g.in.slices
	if n := len(s); n > 1 {
		g.SpacingMM = rounded((s[n-1].along - s[0].along) / float64(n-1))
	}
	if step := cmp.Or(g.SpacingMM, g.ThicknessMM); step > 0 {
		g.LengthMM = rounded(step * float64(len(s)))
	}
}

// rounded is a length in mm for people, to a hundredth.
func rounded(mm float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(mm, 'f', 2, 64), 64)
	return v
}

// choose groups the files, and takes a series of each study.
func (c *Contents) choose(ctx context.Context, objects []object, broken []brokenFile) error {
	single := c.listing.single
	c.groups = groupObjects(objects)
	if !slices.ContainsFunc(c.groups, func(g *group) bool { return g.kind.usable(single) }) {
		return refuseOthers(objects, single)
	}
	if uid := c.options.SeriesUID; uid != "" && !slices.ContainsFunc(c.groups, func(g *group) bool { return g.SeriesUID == uid && g.kind != notCT }) {
		return refuse("no_such_series", "the input has no CT series %s; it has %s", printableOr(uid, "with that name"), describeGroups(c.groups))
	}
	for rest := c.groups; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].study == rest[0].study {
			n++
		}
		if err := c.chooseOfStudy(ctx, rest[:n], broken); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// chooseOfStudy takes a series of one study. Its errors are not the input's.
func (c *Contents) chooseOfStudy(ctx context.Context, groups []*group, broken []brokenFile) error {
	candidates := c.candidates(groups)
	for _, g := range candidates {
		err := g.arrange(ctx, c.decoders, c.options)
		if err == nil {
			err = g.ownBroken(broken, c.groups)
		}
		if err == nil {
			continue
		}
		if !errors.As(err, &g.refusal) {
			return err
		}
		if err := c.decoders.revive(ctx); err != nil {
			return err
		}
	}
	study := Study{UID: printableOr(groups[0].study, "")}
	best, err := c.best(ctx, candidates)
	if err != nil {
		return err
	}
	study.taken = best
	if best == nil {
		study.Refusal = refusalOf(groups, candidates)
	} else {
		best.warnOthers(groups)
	}
	for _, g := range groups {
		study.Series = append(study.Series, g.Series)
	}
	c.Studies = append(c.Studies, study)
	return nil
}

// ownBroken looks for files that could not be read where the series lies. If no
// other series of CT lies there, they are its own, and it is not whole.
func (g *group) ownBroken(broken []brokenFile, all []*group) error {
	if len(broken) == 0 {
		return nil
	}
	folders := g.folders()
	shared := slices.ContainsFunc(all, func(other *group) bool {
		return other != g && other.kind == ctImage && slices.ContainsFunc(other.folders(), func(f string) bool { return slices.Contains(folders, f) })
	})
	var near []brokenFile
	for _, b := range broken {
		if slices.Contains(folders, path.Dir(b.entry.name)) {
			near = append(near, b)
		}
	}
	switch {
	case len(near) == 0:
		return nil
	case !shared:
		return near[0].err
	}
	g.in.warn("broken_files", fmt.Sprintf("%s beside the series that cannot be read, the first %s: slices may be missing", were(len(near), "DICOM file"), near[0].entry.name))
	return nil
}

// folders are those that the series' files lie in.
func (g *group) folders() []string {
	var folders []string
	for _, o := range g.objects {
		if f := path.Dir(o.entry.name); !slices.Contains(folders, f) {
			folders = append(folders, f)
		}
	}
	return folders
}

// refusalOf says why nothing of a study is taken.
func refusalOf(groups, candidates []*group) *Refusal {
	for _, g := range candidates {
		if g.refusal != nil {
			return g.refusal
		}
	}
	var others []object
	for _, g := range groups {
		others = append(others, g.objects...)
	}
	var r *Refusal
	if errors.As(refuseOthers(others, false), &r) && len(others) > 0 {
		return r
	}
	return refuse("not_ct", "the study holds no CT slices: give a chest CT series")
}

// warnOthers says what else the study has.
func (g *group) warnOthers(groups []*group) {
	var others []object
	scouts := 0
	for _, other := range groups {
		for _, o := range other.objects {
			switch o.kind() {
			case notCT, ctCapture:
				others = append(others, o)
			case ctScout:
				if other != g {
					scouts++
				}
			}
		}
	}
	if scouts > 0 {
		g.in.warn("scouts_ignored", fmt.Sprintf("%s beside the slices not read", were(scouts, "localizer image")))
	}
	if len(others) > 0 {
		g.in.warn("objects_ignored", fmt.Sprintf("%s that are no CT slices (%s) not read", were(len(others), "DICOM file"), modalities(others)))
	}
}

// told are the study's series as a diagnosis may tell them.
func (s *Study) told() []Series {
	told := slices.Clone(s.Series)
	for i := range told {
		told[i].Description = ""
	}
	return told
}

// maxDescribed is how many series a sentence names.
const maxDescribed = 10

// describeGroups names series of CT by their UIDs, largest first, with nothing
// of the patient.
func describeGroups(groups []*group) string {
	sorted := slices.Clone(groups)
	sorted = slices.DeleteFunc(sorted, func(g *group) bool { return g.kind == notCT })
	slices.SortStableFunc(sorted, func(a, b *group) int { return cmp.Compare(b.Files, a.Files) })
	var parts []string
	for i, g := range sorted {
		if i == maxDescribed {
			parts = append(parts, fmt.Sprintf("%d more", len(sorted)-i))
			break
		}
		what := count(g.Files, "slice")
		if t, err := g.objects[0].header.Floats("SliceThickness"); err == nil && len(t) == 1 && t[0] > 0 {
			what += fmt.Sprintf(" of %.4g mm", t[0])
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", cmp.Or(g.SeriesUID, "one without UID"), what))
	}
	return enumerate(parts)
}

// describeTaken names the series taken of several studies.
func (c *Contents) describeTaken(studies []int) string {
	var taken []*group
	for _, i := range studies {
		taken = append(taken, c.Studies[i].taken)
	}
	return describeGroups(taken)
}
