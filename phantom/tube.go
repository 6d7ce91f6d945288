package phantom

import "math"

// tube is a straight segment of a vessel, airway or rib.
type tube struct {
	a, b   [3]float64
	r0, r1 float64 // radii at a and b, mm
}

// distance is the signed distance of a point from the tube's surface.
func (t tube) distance(x, y, z float64) float64 {
	d := [3]float64{t.b[0] - t.a[0], t.b[1] - t.a[1], t.b[2] - t.a[2]}
	q := [3]float64{x - t.a[0], y - t.a[1], z - t.a[2]}
	l := d[0]*d[0] + d[1]*d[1] + d[2]*d[2]
	s := 0.0
	if l > 0 {
		s = max(0, min(1, (q[0]*d[0]+q[1]*d[1]+q[2]*d[2])/l))
	}
	ex, ey, ez := q[0]-s*d[0], q[1]-s*d[1], q[2]-s*d[2]
	return math.Sqrt(ex*ex+ey*ey+ez*ez) - (t.r0 + s*(t.r1-t.r0))
}

func distance(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}
