package phantom

import "math"

// vec is a place or a direction in the patient's frame, in mm.
type vec = [3]float64

func add(a, b vec) vec              { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func sub(a, b vec) vec              { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func scale(a vec, s float64) vec    { return vec{a[0] * s, a[1] * s, a[2] * s} }
func dot(a, b vec) float64          { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func norm(a vec) float64            { return math.Sqrt(dot(a, a)) }
func distance(a, b vec) float64     { return norm(sub(a, b)) }
func lerp(a, b vec, t float64) vec  { return add(scale(a, 1-t), scale(b, t)) }
func along(p, d vec, t float64) vec { return add(p, scale(d, t)) }

func cross(a, b vec) vec {
	return vec{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// turn turns a by an angle in radians about the axis from patient axis i to j.
func turn(a vec, i, j int, angle float64) vec {
	s, c := math.Sincos(angle)
	a[i], a[j] = c*a[i]-s*a[j], s*a[i]+c*a[j]
	return a
}
