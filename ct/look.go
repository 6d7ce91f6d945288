package ct

import (
	"image"
	"math"
	"slices"
)

// Look is what a coarse look at an input tells of whether the networks know its
// like. What is not known is 0, and absent in JSON.
type Look struct {
	LungSlices int     `json:"lung_slices"`          // of a volume, that show lung at a coarse look
	LungMM     float64 `json:"lung_mm,omitempty"`    // from the first of them to the last
	NoiseHU    float64 `json:"noise_hu,omitempty"`   // in soft tissue of a volume, within the slice
	NoiseGrey  float64 `json:"noise_grey,omitempty"` // of pictures, of 255
	// Jump is the largest change from one slice to the next, by the usual one
	// beside it.
	Jump float64 `json:"jump,omitempty"`
	// BlackLungs is the share of pictures whose lungs are black.
	BlackLungs float64 `json:"black_lungs,omitempty"`

	first, last int // slices that show lung
	cutLow      bool
	cutHigh     bool
	cutSides    bool
	jumpAt      int // the slice before the jump
	noiseKnown  bool
	tissueHU    float64
	darkHU      float64
	air, tissue float64 // shares of the voxels
}

// lookAt looks at a volume.
func lookAt(v *Volume) *Look {
	l := &Look{first: -1}
	fields := make([]lungField, v.Slices)
	shares := make([]float64, v.Slices)
	most, cells, edges := 0.0, 0.0, 0
	for k := range fields {
		fields[k] = newLungField(v.Slice(k), v.Columns, v.Rows)
		share, e := fields[k].share()
		shares[k] = share
		most = max(most, share)
		if share >= showsLung {
			l.LungSlices++
			if l.first < 0 {
				l.first = k
			}
			l.last = k
			edges += e
			cells += share * float64(len(fields[k].mean))
		}
	}
	_, _, z, _ := v.SpacingMM()
	if l.LungSlices > 0 {
		l.LungMM = rounded(z * float64(l.last-l.first+1))
	}
	if v.Slices >= leastStack && most >= showsLung {
		l.cutLow, l.cutHigh = shares[0] > cutShare*most, shares[v.Slices-1] > cutShare*most
	}
	l.cutSides = float64(edges) > cutEdges*cells
	l.Jump, l.jumpAt = jump(fields)
	l.NoiseHU, l.noiseKnown = noiseOf(v)
	l.densities(v)
	return l
}

const (
	// leastStack is the fewest slices of which ends and neighbours can be told.
	leastStack = 10
	// cutShare is how much lung the first or last slice may show, as a share of
	// the slice that shows most; cutEdges how much of the lung may lie at the
	// edge of the picture.
	cutShare = 0.3
	cutEdges = 0.02
)

// densities fills in what the values tell of being Hounsfield units.
func (l *Look) densities(v *Volume) {
	var count [1 << 16]int32
	for _, hu := range v.HU {
		count[int(hu)+1<<15]++
	}
	at := func(hu int) *int32 { return &count[hu+1<<15] }
	quantile := func(from, to int, q float64) (value float64, share float64) {
		n := 0
		for hu := from; hu < to; hu++ {
			n += int(*at(hu))
		}
		left := int(q * float64(n))
		for hu := from; hu < to; hu++ {
			if left -= int(*at(hu)); left < 0 {
				return float64(hu), float64(n) / float64(len(v.HU))
			}
		}
		return 0, 0
	}
	for hu := math.MinInt16; hu < -500; hu++ {
		l.air += float64(*at(hu)) / float64(len(v.HU))
	}
	l.darkHU, _ = quantile(Air+1, -500, 0.1)
	l.tissueHU, l.tissue = quantile(-300, 1500, 0.5)
}

// jump is the largest change from slice to slice, by the median of those up to
// jumpReach away. Changes near nothing do not count.
func jump(fields []lungField) (most float64, at int) {
	if len(fields) < leastStack {
		return 0, 0
	}
	change := make([]float64, len(fields)-1)
	for k := range change {
		a, b := fields[k].mean, fields[k+1].mean
		for i := range a {
			change[k] += math.Abs(float64(held(a[i]) - held(b[i])))
		}
		change[k] /= float64(len(a))
	}
	for k, c := range change {
		var beside []float64
		for i := max(0, k-jumpReach); i < min(len(change), k+jumpReach+1); i++ {
			if i != k {
				beside = append(beside, change[i])
			}
		}
		if ratio := c / max(median(beside), leastChange); ratio > most {
			most, at = ratio, k
		}
	}
	return most, at
}

const (
	jumpReach   = 4
	leastChange = 5 // HU
)

