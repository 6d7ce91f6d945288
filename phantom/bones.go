package phantom

import "math"

const (
	vertebraMM = 24.0 // from disc to disc
	ribMM      = 23.0 // from rib to rib at the spine
)

// onCage is where the ray from the chest's middle at a height reaches a distance
// outside the chest's inner wall; ok is false above its top. The angle is from
// the back round to the front.
func onCage(s, angle, z, outside float64) (p vec, ok bool) {
	up := max(0, z)
	middle := vec{0, 2 + 22*(up/132)*(up/132), z}
	direction := vec{s * math.Sin(angle), math.Cos(angle), 0}
	near, far := 0.0, 200.0
	if cage(middle) > outside-10 {
		return p, false
	}
	for range 40 {
		at := (near + far) / 2
		if cage(along(middle, direction, at)) < outside {
			near = at
		} else {
			far = at
		}
	}
	return along(middle, direction, near), true
}

// ribs are hoops that fall from the spine to the front; the upper ones end in
// cartilage at the breastbone.
func ribs() (bone, cartilage []tube) {
	for k := range 12 {
		back := 124 - ribMM*float64(k)
		drop := min(34+9*float64(k), 78)
		end := min(136, 150-14*max(0, float64(k)-6)) // degrees
		for _, s := range []float64{-1, 1} {
			var last vec
			known := false
			for i := range 37 {
				degrees := 9 + (end-9)*float64(i)/36
				angle := degrees * math.Pi / 180
				at, ok := onCage(s, angle, back-drop*(1-math.Cos(angle))/2, 5.5)
				if ok && known {
					bone = append(bone, tube{last, at, 4.6, 4.6})
				}
				last, known = at, ok
			}
			if k < 8 && known {
				z := last[2] + 6 + 4*float64(k)
				cartilage = append(cartilage, pipe(4.2, last, vec{s * 42, -95 + 0.02*max(0, z), (last[2] + z) / 2}, vec{s * 18, -98, z})...)
			}
		}
	}
	return bone, cartilage
}

func (a *anatomy) paintBones(s *section) {
	for _, t := range a.cartilage {
		s.tube(t, 0, 110)
	}
	bone := func(t tube, cortex float64) {
		s.tube(t, 0, cortexHU)
		s.tube(t, -cortex, marrowHU)
	}
	for _, t := range a.ribs {
		s.tube(t, 0, cortexHU)
	}
	for _, t := range a.ribs {
		s.tube(t, -1.7, marrowHU)
	}
	for _, x := range []float64{-1, 1} {
		bone(tube{vec{x * 22, -74, 98}, vec{x * 80, -62, 116}, 7, 6}, 2) // collar bones
		bone(tube{vec{x * 80, -62, 116}, vec{x * 140, -10, 134}, 6, 6.5}, 2)
		s.paint(ball(vec{x * 158, 16, 128}, vec{23, 23, 24}, 0), cortexHU) // heads of the arms' bones
		s.paint(ball(vec{x * 158, 16, 128}, vec{23, 23, 24}, -2.5), marrowHU-60)
	}
	breast := func(grow float64) shape {
		return shape{around(vec{0, -99, 25}, vec{34, 14, 86}), func(p vec) float64 {
			wide := 15 + 0.09*max(0, p[2]-40)
			d := rounded(vec{p[0], p[1] + 99 - 0.0009*max(0, p[2]-20)*(p[2]-20), 0}, vec{wide, 7, endless}, 0.5)
			return max(d, math.Abs(p[2]-25)-80) - grow
		}}
	}
	s.paint(breast(0), cortexHU-120)
	s.paint(breast(-2), marrowHU-70)
	a.paintBlades(s)
	a.paintSpine(s)
}

// paintBlades paints the shoulder blades: thin sheets behind the ribs, with a
// ridge at their back.
func (a *anatomy) paintBlades(s *section) {
	for _, x := range []float64{-1, 1} {
		blade := func(grow float64) shape {
			return shape{box{vec{min(x*66, x*152), 10, -8}, vec{max(x*66, x*152), 125, 128}}, func(p vec) float64 {
				p[0] *= x
				low := (p[2] + 5) / 120 // narrow at its lower end
				inner, outer := 76-4*low, 92+56*low
				q := vec{p[0], p[1], 0}
				d := min(tube{vec{inner, 104, 0}, vec{(inner + outer) / 2, 92, 0}, 1.6, 2}.distance(q),
					tube{vec{(inner + outer) / 2, 92, 0}, vec{outer, 58 - 10*low, 0}, 2, 4.2}.distance(q))
				if p[2] > 60 {
					d = min(d, tube{vec{104, 92, 0}, vec{122, 98, 0}, 2, 3}.distance(q))
				}
				return max(d, -p[2]-5, p[2]-122) - grow
			}}
		}
		s.paint(blade(0), cortexHU-60)
		s.paint(blade(-1.3), marrowHU+60)
	}
}

func (a *anatomy) paintSpine(s *section) {
	long := vec{0, 0, endless}
	// Height within a vertebra, 0 to 1; the lowest fifth is the disc.
	level := func(p vec) float64 { _, part := math.Modf((p[2] + 1000) / vertebraMM); return part }
	b := box{vec{-40, 40, -200}, vec{40, 125, 200}}
	bodies := shape{b, func(p vec) float64 {
		waist := 1.2 * math.Sin(math.Pi*level(p))
		return ellipsoid(vec{p[0], p[1] - spineY, 0}, add(vec{19 - waist, 15 - waist}, long))
	}}
	s.each(bodies, func(i int, p vec, share float32) {
		d, part := bodies.depth(p), level(p)
		hu := float32(marrowHU)
		switch {
		case part < 0.2:
			hu = 85
		case d > -1.8 || part < 0.26 || part > 0.95:
			hu = cortexHU
		}
		s.hu[i] += share * (hu - s.hu[i])
	})
	arch := func(grow float64) shape {
		return shape{b, func(p vec) float64 {
			x := math.Abs(p[0])
			q := vec{x, p[1], 0}
			part := level(p)
			d := ellipsoid(vec{x, p[1] - spineY - 22, 0}, add(vec{13, 12}, long))
			d = min(d, tube{vec{8, spineY + 18, 0}, vec{33, spineY + 26, 0}, 4.5, 3.8}.distance(q)+14*max(0, math.Abs(part-0.6)-0.3)) // transverse
			return min(d, tube{vec{0, spineY + 34, 0}, vec{0, spineY + 52, 0}, 3.2, 2.6}.distance(q)+12*max(0, math.Abs(part-0.5)-0.35)) - grow
		}}
	}
	s.paint(arch(0), cortexHU-60)
	s.paint(arch(-2), marrowHU)
	s.paint(column(0, spineY+22, 10, 8.5, -200, 200), fatHU+110)
	s.paint(column(0, spineY+22, 6, 5.5, -200, 200), 35) // spinal cord
}
