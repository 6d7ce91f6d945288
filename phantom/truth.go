package phantom

import "github.com/jcs-ct/jcs/ct"

// Truth is what there is to be found in a phantom. As JSON it has the schema
// jcs.phantom/1, in the words of diagnosis.json.
type Truth struct {
	Schema  string        `json:"schema"`
	Seed    uint64        `json:"seed"`
	Lungs   LungTruth     `json:"lungs"`
	Lesions []LesionTruth `json:"lesions"`
	Slices  []SliceTruth  `json:"slices"`

	// Lung and Lesion label every voxel, in the volume's order: a lung by 1
	// (right) or 2 (left), a lesion by its ID, all else by 0.
	Lung   []uint8 `json:"-"`
	Lesion []uint8 `json:"-"`
}

// LungTruth is the lungs' volume, vessels and lesions included.
type LungTruth struct {
	RightML float64 `json:"right_ml"`
	LeftML  float64 `json:"left_ml"`
}

// LesionTruth is one lesion as it is in the voxels: its number, and what of it
// lies in a lung.
type LesionTruth struct {
	ID       int        `json:"id"`
	Kind     Kind       `json:"kind"`
	Lung     string     `json:"lung"` // left or right
	VolumeML float64    `json:"volume_ml"`
	MeanHU   float64    `json:"mean_hu"`
	CentreMM [3]float64 `json:"centre_mm"` // of mass, LPS
	Slices   [2]int     `json:"slices"`    // first and last
}

// SliceTruth is what one slice shows.
type SliceTruth struct {
	Index          int     `json:"index"`
	OpacityAreaMM2 float64 `json:"opacity_area_mm2"`
	OpacityPixels  int     `json:"opacity_pixels"`
}

// measure fills in what follows from the labels.
func (t *Truth) measure(v *ct.Volume, lesions []lesion) {
	x, y, z, _ := v.SpacingMM()
	ml := x * y * z / 1000
	type sums struct {
		n, hu, left float64
		at          [3]float64
		first, last int
	}
	all := make([]sums, len(lesions))
	var lungs [3]float64
	plane := v.Columns * v.Rows
	t.Slices = make([]SliceTruth, v.Slices)
	for i, label := range t.Lung {
		lungs[label]++
		if t.Lesion[i] == 0 {
			continue
		}
		k := i / plane
		s := &all[t.Lesion[i]-1]
		if s.n == 0 {
			s.first = k
		}
		s.last = k
		s.n++
		s.hu += float64(v.HU[i])
		if label == leftLung {
			s.left++
		}
		at := v.Position(float64(i%v.Columns), float64(i%plane/v.Columns), float64(k))
		for d := range at {
			s.at[d] += at[d]
		}
		t.Slices[k].OpacityPixels++
	}
	for k := range t.Slices {
		t.Slices[k].Index = k
		t.Slices[k].OpacityAreaMM2 = float64(t.Slices[k].OpacityPixels) * x * y
	}
	t.Lungs = LungTruth{RightML: lungs[rightLung] * ml, LeftML: lungs[leftLung] * ml}
	t.Lesions = []LesionTruth{}
	for i, s := range all {
		if s.n == 0 {
			continue // wholly outside the lungs, or under a later lesion
		}
		l := LesionTruth{ID: i + 1, Kind: lesions[i].Kind, Lung: "right", VolumeML: s.n * ml, MeanHU: s.hu / s.n, Slices: [2]int{s.first, s.last}}
		if 2*s.left > s.n {
			l.Lung = "left"
		}
		for d := range l.CentreMM {
			l.CentreMM[d] = s.at[d] / s.n
		}
		t.Lesions = append(t.Lesions, l)
	}
}