// held holds a mean to the range in which chests differ.
func held(hu float32) float32 { return max(-1000, min(hu, 100)) }

// noiseSlices is of how many slices the noise is measured.
const noiseSlices = 15

// noiseOf is the standard deviation of the noise in soft tissue, unless there is
// too little of it that is whole: from the Laplacian of Immerkær (1996), with the median in
// place of the mean so that edges do not count. Noise that a smooth kernel has
// spread over neighbours counts for less than it is.
func noiseOf(v *Volume) (hu float64, ok bool) {
	all := new(residuals)
	for _, k := range spread(v.Slices, noiseSlices) {
		hu := v.Slice(k)
		all.add(v.Columns, v.Rows, func(i int) (int, bool) { h := int(hu[i]); return h, h >= -150 && h <= 250 })
	}
	return all.deviation()
}

// noiseOfPicture is the same of a picture's greys that are neither black nor
// white.
func noiseOfPicture(p *image.Gray) (greys float64, ok bool) {
	all := new(residuals)
	all.add(p.Rect.Dx(), p.Rect.Dy(), func(i int) (int, bool) {
		g := int(p.Pix[i/p.Rect.Dx()*p.Stride+i%p.Rect.Dx()])
		return g, g >= 20 && g <= 235
	})
	return all.deviation()
}

// residuals counts the absolute answers of the Laplacian.
type residuals struct {
	count [8192]int
	n     int
}

// add counts the pixels that are of use with all their neighbours.
func (r *residuals) add(columns, rows int, at func(i int) (value int, of bool)) {
	for y := 1; y < rows-1; y++ {
	pixel:
		for x := 1; x < columns-1; x++ {
			sum := 0
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					value, of := at((y+dy)*columns + x + dx)
					if !of {
						continue pixel
					}
					sum += value * (2 - 3*abs(dx)) * (2 - 3*abs(dy)) // 4 -2 1
				}
			}
			r.count[min(abs(sum), len(r.count)-1)]++
			r.n++
		}
	}
}

func abs(i int) int { return max(i, -i) }

// fewResiduals is too few pixels to tell noise by.
const fewResiduals = 500

// deviation is the noise, unless too few pixels are of use.
func (r *residuals) deviation() (sd float64, ok bool) {
	if r.n < fewResiduals {
		return 0, false
	}
	left := r.n / 2
	for v, n := range r.count {
		if left -= n; left < 0 {
			return float64(v) / 0.6745 / 6, true
		}
	}
	return 0, false
}

// lookAtPictures looks at pictures, of many only at some.
func lookAtPictures(pictures []*image.Gray) *Look {
	l := &Look{}
	var noise []float64
	seen, black := 0, 0
	for _, i := range spread(len(pictures), noiseSlices) {
		p := pictures[i]
		if n, ok := noiseOfPicture(p); ok {
			noise = append(noise, n)
		}
		if share, ok := blackLungs(p); ok {
			seen++
			if share > blackShare {
				black++
			}
		}
	}
	if len(noise) > 0 {
		l.NoiseGrey = median(noise)
	}
	if seen > 0 {
		l.BlackLungs = float64(black) / float64(seen)
	}
	return l
}

// blackShare is the share of the lungs' pixels that are black, from which on they
// cannot have been windowed for lungs.
const blackShare = 0.6

// blackGrey is the highest grey that counts as black.
const blackGrey = 5

// blackLungs is the share of black pixels in what lies dark within the body; ok
// is false where nothing does.
func blackLungs(p *image.Gray) (share float64, ok bool) {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	greys := make([]int16, w*h)
	var sorted []int16
	for y := range h {
		for x := range w {
			g := int16(p.Pix[y*p.Stride+x])
			greys[y*w+x] = g
			if g > blackGrey {
				sorted = append(sorted, g)
			}
		}
	}
	if len(sorted) < fewResiduals {
		return 0, false
	}
	slices.Sort(sorted)
	bright := float32(sorted[len(sorted)*3/4])
	f := newLungField(greys, w, h)
	f.low, f.high, f.tissue = -1, 0.5*bright, 0.55*bright
	side := max(1, (max(w, h)+fieldSide-1)/fieldSide)
	dark, black, cells := 0, 0, 0
	for i, lung := range f.lung() {
		if !lung {
			continue
		}
		cells++
		c, r := i%f.columns, i/f.columns
		for y := r * side; y < min((r+1)*side, h); y++ {
			for x := c * side; x < min((c+1)*side, w); x++ {
				dark++
				if greys[y*w+x] <= blackGrey {
					black++
				}
			}
		}
	}
	if float64(cells) < showsLung*float64(len(f.mean)) {
		return 0, false
	}
	return float64(black) / float64(dark), true
}
