package findings

import (
	"slices"
)

// levels are the bounds by which lungs are told from the rest, in the values of
// the slices.
type levels struct {
	tissue  int16 // above: skin and what lies under it
	aerated int16 // below: lung, airway, bowel gas, air
	gas     int16 // median of a region or its cross-section: below, it is gas and no lung
}

// There is no standard for these numbers; each stands well between what it
// parts. Emphysema reaches medians of about -940 HU.
func hounsfieldLevels() levels {
	return levels{tissue: -300, aerated: -400, gas: -955}
}

const (
	airwayMM2    = 800  // the largest area of an airway's cross-section in a picture
	airwayMM     = 40   // how far from the body's middle it may lie
	tableMM      = 3    // half the thickness of what is no body
	wallMM       = 12   // radius of the closing that keeps the wall's consolidations in
	leastOfBody  = 0.01 // lungs' share of the body, below which there are none
	leastOfLungs = 0.03 // a part's share of the largest one
	bothSides    = 0.15 // a part with more on the lesser side is two lungs in touch
)

// shrink is the mean of each block.
func shrink[T uint8 | int16](l *Lungs, cells []T) []int16 {
	out := make([]int16, l.w*l.h)
	sums := make([]int, l.w)
	for y := range l.h {
		clear(sums)
		rows := min(l.factor, l.grid.Rows-y*l.factor)
		for r := range rows {
			line := cells[(y*l.factor+r)*l.grid.Columns:][:l.grid.Columns]
			for c, v := range line {
				sums[c/l.factor] += int(v)
			}
		}
		for x := range l.w {
			out[y*l.w+x] = int16(sums[x] / l.cellsOf(y*l.w+x))
		}
	}
	return out
}

// body is the largest piece of tissue in a slice with all its holes.
func (l *Lungs) body(level []int16, tissue int16) plane {
	p := l.blocks()
	for i, v := range level {
		if v > tissue {
			p.at[i] = 1
		}
	}
	return p.open(tableMM).largest().fill()
}

func (l *Lungs) aerated(level []int16, body plane, bound int16) plane {
	p := l.blocks()
	for i, v := range level {
		if v < bound && body.at[i] != 0 {
			p.at[i] = 1
		}
	}
	return p
}

// findMiddle takes the mean column of the body.
func (l *Lungs) findMiddle(bodies []plane) {
	sum, n := 0, 0
	for _, b := range bodies {
		for i, v := range b.at {
			if v != 0 {
				sum += i % l.w
				n++
			}
		}
	}
	if n > 0 {
		l.middle = (float64(sum)/float64(n)+0.5)*float64(l.factor) - 0.5
	}
}

// dropGas unmarks the cross-sections whose median is below a bound: trachea,
// main bronchi, stomach and bowel. With airwaysOnly they must be small and near
// the middle too.
func (l *Lungs) dropGas(air []uint8, level []int16, bound int16, airwaysOnly bool) {
	p := l.blocks()
	runs, n := components(Mask{air}, l.w, l.h, byFaces)
	values, column := make([][]int16, n), make([]int, n)
	for _, r := range runs {
		values[r.label] = append(values[r.label], level[int(r.row)*l.w:][r.from:r.to]...)
		column[r.label] += int(r.to-r.from) * int(r.from+r.to-1) / 2
	}
	middle := (l.middle+0.5)/float64(l.factor) - 0.5
	gas := make([]bool, n)
	for k, vs := range values {
		slices.Sort(vs)
		gas[k] = vs[len(vs)/2] < bound
		if airwaysOnly {
			a := float64(len(vs))
			off := (float64(column[k])/a - middle) * p.sx
			gas[k] = gas[k] && a*p.sx*p.sy < airwayMM2 && max(off, -off) < airwayMM
		}
	}
	for _, r := range runs {
		if gas[r.label] {
			mark(air, l.w, r, 0)
		}
	}
}

// label keeps the regions that are lungs and gives each its side.
func (l *Lungs) label(air Mask, level [][]int16, bodies []plane, gas int16) {
	runs, n := components(air, l.w, l.h, byFaces)
	size, column := make([]int, n), make([]float64, n)
	total := 0
	for _, r := range runs {
		size[r.label] += int(r.to - r.from)
		column[r.label] += float64(r.to-r.from) * float64(r.from+r.to-1) / 2
	}
	for _, b := range bodies {
		total += countMarked(b.at)
	}
	values := make([][]int16, n)
	worth := func(k int32) bool { return float64(size[k]) >= leastOfBody*leastOfLungs*float64(total) }
	for _, r := range runs {
		if worth(r.label) {
			line := level[r.slice][int(r.row)*l.w:]
			values[r.label] = append(values[r.label], line[r.from:r.to]...)
		}
	}
	largest := 0
	lung := make([]bool, n)
	for k, vs := range values {
		if len(vs) == 0 {
			continue
		}
		slices.Sort(vs)
		lung[k] = vs[len(vs)/2] >= gas
		if lung[k] {
			largest = max(largest, size[k])
		}
	}
	if float64(largest) < leastOfBody*float64(total) {
		return
	}
	for _, r := range runs {
		k := r.label
		if !lung[k] || float64(size[k]) < leastOfLungs*float64(largest) {
			continue
		}
		if l.sides[r.slice] == nil {
			l.sides[r.slice] = make([]uint8, l.w*l.h)
		}
		mean := (column[k]/float64(size[k])+0.5)*float64(l.factor) - 0.5
		mark(l.sides[r.slice], l.w, r, uint8(l.sideOf(mean)))
	}
}

// closeAt closes and fills each lung in a slice, within the body. Where both
// claim a block it stays what it was.
func (l *Lungs) closeAt(s int, body plane) {
	sides := l.sides[s]
	if sides == nil {
		return
	}
	was := slices.Clone(sides)
	for _, side := range []Side{Right, Left} {
		p := l.blocks()
		for i, v := range was {
			if Side(v) == side {
				p.at[i] = 1
			}
		}
		for i, v := range p.close(wallMM).fill().at {
			if v != 0 && sides[i] == uint8(NoLung) && body.at[i] != 0 {
				sides[i] = uint8(side)
			}
		}
	}
}
