package findings

import (
	"image"
	"math"
	"slices"
)

// LungsOfPicture finds the lungs in one windowed axial picture as well as can
// be done without Hounsfield units: dark regions inside the body. Right is
// taken to be on the picture's left, as radiologists hang it.
func LungsOfPicture(p *image.Gray) *Lungs {
	b := p.Bounds()
	l := newLungs(Grid{Columns: b.Dx(), Rows: b.Dy(), Slices: 1})
	level := l.blur(shrink(l, tight(p)))
	bound := otsu(level)
	body := l.notOutside(level, bound).open(framedMM).largest()
	air := l.aerated(level, body, bound)
	l.findMiddle([]plane{body})
	l.dropGas(air.at, level, l.airwayLevel(air.at, level), true)
	l.dropFat(air.at, level, bound)
	l.label(Mask{air.at}, []plane{body})
	l.part()
	l.closeAt(0, body)
	l.sum()
	return l
}

const (
	blurBlocks  = 1    // on either side
	framedMM    = 4    // half the thickness of what is no body
	frameBlocks = 2    // at the picture's edge that may be a drawn frame
	edgeShare   = 1.0  // of a dark region's touch of the edge by the root of its area, to be lung
	flatness    = 0.35 // height by width of a region across most of the body: below, it is the table
	acrossShare = 0.6  // of the body's width: across most of it
	fatShare    = 0.5  // of the way from the aerated regions' median to the bound: a median above it is fat
	gasShare    = 0.75 // an airway's grey as a share of the aerated regions' median
)

// blur takes the mean of each block and its neighbours: noise breaks a
// threshold's walls.
func (l *Lungs) blur(level []int16) []int16 {
	out := make([]int16, len(level))
	for y := range l.h {
		for x := range l.w {
			sum, n := 0, 0
			for v := max(0, y-blurBlocks); v <= min(l.h-1, y+blurBlocks); v++ {
				for u := max(0, x-blurBlocks); u <= min(l.w-1, x+blurBlocks); u++ {
					sum += int(level[v*l.w+u])
					n++
				}
			}
			out[y*l.w+x] = int16(sum / n)
		}
	}
	return out
}

// notOutside marks all but the dark regions around the body: those that lie much
// along the edge or flat across the whole width. A lung that a tight crop cuts
// touches little of the edge.
func (l *Lungs) notOutside(level []int16, bound int16) plane {
	dark := l.blocks()
	for i := range dark.at {
		// A frame counts as what it frames.
		x := min(max(i%l.w, frameBlocks), l.w-1-frameBlocks)
		y := min(max(i/l.w, frameBlocks), l.h-1-frameBlocks)
		if level[y*l.w+x] < bound {
			dark.at[i] = 1
		}
	}
	runs, n := components(Mask{dark.at}, l.w, l.h, byFaces)
	regions := make([]darkRegion, n)
	for _, r := range runs {
		regions[r.label].add(r, l.w, l.h)
	}
	out := l.blocks()
	for i := range out.at {
		out.at[i] = 1
	}
	for _, r := range runs {
		if regions[r.label].outside(l.w) {
			mark(out.at, l.w, r, 0)
		}
	}
	return out
}

// darkRegion is what notOutside knows of a region.
type darkRegion struct {
	area, touch              int
	left, right, top, bottom int  // right and bottom not included; set once area is not 0
	first, last              bool // it touches the first column, the last one
}

func (d *darkRegion) add(r run, w, h int) {
	from, to, row := int(r.from), int(r.to), int(r.row)
	if d.area == 0 {
		d.left, d.top = from, row
	}
	d.area += to - from
	d.left, d.right, d.bottom = min(d.left, from), max(d.right, to), row+1
	if from == 0 {
		d.touch++
		d.first = true
	}
	if to == w {
		d.touch++
		d.last = true
	}
	if row == 0 || row == h-1 {
		d.touch += to - from
	}
}

func (d *darkRegion) outside(w int) bool {
	width, height := float64(d.right-d.left), float64(d.bottom-d.top)
	return d.first && d.last || float64(d.touch) > edgeShare*math.Sqrt(float64(d.area)) ||
		width > acrossShare*float64(w) && height < flatness*width
}

// dropFat unmarks the dark regions that are not dark enough for lung: those whose
// median is nearer to the bound than to the median of all.
func (l *Lungs) dropFat(air []uint8, level []int16, bound int16) {
	var all []int16
	runs, n := components(Mask{air}, l.w, l.h, byFaces)
	values := make([][]int16, n)
	for _, r := range runs {
		here := level[int(r.row)*l.w:][r.from:r.to]
		values[r.label] = append(values[r.label], here...)
		all = append(all, here...)
	}
	if len(all) == 0 {
		return
	}
	lung := median(all)
	fat := make([]bool, n)
	for k, v := range values {
		fat[k] = float64(median(v)) > float64(lung)+fatShare*float64(bound-lung)
	}
	for _, r := range runs {
		if fat[r.label] {
			mark(air, l.w, r, 0)
		}
	}
}

// median reorders its argument.
func median(values []int16) int16 {
	slices.Sort(values)
	return values[len(values)/2]
}

// airwayLevel is the grey below which an aerated region is gas.
func (l *Lungs) airwayLevel(air []uint8, level []int16) int16 {
	var values []int16
	for i, v := range air {
		if v != 0 {
			values = append(values, level[i])
		}
	}
	if len(values) == 0 {
		return 0
	}
	return int16(gasShare * float64(median(values)))
}

// tight is the picture's pixels without gaps between the rows.
func tight(p *image.Gray) []uint8 {
	b := p.Bounds()
	if p.Stride == b.Dx() && p.Rect.Min == (image.Point{}) {
		return p.Pix[:b.Dx()*b.Dy()]
	}
	out := make([]uint8, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		from := p.PixOffset(b.Min.X, y)
		out = append(out, p.Pix[from:from+b.Dx()]...)
	}
	return out
}

// otsu is the grey that parts dark from bright with the largest variance
// between them (Otsu 1979).
func otsu(level []int16) int16 {
	var count [256]float64
	total, sum := 0.0, 0.0
	for _, v := range level {
		count[v]++
		total++
		sum += float64(v)
	}
	best, at := 0.0, int16(127)
	dark, darkSum := 0.0, 0.0
	for v, n := range count {
		dark += n
		darkSum += n * float64(v)
		if dark == 0 || dark == total {
			continue
		}
		d := darkSum/dark - (sum-darkSum)/(total-dark)
		if between := dark * (total - dark) * d * d; between > best {
			best, at = between, int16(v)
		}
	}
	return at
}
