package findings

import "math"

// plane is a binary picture whose pixels are sx x sy in size (millimetres, or
// pixels where there are none).
type plane struct {
	w, h   int
	sx, sy float64
	at     []uint8
}

func (p plane) like() plane {
	p.at = make([]uint8, p.w*p.h)
	return p
}

// dilate marks what lies within radius of a marked pixel.
func (p plane) dilate(radius float64) plane {
	p.at = p.within(radius, 1)
	return p
}

// erode unmarks what lies within radius of an unmarked pixel. Beyond the edge
// nothing is unmarked.
func (p plane) erode(radius float64) plane {
	p.at = p.within(radius, 0)
	for i, v := range p.at {
		p.at[i] = 1 - v
	}
	return p
}

// close fills notches and gaps narrower than twice the radius.
func (p plane) close(radius float64) plane { return p.dilate(radius).erode(radius) }

// open drops what is thinner than twice the radius.
func (p plane) open(radius float64) plane { return p.erode(radius).dilate(radius) }

// fill marks the holes: unmarked regions that do not reach the edge.
func (p plane) fill() plane { return p.fillTo(math.Inf(1)) }

// fillTo marks the holes up to an area in square millimetres.
func (p plane) fillTo(area float64) plane {
	inverse := p.like()
	for i, v := range p.at {
		inverse.at[i] = 1 - v
	}
	runs, n := components(Mask{inverse.at}, p.w, p.h, byFaces)
	outside := make([]bool, n)
	size := make([]int, n)
	for _, r := range runs {
		size[r.label] += int(r.to - r.from)
		if p.atEdge(r) {
			outside[r.label] = true
		}
	}
	for k, cells := range size {
		outside[k] = outside[k] || float64(cells)*p.sx*p.sy > area
	}
	out := p.like()
	copy(out.at, p.at)
	for _, r := range runs {
		if !outside[r.label] {
			mark(out.at, p.w, r, 1)
		}
	}
	return out
}

// largest keeps the largest component.
func (p plane) largest() plane {
	runs, n := components(Mask{p.at}, p.w, p.h, byFaces)
	size := make([]int, n)
	best := 0
	for _, r := range runs {
		size[r.label] += int(r.to - r.from)
		if size[r.label] > size[best] {
			best = int(r.label)
		}
	}
	out := p.like()
	for _, r := range runs {
		if int(r.label) == best {
			mark(out.at, p.w, r, 1)
		}
	}
	return out
}

func (p plane) atEdge(r run) bool {
	return r.row == 0 || int(r.row) == p.h-1 || r.from == 0 || int(r.to) == p.w
}

func mark(at []uint8, columns int, r run, v uint8) {
	line := at[int(r.row)*columns:]
	for c := r.from; c < r.to; c++ {
		line[c] = v
	}
}

// squaredDistance is the squared Euclidean distance of each pixel to the
// nearest one whose value is (want 1) or is not (want 0) marked, by lower
// envelopes of parabolas (Felzenszwalb and Huttenlocher 2012).
func squaredDistance(p plane, want uint8) []float32 {
	d := make([]float32, p.w*p.h)
	for y := range p.h {
		nearestInRow(d[y*p.w:][:p.w], p.at[y*p.w:][:p.w], want, p.sx)
	}
	e := newEnvelope(p.h)
	for x := range p.w {
		e.transform(d[x:], p.w, p.h, p.sy)
	}
	return d
}

// nearestInRow sets d to the squared distance of each pixel of a row to the
// nearest one that is wanted in the row, s apart, or to far.
func nearestInRow(d []float32, row []uint8, want uint8, s float64) {
	last := -1
	for i, v := range row {
		if (v != 0) == (want != 0) {
			last = i
		}
		d[i] = far
		if last >= 0 {
			t := s * float64(i-last)
			d[i] = float32(t * t)
		}
	}
	last = -1
	for i := len(row) - 1; i >= 0; i-- {
		if d[i] == 0 {
			last = i
		} else if last >= 0 {
			t := s * float64(last-i)
			d[i] = min(d[i], float32(t*t))
		}
	}
}

const far = float32(1e18)

type envelope struct {
	f     []float64
	apex  []int
	start []float64
}

func newEnvelope(n int) *envelope {
	return &envelope{f: make([]float64, n), apex: make([]int, n), start: make([]float64, n+1)}
}

// transform replaces n values at a stride by min over j of d[j] + (s(i-j))^2.
func (e *envelope) transform(d []float32, stride, n int, s float64) {
	k := -1
	for i := range n {
		e.f[i] = float64(d[i*stride])
		if d[i*stride] >= far {
			continue
		}
		x := math.Inf(-1)
		for k >= 0 {
			j := e.apex[k]
			x = (e.f[i]-e.f[j])/(2*s*s*float64(i-j)) + float64(i+j)/2
			if x > e.start[k] {
				break
			}
			k--
			x = math.Inf(-1)
		}
		k++
		e.apex[k], e.start[k] = i, x
	}
	if k < 0 {
		return
	}
	e.start[k+1] = math.Inf(1)
	k = 0
	for i := range n {
		for e.start[k+1] < float64(i) {
			k++
		}
		t := s * float64(i-e.apex[k])
		d[i*stride] = float32(e.f[e.apex[k]] + t*t)
	}
}
