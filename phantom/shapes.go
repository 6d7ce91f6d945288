package phantom

import "math"

// tube is a straight segment of a vessel, airway or bone.
type tube struct {
	a, b   vec
	r0, r1 float64 // radii at a and b, mm
}

// distance is the signed distance of a point from the tube's surface.
func (t tube) distance(p vec) float64 {
	d, q := sub(t.b, t.a), sub(p, t.a)
	s := 0.0
	if l := dot(d, d); l > 0 {
		s = max(0, min(1, dot(q, d)/l))
	}
	return norm(sub(q, scale(d, s))) - (t.r0 + s*(t.r1-t.r0))
}

func (t tube) shape(grow float64) shape {
	r := max(t.r0, t.r1) + grow
	b := box{t.a, t.a}
	for k := range 3 {
		b.low[k], b.high[k] = min(t.a[k], t.b[k])-r, max(t.a[k], t.b[k])+r
	}
	return shape{b, func(p vec) float64 { return t.distance(p) - grow }}
}

// pipe is a chain of tubes through points, all of one radius.
func pipe(radius float64, through ...vec) []tube {
	var tubes []tube
	for i, p := range through[1:] {
		tubes = append(tubes, tube{through[i], p, radius, radius})
	}
	return tubes
}

// ellipsoid is the distance from an ellipsoid around 0, exact near its surface.
func ellipsoid(p, r vec) float64 {
	u := vec{p[0] / r[0], p[1] / r[1], p[2] / r[2]}
	f := norm(u)
	g := norm(vec{u[0] / r[0], u[1] / r[1], u[2] / r[2]})
	if g == 0 {
		return -min(r[0], r[1], r[2])
	}
	return f * (f - 1) / g
}

// endless is a radius of what has no end in a direction.
const endless = 1e6

// ball is an ellipsoid as a shape; it grows by grow on all sides.
func ball(centre, radii vec, grow float64) shape {
	radii = add(radii, vec{grow, grow, grow})
	return shape{around(centre, radii), func(p vec) float64 { return ellipsoid(sub(p, centre), radii) }}
}

// column is an elliptic cylinder along z between two heights.
func column(x, y, rx, ry, low, high float64) shape {
	r := vec{rx, ry, endless}
	return shape{box{vec{x - rx, y - ry, low}, vec{x + rx, y + ry, high}}, func(p vec) float64 {
		return max(ellipsoid(vec{p[0] - x, p[1] - y, 0}, r), low-p[2], p[2]-high)
	}}
}

// rounded is the distance from a shape between an ellipsoid (boxy 0) and a box
// (boxy 1), as bodies and chests are in section.
func rounded(p, r vec, boxy float64) float64 {
	u, v, w := p[0]/r[0], p[1]/r[1], p[2]/r[2]
	u, v, w = u*u, v*v, w*w
	f := (1-boxy)*math.Sqrt(u+v+w) + boxy*math.Sqrt(math.Sqrt(u*u+v*v+w*w))
	return (f - 1) * min(r[0], r[1], r[2])
}

// blend is the least of two distances, rounded off over k mm where they meet.
func blend(a, b, k float64) float64 {
	h := max(k-math.Abs(a-b), 0) / k
	return min(a, b) - h*h*k/4
}

// carve is the greatest of two distances, rounded off over k mm.
func carve(a, b, k float64) float64 { return -blend(-a, -b, k) }
