package findings

import (
	"math"
	"slices"
)

// Side names a lung. Right is the patient's.
type Side uint8

// The sides.
const (
	NoLung Side = iota
	Right
	Left
)

func (s Side) String() string {
	switch s {
	case Right:
		return "right"
	case Left:
		return "left"
	}
	return ""
}

// Lungs are the two lungs on a grid, vessels and what lies at the wall
// included. They are kept on blocks of factor x factor cells within each slice,
// about 1.5 mm wide: finer is not what a threshold can tell.
type Lungs struct {
	grid   Grid
	factor int
	w, h   int       // blocks in a row, in a column
	sides  [][]uint8 // [slice][block], a Side
	middle float64   // the column that halves the body
	toLeft bool      // columns grow to the patient's left
	zoned  bool      // they have heights: cells have places, on more than one slice

	cells   []int         // of each slice within the lungs
	heights [3][2]float64 // of each side: lowest and highest LPS z, where placed
	depths  depths
}

// blockMM is the width of a block that the lungs are looked for on.
const blockMM = 1.5

// assumedBodyMM is how much a slice is taken to show from side to side where
// its millimetres are not known. Only the sizes of what closes and opens shapes
// depend on it, never a measurement.
const assumedBodyMM = 350

func newLungs(g Grid) *Lungs {
	l := &Lungs{grid: g, factor: 1, toLeft: true, zoned: g.Placed() && g.Slices > 1}
	px, py := l.cellMM()
	l.factor = max(1, int(math.Round(blockMM/math.Max(px, py))))
	l.w = (g.Columns + l.factor - 1) / l.factor
	l.h = (g.Rows + l.factor - 1) / l.factor
	l.sides = make([][]uint8, g.Slices)
	l.middle = float64(g.Columns-1) / 2
	if g.PixelMM2() > 0 {
		l.toLeft = g.Affine[0][0] >= 0
	}
	return l
}

// cellMM is the size of a cell within its slice, assumed where not known.
func (l *Lungs) cellMM() (x, y float64) {
	if l.grid.PixelMM2() > 0 {
		return norm(l.grid.axis(0)), norm(l.grid.axis(1))
	}
	a := assumedBodyMM / float64(max(l.grid.Columns, l.grid.Rows))
	return a, a
}

// blocks returns an unmarked plane of blocks.
func (l *Lungs) blocks() plane {
	x, y := l.cellMM()
	f := float64(l.factor)
	return plane{w: l.w, h: l.h, sx: x * f, sy: y * f, at: make([]uint8, l.w*l.h)}
}

// LungsOfLabels makes lungs of what is known of every cell of a grid already, in
// the grid's order: 1 in the right lung, 2 in the left one, else 0. Nothing is
// looked for, closed or filled.
func LungsOfLabels(g Grid, labels []uint8) *Lungs {
	l := newLungs(g)
	l.factor, l.w, l.h = 1, g.Columns, g.Rows
	n := g.Columns * g.Rows
	for s := range l.sides {
		if here := labels[s*n:][:n]; countMarked(here) > 0 {
			l.sides[s] = slices.Clone(here)
		}
	}
	l.findMiddle(l.whole())
	l.sum()
	return l
}

// whole are the planes of both lungs together.
func (l *Lungs) whole() []plane {
	var out []plane
	for _, sides := range l.sides {
		if sides != nil {
			p := l.blocks()
			copy(p.at, sides)
			out = append(out, p)
		}
	}
	return out
}

// At is the lung that a cell belongs to.
func (l *Lungs) At(column, row, slice int) Side {
	plane := l.sides[slice]
	if plane == nil {
		return NoLung
	}
	return Side(plane[row/l.factor*l.w+column/l.factor])
}

// Seen reports whether any lung was found.
func (l *Lungs) Seen() bool {
	for _, n := range l.cells {
		if n > 0 {
			return true
		}
	}
	return false
}

// Fraction is the share of a slice's cells within the lungs.
func (l *Lungs) Fraction(slice int) float64 {
	return float64(l.cells[slice]) / float64(l.grid.Columns*l.grid.Rows)
}

