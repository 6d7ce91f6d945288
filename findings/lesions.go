package findings

import (
	"math"
	"slices"
)

// Lesion is one connected component of the opacity mask: cells that touch by
// face, edge or corner belong together. What is not known of it is left out.
type Lesion struct {
	ID       int     `json:"id"` // from 1, the largest first
	VolumeML float64 `json:"volume_ml,omitempty"`
	// AreaMM2 is the largest area within one slice, AreaPixels the same in
	// pixels where there are no millimetres.
	AreaMM2    float64 `json:"area_mm2,omitempty"`
	AreaPixels int     `json:"area_pixels,omitempty"`
	// LargestDiameterMM is the longest distance between two points of its
	// outline, in any direction.
	LargestDiameterMM float64     `json:"largest_diameter_mm,omitempty"`
	MeanHU            *float64    `json:"mean_hu,omitempty"`
	Kind              DensityKind `json:"kind,omitempty"`
	Lung              string      `json:"lung,omitempty"` // left or right
	Zone              Zone        `json:"zone,omitempty"`
	CentreMM          *[3]float64 `json:"centre_mm,omitempty"` // of mass, LPS
	CentrePixels      *[2]float64 `json:"centre_pixels,omitempty"`
	Slices            [2]int      `json:"slices"` // first and last, from 0
}

// The smallest components that count as lesions; smaller ones are dropped from
// the mask.
const (
	LeastLesionML = 0.05
	// LeastLesionShare of a slice's cells is asked where there are no
	// millimetres: 32 pixels of 512 x 512.
	LeastLesionShare = 1.0 / 8192
)

// Lesions finds and measures the lesions of a mask on a grid, the largest
// first, and unmarks in the mask what is too small. hu are the grid's
// Hounsfield units, or nil; lungs may be nil.
func Lesions(m Mask, g Grid, hu []int16, lungs *Lungs) []Lesion {
	runs, n := components(m, g.Columns, g.Rows, byCorners)
	lists := make([][]run, n)
	for _, r := range runs {
		lists[r.label] = append(lists[r.label], r)
	}
	var found []Lesion
	for _, list := range lists {
		size := cells(list)
		if tooSmall(size, g) {
			for _, r := range list {
				mark(m[r.slice], g.Columns, r, 0)
			}
			continue
		}
		found = append(found, measure(list, size, g, hu, lungs))
	}
	slices.SortStableFunc(found, func(a, b Lesion) int { return b.order() - a.order() })
	for i := range found {
		found[i].ID = i + 1
	}
	return found
}

// order is a lesion's size in units fine enough to sort by.
func (l Lesion) order() int {
	switch {
	case l.VolumeML > 0:
		return int(l.VolumeML * 1e6)
	case l.AreaMM2 > 0:
		return int(l.AreaMM2 * 1e3)
	}
	return l.AreaPixels
}

func cells(runs []run) int {
	n := 0
	for _, r := range runs {
		n += int(r.to - r.from)
	}
	return n
}

func tooSmall(size int, g Grid) bool {
	if ml := g.VoxelML(); ml > 0 {
		return float64(size)*ml < LeastLesionML
	}
	return float64(size) < LeastLesionShare*float64(g.Columns*g.Rows)
}

func measure(runs []run, size int, g Grid, hu []int16, lungs *Lungs) Lesion {
	l := Lesion{
		VolumeML: float64(size) * g.VoxelML(),
		Slices:   [2]int{int(runs[0].slice), int(runs[len(runs)-1].slice)},
	}
	area := largestArea(runs)
	centre := centroid(runs, size)
	if g.PixelMM2() > 0 {
		l.AreaMM2 = float64(area) * g.PixelMM2()
		l.LargestDiameterMM = largestDistance(g, runs)
	} else {
		l.AreaPixels = area
		l.CentrePixels = &[2]float64{centre[0], centre[1]}
	}
	if g.Placed() {
		p := g.Point(centre[0], centre[1], centre[2])
		l.CentreMM = &p
	}
	if hu != nil {
		mean, dense := density(runs, size, g, hu)
		l.MeanHU = &mean
		l.Kind = kindOf(dense)
	}
	if lungs != nil {
		side := lungs.of(runs, centre[0])
		l.Lung = side.String()
		if g.Placed() && g.Slices > 1 {
			l.Zone = lungs.zoneOf(side, g.Point(centre[0], centre[1], centre[2])[2])
		}
	}
	return l
}

// largestArea is the most cells that a slice holds.
func largestArea(runs []run) int {
	best, here := 0, 0
	for i, r := range runs {
		if i > 0 && r.slice != runs[i-1].slice {
			here = 0
		}
		here += int(r.to - r.from)
		best = max(best, here)
	}
	return best
}

func centroid(runs []run, size int) [3]float64 {
	var c [3]float64
	for _, r := range runs {
		n := float64(r.to - r.from)
		c[0] += n * float64(r.from+r.to-1) / 2
		c[1] += n * float64(r.row)
		c[2] += n * float64(r.slice)
	}
	for i := range c {
		c[i] /= float64(size)
	}
	return c
}

// of is the lung that holds most of the runs' cells or, where none holds any,
// the side of the body that they lie on.
func (l *Lungs) of(runs []run, centreColumn float64) Side {
	var n [3]int
	for _, r := range runs {
		for c := r.from; c < r.to; c++ {
			n[l.At(int(c), int(r.row), int(r.slice))]++
		}
	}
	switch {
	case n[Right] > n[Left]:
		return Right
	case n[Left] > 0:
		return Left
	}
	return l.sideOf(centreColumn)
}

// density is the mean of a component's Hounsfield units and the share of its
// cells at HighOpacityHU or above.
func density(runs []run, size int, g Grid, hu []int16) (mean, dense float64) {
	sum, high := 0, 0
	for _, r := range runs {
		line := hu[(int(r.slice)*g.Rows+int(r.row))*g.Columns:]
		for _, v := range line[r.from:r.to] {
			sum += int(v)
			if v >= HighOpacityHU {
				high++
			}
		}
	}
	mean = math.Round(float64(sum)/float64(size)*10) / 10
	return mean, float64(high) / float64(size)
}
