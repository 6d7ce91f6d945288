package phantom

import "math"

// section is one thin plane through the patient being painted, in any
// direction: Hounsfield units and labels.
type section struct {
	columns, rows         int
	origin, column, row   vec     // the first pixel's centre, and the steps from pixel to pixel
	normal                vec     // unit
	acrossColumn, downRow vec     // what takes mm from the origin to columns and rows
	pixel, wide, high     float64 // mm: the root of a pixel's area, its sides
	hu                    []float32
	lung                  []uint8 // 0 none, rightLung, leftLung
	lesion                []uint8 // 0 none, or its number

	// Of what a lung covers of a pixel: the share, the density there, the lung.
	within, tissue []float32
	side           []uint8
}

// newSection returns a section whose pixels are column and row apart, without a
// place yet.
func newSection(columns, rows int, column, row vec) *section {
	normal := cross(column, row)
	area := norm(normal)
	n := columns * rows
	s := &section{
		columns: columns, rows: rows, column: column, row: row,
		normal: scale(normal, 1/area),
		pixel:  math.Sqrt(area), wide: norm(column), high: norm(row),
		hu: make([]float32, n), within: make([]float32, n), tissue: make([]float32, n),
		lung: make([]uint8, n), lesion: make([]uint8, n), side: make([]uint8, n),
	}
	s.acrossColumn = scale(cross(row, s.normal), 1/area)
	s.downRow = scale(cross(s.normal, column), 1/area)
	return s
}

// forget makes the section fit to be painted anew.
func (s *section) forget() {
	clear(s.lung)
	clear(s.lesion)
	clear(s.within)
	clear(s.side)
}

// at is the place of a pixel's centre.
func (s *section) at(column, row float64) vec {
	return vec{
		s.origin[0] + column*s.column[0] + row*s.row[0],
		s.origin[1] + column*s.column[1] + row*s.row[1],
		s.origin[2] + column*s.column[2] + row*s.row[2],
	}
}

// box bounds a shape.
type box struct{ low, high vec }

func around(centre, radii vec) box { return box{sub(centre, radii), add(centre, radii)} }

func (b box) grown(by float64) box {
	return box{sub(b.low, vec{by, by, by}), add(b.high, vec{by, by, by})}
}

// shape is a solid by the distance in mm from its surface, below 0 inside. The
// distance may be rough away from the surface, but may not change faster than
// rough times the way.
type shape struct {
	box   box
	depth func(p vec) float64
}

// rough is how much faster than the way a shape's distance may change.
const rough = 1.7

// window is the rectangle of pixels, from and to, that a box can reach.
func (s *section) window(b box) (c0, c1, r0, r1 int) {
	inf := math.Inf(1)
	low, high := vec{inf, inf, inf}, vec{-inf, -inf, -inf}
	for corner := range 8 {
		q := b.low
		for k := range q {
			if corner>>k&1 != 0 {
				q[k] = b.high[k]
			}
		}
		q = sub(q, s.origin)
		for k, v := range [3]float64{dot(q, s.acrossColumn), dot(q, s.downRow), dot(q, s.normal)} {
			low[k], high[k] = min(low[k], v), max(high[k], v)
		}
	}
	if low[2] > s.pixel || high[2] < -s.pixel {
		return 0, 0, 0, 0
	}
	span := func(from, to float64, n int) (int, int) {
		a, b := max(from-1, 0), min(to+2, float64(n))
		if a >= b {
			return 0, 0
		}
		return int(a), int(b)
	}
	c0, c1 = span(low[0], high[0], s.columns)
	r0, r1 = span(low[1], high[1], s.rows)
	return c0, c1, r0, r1
}

// The widths in pixels of blocks that are looked at as a whole: where the middle
// lies far from a surface, all of it does. Others are split.
const mostBlock, leastBlock = 16, 4

// each calls do for the pixels that a shape covers wholly or in part, with the
// share that it covers.
func (s *section) each(sh shape, do func(i int, p vec, share float32)) {
	s.blocks(sh, func(c, c2, r, r2 int, within bool) {
		for y := r; y < r2; y++ {
			for x := c; x < c2; x++ {
				p, share := s.at(float64(x), float64(y)), 1.0
				if !within {
					share = s.cover(sh.depth(p))
				}
				if share > 0 {
					do(y*s.columns+x, p, float32(share))
				}
			}
		}
	})
}

// blocks calls do for the blocks of pixels that a shape can reach, from one
// column and row up to another, and says whether it covers all of one.
func (s *section) blocks(sh shape, do func(c, c2, r, r2 int, within bool)) {
	var split func(c, c2, r, r2, size int)
	split = func(c0, c1, r0, r1, size int) {
		for r := r0; r < r1; r += size {
			for c := c0; c < c1; c += size {
				c2, r2 := min(c+size, c1), min(r+size, r1)
				far := rough*s.halfDiagonal(c2-c, r2-r) + s.pixel
				d := sh.depth(s.at(float64(c+c2-1)/2, float64(r+r2-1)/2))
				switch {
				case d > far:
				case d < -far || size <= leastBlock:
					do(c, c2, r, r2, d < -far)
				default:
					split(c, c2, r, r2, size/4)
				}
			}
		}
	}
	c0, c1, r0, r1 := s.window(sh.box)
	split(c0, c1, r0, r1, mostBlock)
}

func (s *section) halfDiagonal(columns, rows int) float64 {
	return (float64(columns)*s.wide + float64(rows)*s.high) / 2
}

// cover is the share of a pixel inside a surface at a distance.
func (s *section) cover(depth float64) float64 {
	return max(0, min(1, 0.5-depth/s.pixel))
}

// paint gives a shape its density; pixels on its surface are mixed.
func (s *section) paint(sh shape, hu float32) {
	s.blocks(sh, func(c, c2, r, r2 int, within bool) {
		for y := r; y < r2; y++ {
			line := s.hu[y*s.columns:][:s.columns]
			for x := c; x < c2; x++ {
				if within {
					line[x] = hu
				} else if share := s.cover(sh.depth(s.at(float64(x), float64(y)))); share > 0 {
					line[x] += float32(share) * (hu - line[x])
				}
			}
		}
	})
}

// tube paints a tapering tube; one thinner than a pixel fills only its share.
func (s *section) tube(t tube, grow float64, hu float32) {
	r := max(t.r0, t.r1) + grow
	if r <= 0 {
		return
	}
	a, b := dot(sub(t.a, s.origin), s.normal), dot(sub(t.b, s.origin), s.normal)
	if min(a, b) > r+s.pixel || max(a, b) < -r-s.pixel {
		return
	}
	thin := float32(min(1, 2*r/s.pixel))
	s.each(t.shape(grow), func(i int, _ vec, share float32) { s.hu[i] += thin * share * (hu - s.hu[i]) })
}