// sum counts cells and finds the heights once the sides are settled.
func (l *Lungs) sum() {
	l.cells = make([]int, len(l.sides))
	for side := range l.heights {
		l.heights[side] = [2]float64{math.Inf(1), math.Inf(-1)}
	}
	f, half := float64(l.factor), l.grid.halfSlice()
	for s, sides := range l.sides {
		for i, v := range sides {
			if Side(v) == NoLung {
				continue
			}
			l.cells[s] += l.cellsOf(i)
			x, y := float64(i%l.w)*f+(f-1)/2, float64(i/l.w)*f+(f-1)/2
			z := l.grid.Point(x, y, float64(s))[2]
			h := &l.heights[v]
			h[0], h[1] = min(h[0], z-half), max(h[1], z+half)
		}
	}
}

// cellsOf is the number of cells in a block; those at the far edges have fewer.
func (l *Lungs) cellsOf(block int) int {
	f := l.factor
	x, y := block%l.w*f, block/l.w*f
	return min(f, l.grid.Columns-x) * min(f, l.grid.Rows-y)
}

// sideOf is the side of the body's middle that a column lies on.
func (l *Lungs) sideOf(column float64) Side {
	if (column > l.middle) == l.toLeft {
		return Left
	}
	return Right
}

// keptShare is how much of a region must lie in the lungs' envelope. A
// consolidation that fills half of a lung, which a threshold takes for wall,
// still reaches into it: of the lesions that radiologists drew on the 76 slices
// of CT100 this drops 0.5 % of the pixels, where cutting at the envelope would
// drop 16 %.
const keptShare = 0.1

// Keep unmarks the regions of a slice's mask that lie away from the lungs: those
// with less than a tenth inside the envelope, which is the convex hull of each
// lung in the slice, widened by margin (millimetres; where these are not known
// the picture is taken to show 350 mm). It returns how many cells were unmarked.
func (l *Lungs) Keep(mask []uint8, slice int, margin float64) int {
	envelope := l.envelope(slice, margin)
	runs, n := components(Mask{mask}, l.grid.Columns, l.grid.Rows, byCorners)
	all, inside := make([]int, n), make([]int, n)
	for _, r := range runs {
		all[r.label] += int(r.to - r.from)
		line := envelope.at[int(r.row)/l.factor*l.w:]
		for c := r.from; c < r.to; c++ {
			inside[r.label] += int(line[int(c)/l.factor])
		}
	}
	dropped := 0
	for _, r := range runs {
		if float64(inside[r.label]) < keptShare*float64(all[r.label]) {
			mark(mask, l.grid.Columns, r, 0)
			dropped += int(r.to - r.from)
		}
	}
	return dropped
}

// Hull returns what tells whether a cell of a slice lies in the convex hull of
// one of its lungs, widened by margin: with the consolidations at the wall, that
// is, and with some of what lies between.
func (l *Lungs) Hull(slice int, margin float64) func(column, row int) bool {
	envelope := l.envelope(slice, margin)
	return func(column, row int) bool {
		return envelope.at[row/l.factor*l.w+column/l.factor] != 0
	}
}

func (l *Lungs) envelope(slice int, margin float64) plane {
	hulls := l.blocks()
	for _, side := range []Side{Right, Left} {
		corners := l.ends(l.sides[slice], func(v Side) bool { return v == side })
		fillPolygon(hulls, convexHull(corners))
	}
	return hulls.dilate(margin)
}

// fillPolygon marks the blocks whose centre lies in a convex polygon given in
// the order of convexHull.
func fillPolygon(p plane, hull []point2) {
	if len(hull) == 0 {
		return
	}
	for y := range p.h {
		from, to := math.Inf(1), math.Inf(-1)
		for i, a := range hull {
			b := hull[(i+1)%len(hull)]
			fy := float64(y)
			if math.Min(a.y, b.y) > fy || math.Max(a.y, b.y) < fy {
				continue
			}
			xs := [2]float64{a.x, b.x}
			if a.y != b.y {
				x := a.x + (b.x-a.x)*(fy-a.y)/(b.y-a.y)
				xs = [2]float64{x, x}
			}
			from = min(from, xs[0], xs[1])
			to = max(to, xs[0], xs[1])
		}
		for x := int(math.Ceil(from)); float64(x) <= to; x++ {
			p.at[y*p.w+x] = 1
		}
	}
}
