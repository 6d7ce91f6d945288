package findings

import (
	"slices"
)

// The bounds, in Hounsfield units, by which lungs are told from the rest. There
// is no standard for them; each stands well between what it parts.
const (
	tissueHU  = -300 // above: skin and what lies under it
	aeratedHU = -400 // below: lung, airway, bowel gas, air
	// Gas is this much darker than the median of all that is aerated: emphysema
	// lowers the median too. Below leastLungHU it is gas in any case.
	gasBelowHU  = 85
	leastLungHU = -955
)

const (
	airwayMM2    = 800  // the largest area of an airway's cross-section in a picture
	airwayMM     = 40   // how far from the body's middle it may lie
	tableMM      = 3    // half the thickness of what is no body
	holeMM2      = 2000 // the largest hole in a lung that is filled: less than a heart
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

// gasBound is the median below which a cross-section of a volume is gas.
func gasBound(air Mask, hu [][]int16) int16 {
	var count [1 << 16]int
	n := 0
	for s, plane := range air {
		for i, v := range plane {
			if v != 0 {
				count[int(hu[s][i])+1<<15]++
				n++
			}
		}
	}
	median := 0
	for below := 0; median < len(count) && below+count[median] <= n/2; median++ {
		below += count[median]
	}
	return int16(max(median-1<<15-gasBelowHU, leastLungHU))
}

// label keeps the regions that are large enough for lungs and gives each its
// side.
func (l *Lungs) label(air Mask, bodies []plane) {
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
	largest := 0
	for _, cells := range size {
		largest = max(largest, cells)
	}
	if float64(largest) < leastOfBody*float64(total) {
		return
	}
	for _, r := range runs {
		k := r.label
		if float64(size[k]) < leastOfLungs*float64(largest) {
			continue
		}
		if l.sides[r.slice] == nil {
			l.sides[r.slice] = make([]uint8, l.w*l.h)
		}
		mean := (column[k]/float64(size[k])+0.5)*float64(l.factor) - 0.5
		mark(l.sides[r.slice], l.w, r, uint8(l.sideOf(mean)))
	}
}

// towards is the direction along columns, 1 or -1, from the body's middle to a
// side.
func (l *Lungs) towards(side Side) float64 {
	if (side == Left) == l.toLeft {
		return 1
	}
	return -1
}

// back is the direction along rows, 1 or -1, to the patient's back.
func (l *Lungs) back() float64 {
	if l.grid.PixelMM2() > 0 && l.grid.Affine[1][1] < 0 {
		return -1
	}
	return 1
}

// closeAt closes and fills each lung in a slice, and its pockets at the wall,
// within the body. Where both
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
		full := p.fillTo(holeMM2).close(wallMM).fillTo(holeMM2)
		for i, v := range full.fillPockets(l.towards(side), l.back(), body).at {
			if v != 0 && sides[i] == uint8(NoLung) && body.at[i] != 0 {
				sides[i] = uint8(side)
			}
		}
	}
}
