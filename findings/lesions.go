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
	// ConsolidationPercent is the share of its cells that the density rule
	// calls consolidation.
	ConsolidationPercent *float64     `json:"consolidation_percent,omitempty"`
	Lung                 string       `json:"lung,omitempty"`         // left or right
	LungPercent          *float64     `json:"lung_percent,omitempty"` // its share of that lung's volume
	Zone                 Zone         `json:"zone,omitempty"`
	Distribution         Distribution `json:"distribution,omitempty"`
	CentreMM             *[3]float64  `json:"centre_mm,omitempty"` // of mass, LPS
	CentrePixels         *[2]float64  `json:"centre_pixels,omitempty"`
	Slices               [2]int       `json:"slices"` // first and last, from 0
}

// The smallest components that count as lesions; smaller ones are dropped from
// the mask.
const (
	LeastLesionML = 0.05
	// LeastLesionShare of a slice's cells is asked where there are no
	// millimetres: 32 pixels of 512 x 512.
	LeastLesionShare = 1.0 / 8192
)

// Lesions is LesionsBy with the default density rule.
func Lesions(m Mask, g Grid, hu []int16, lungs *Lungs) []Lesion {
	return LesionsBy(DefaultDensity(), m, g, hu, lungs)
}

// LesionsBy finds and measures the lesions of a mask on a grid, the largest
// first, and unmarks in the mask what is too small. hu are the grid's
// Hounsfield units, or nil; lungs may be nil.
func LesionsBy(rule DensityRule, m Mask, g Grid, hu []int16, lungs *Lungs) []Lesion {
	runs, n := components(m, g.Columns, g.Rows, byCorners)
	lists := make([][]run, n)
	for _, r := range runs {
		lists[r.label] = append(lists[r.label], r)
	}
	var found []Lesion
	var kept [][]run
	for _, list := range lists {
		size := cells(list)
		if tooSmall(size, g) {
			for _, r := range list {
				mark(m[r.slice], g.Columns, r, 0)
			}
			continue
		}
		found = append(found, measure(list, size, rule, g, hu, lungs))
		kept = append(kept, list)
	}
	if lungs != nil && g.VoxelML() > 0 && len(found) > 0 {
		cells := lungs.cellsWith(m)
		for i, list := range kept {
			found[i].LungPercent = lungs.percentOf(list, found[i].Lung, cells)
		}
	}
	slices.SortStableFunc(found, func(a, b Lesion) int { return b.order() - a.order() })
	for i := range found {
		found[i].ID = i + 1
	}
	return found
}

// percentOf is the share of a lung, of which so many cells are known, that a
// component takes. Its cells in the other lung do not count.
func (l *Lungs) percentOf(runs []run, lung string, cells [3]int) *float64 {
	var n [3]int
	for _, r := range runs {
		for c := r.from; c < r.to; c++ {
			n[l.nearest(int(c), int(r.row), int(r.slice))]++
		}
	}
	side := Right
	if lung == Left.String() {
		side = Left
	}
	return pointer(100 * float64(n[side]) / float64(cells[side]))
}

// nearest is the lung that a cell belongs to or, beyond the lungs, the side of
// the body that it lies on.
func (l *Lungs) nearest(column, row, slice int) Side {
	if side := l.At(column, row, slice); side != NoLung {
		return side
	}
	return l.sideOf(float64(column))
}

// cellsWith counts the cells of each lung and the marked ones beyond it.
func (l *Lungs) cellsWith(m Mask) (n [3]int) {
	for s, sides := range l.sides {
		for i, v := range sides {
			n[v] += l.cellsOf(i)
		}
		for i, v := range m[s] {
			if c := i % l.grid.Columns; v != 0 && l.At(c, i/l.grid.Columns, s) == NoLung {
				n[l.sideOf(float64(c))]++
			}
		}
	}
	return n
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

func measure(runs []run, size int, rule DensityRule, g Grid, hu []int16, lungs *Lungs) Lesion {
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
		mean, dense := density(runs, size, rule, g, hu)
		l.MeanHU = &mean
		l.Kind = kindOf(dense)
		l.ConsolidationPercent = pointer(100 * dense)
	}
	if lungs != nil {
		side := lungs.of(runs, centre[0])
		l.Lung = side.String()
		l.Distribution = distributionOf(lungs.peripheralShare(runs, size))
		if lungs.zoned {
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

// peripheralShare is the share of a component's cells in the outer third of the
// lungs' depth.
func (l *Lungs) peripheralShare(runs []run, size int) float64 {
	n := 0
	for _, r := range runs {
		for c := r.from; c < r.to; c++ {
			if l.peripheral(int(r.slice), int(r.row)/l.factor*l.w+int(c)/l.factor) {
				n++
			}
		}
	}
	return float64(n) / float64(size)
}

// density is the mean of a component's Hounsfield units and the share of its
// cells that are consolidation by the rule.
func density(runs []run, size int, rule DensityRule, g Grid, hu []int16) (mean, dense float64) {
	sum, high := 0, 0
	for _, r := range runs {
		line := hu[(int(r.slice)*g.Rows+int(r.row))*g.Columns:]
		for _, v := range line[r.from:r.to] {
			sum += int(v)
			if v >= rule.HU {
				high++
			}
		}
	}
	mean = math.Round(float64(sum)/float64(size)*10) / 10
	return mean, float64(high) / float64(size)
}
