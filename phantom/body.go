package phantom

import "math"

// bodyBox bounds the body and the table.
var bodyBox = box{vec{-260, -160, -1000}, vec{260, 180, 1000}}

// body is the distance from the skin: a trunk that narrows to the neck, and
// shoulders.
func body(p vec) float64 {
	up := max(0, p[2]-70)
	d := rounded(vec{p[0], p[1] - 6 - 0.06*up, up}, vec{166, 119, 150}, 0.4)
	if p[2] > 20 {
		p[0] = math.Abs(p[0])
		d = blend(d, ellipsoid(sub(p, vec{142, 20, 128}), vec{70, 66, 84}), 40)
	}
	return d
}

// muscles are pads around the chest, mirrored at the middle: centre and radii.
func muscles() [][2]vec {
	return [][2]vec{
		{{32, 101, 0}, {30, 18, endless}}, // along the spine
		{{52, 112, 100}, {64, 12, 90}},    // trapezius
		{{122, 52, 50}, {22, 52, 84}},     // below the arm
		{{104, 92, 40}, {44, 16, 78}},     // on the shoulder blade
		{{70, -90, 62}, {62, 16, 52}},     // of the breast
		{{142, 20, 132}, {56, 48, 62}},    // of the shoulder
		{{40, -100, -130}, {46, 8, 70}},   // of the belly
	}
}

func (a *anatomy) paintBody(s *section) {
	skin := func(depth float64) shape {
		return shape{bodyBox, func(p vec) float64 { return body(p) + depth }}
	}
	s.paint(skin(0), skinHU)
	s.paint(skin(1.8), fatHU)
	inside := func(depth float64, d func(p vec) float64) shape {
		return shape{bodyBox, func(p vec) float64 { return max(d(p), body(p)+depth) }}
	}
	wall := func(grow float64) shape { return inside(4, func(p vec) float64 { return cage(p) - grow }) }
	s.paint(wall(15), muscleHU)
	s.paint(wall(11.5), fatHU+35) // between the muscle's layers
	s.paint(wall(10.5), muscleHU)
	for _, m := range muscles() {
		for _, x := range []float64{-1, 1} {
			c := m[0]
			c[0] *= x
			sh := inside(5, ball(c, m[1], 0).depth)
			sh.box = around(c, m[1])
			s.paint(sh, muscleHU)
		}
	}
	// Between the shoulder's muscles and over the neck.
	s.paint(column(0, 40, 62, 44, 112, 1000), muscleHU-8)
	// Inside the chest: fat below the pleura, then what the organs leave.
	s.paint(shape{bodyBox, cage}, fatHU+15)
}

// paintAbdomen paints what lies below the diaphragm: liver, spleen, stomach.
func (a *anatomy) paintAbdomen(s *section) {
	organ := func(which side, hu float32, organ shape) {
		inner := organ.depth
		organ.depth = func(p vec) float64 {
			return max(cage(p)+4, 0.7*(p[2]+2.5-which.diaphragm(p[0], p[1])), inner(p))
		}
		s.paint(organ, hu)
	}
	organ(left, bloodHU-12, ball(vec{52, -26, -112}, vec{56, 56, 62}, 0))
	organ(left, airHU, ball(vec{52, -58, -92}, vec{30, 14, 26}, 0)) // the stomach's gas
	organ(left, liverHU-8, ball(vec{96, 42, -118}, vec{34, 46, 62}, 0))
	organ(left, liverHU, ball(vec{14, -40, -116}, vec{62, 44, 44}, 0))
	organ(right, liverHU, ball(vec{-64, -2, -128}, vec{100, 102, 84}, 0))
	for _, x := range []float64{-1, 1} { // the diaphragm's pillars
		s.tube(tube{vec{x * 9, 40, -70}, vec{x * 14, 48, -200}, 4, 7}, 0, muscleHU)
	}
}

// paintTable paints the couch, a shell around foam, and a mattress.
func (a *anatomy) paintTable(s *section) {
	at := func(p vec) (x, y float64) { return p[0], a.down*p[1] + 0.0009*p[0]*p[0] }
	couch := func(grow float64) shape {
		return shape{bodyBox, func(p vec) float64 {
			x, y := at(p)
			return max(134-y, y-162-0.0007*x*x, math.Abs(x)-215) - grow
		}}
	}
	s.paint(couch(0), 120)
	s.paint(couch(-1.6), -940)
	s.paint(shape{bodyBox, func(p vec) float64 {
		x, y := at(p)
		return max(124-y, y-133, math.Abs(x)-195)
	}}, -960)
}
