package phantom

import "math"

// plane is one thin section being painted: Hounsfield units and labels.
type plane struct {
	columns, rows int
	pixel         float64 // mm
	x0, y0        float64 // of the first pixel's centre
	z             float64
	hu            []float32
	lung          []uint8 // 0 none, rightLung, leftLung
	lesion        []uint8 // 0 none, or its number
}

func (p *plane) x(column int) float64 { return p.x0 + float64(column)*p.pixel }
func (p *plane) y(row int) float64    { return p.y0 + float64(row)*p.pixel }

// box is a rectangle in mm.
type box struct{ x0, x1, y0, y1 float64 }

func around(x, y, rx, ry float64) box { return box{x - rx, x + rx, y - ry, y + ry} }

// each calls do for the pixels of a box, which is widened by a pixel.
func (p *plane) each(b box, do func(i int, x, y float64)) {
	c0, c1 := p.span(b.x0, b.x1, p.x0, p.columns)
	r0, r1 := p.span(b.y0, b.y1, p.y0, p.rows)
	for r := r0; r < r1; r++ {
		y := p.y(r)
		for c := c0; c < c1; c++ {
			do(r*p.columns+c, p.x(c), y)
		}
	}
}

func (p *plane) span(from, to, origin float64, n int) (int, int) {
	a := int(math.Floor((from-origin)/p.pixel)) - 1
	b := int(math.Ceil((to-origin)/p.pixel)) + 2
	return max(0, min(a, n)), max(0, min(b, n))
}

// paint gives a shape its density; depth is the signed distance in mm from the
// shape's surface, below 0 inside. Pixels on the surface are mixed.
func (p *plane) paint(b box, hu float32, depth func(x, y float64) float64) {
	p.each(b, func(i int, x, y float64) {
		if c := p.cover(depth(x, y)); c > 0 {
			p.hu[i] += float32(c) * (hu - p.hu[i])
		}
	})
}

// cover is the share of a pixel inside a surface at a distance.
func (p *plane) cover(depth float64) float64 {
	return max(0, min(1, 0.5-depth/p.pixel))
}

func (p *plane) ellipse(x, y, rx, ry float64, hu float32) {
	p.paint(around(x, y, rx, ry), hu, func(px, py float64) float64 { return ellipse(px-x, py-y, rx, ry) })
}

// ellipse is the distance from an ellipse around 0, exact near its edge.
func ellipse(x, y, rx, ry float64) float64 {
	u, v := x/rx, y/ry
	f := math.Sqrt(u*u + v*v)
	g := math.Sqrt(u*u/(rx*rx) + v*v/(ry*ry))
	if g == 0 {
		return -min(rx, ry)
	}
	return f * (f - 1) / g
}

// ellipsoid is the same in space.
func ellipsoid(x, y, z, rx, ry, rz float64) float64 {
	u, v, w := x/rx, y/ry, z/rz
	f := math.Sqrt(u*u + v*v + w*w)
	g := math.Sqrt(u*u/(rx*rx) + v*v/(ry*ry) + w*w/(rz*rz))
	if g == 0 {
		return -min(rx, ry, rz)
	}
	return f * (f - 1) / g
}

// rounded is the distance from a shape between an ellipse and a rectangle, as
// bodies and lungs are in section.
func rounded(x, y, rx, ry float64) float64 {
	u, v := x*x/(rx*rx), y*y/(ry*ry)
	f := 0.5*math.Sqrt(u+v) + 0.5*math.Sqrt(math.Sqrt(u*u+v*v))
	return (f - 1) * min(rx, ry)
}

// tube paints a segment of a tapering tube; one thinner than a pixel fills only
// its share of it.
func (p *plane) tube(t tube, grow float64, hu float32) {
	r := max(t.r0, t.r1) + grow
	if r <= 0 || p.z < min(t.a[2], t.b[2])-r || p.z > max(t.a[2], t.b[2])+r {
		return
	}
	share := min(1, 2*r/p.pixel)
	b := box{min(t.a[0], t.b[0]) - r, max(t.a[0], t.b[0]) + r, min(t.a[1], t.b[1]) - r, max(t.a[1], t.b[1]) + r}
	p.each(b, func(i int, x, y float64) {
		if c := share * p.cover(t.distance(x, y, p.z)-grow); c > 0 {
			p.hu[i] += float32(c) * (hu - p.hu[i])
		}
	})
}
