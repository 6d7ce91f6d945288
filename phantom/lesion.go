package phantom

import (
	"math"
	"math/rand/v2"
	"slices"
)

// lesion is a lesion with the waves of its surface.
type lesion struct {
	Lesion
	waves [6][4]float64 // direction by mm, phase
}

func newLesions(c Config, rng *rand.Rand) []lesion {
	var all []lesion
	add := func(l Lesion) {
		x := lesion{Lesion: l}
		for i := range x.waves {
			for k := range 3 {
				x.waves[i][k] = rng.NormFloat64() * 2.2 / l.RadiiMM[k]
			}
			x.waves[i][3] = 2 * math.Pi * rng.Float64()
		}
		all = append(all, x)
	}
	for _, l := range c.Lesions {
		add(l)
	}
	for range c.GroundGlass {
		add(separate(all, func() Lesion { return randomLesion(GroundGlass, 12, 26, rng) }))
	}
	for range c.Consolidations {
		add(separate(all, func() Lesion { return randomLesion(Consolidation, 8, 18, rng) }))
	}
	return all
}

// tries is how often a place is sought that keeps clear of other lesions; with
// many there is none, and they overlap.
const tries = 200

// separate returns the first lesion drawn that touches no other.
func separate(others []lesion, draw func() Lesion) Lesion {
	l := draw()
	for range tries {
		apart := true
		for _, o := range others {
			reach := 1.2 * (slices.Max(l.RadiiMM[:]) + slices.Max(o.RadiiMM[:]))
			apart = apart && distance(l.CentreMM, o.CentreMM) > reach
		}
		if apart {
			break
		}
		l = draw()
	}
	return l
}

// randomLesion puts a lesion near the pleura, more often low and at the back.
func randomLesion(kind Kind, least, most float64, rng *rand.Rand) Lesion {
	s := right
	if rng.IntN(2) == 1 {
		s = left
	}
	for {
		q := s.pointIn(rng, 2)
		low := (lungTop - q[2]) / (lungTop - lungBase)
		back := (q[1] + 90) / 180
		if s.depth(q[0], q[1], q[2]) > -14 && math.Abs(q[0]) > 45 && rng.Float64() < low*back {
			r := least + (most-least)*rng.Float64()
			return Lesion{kind, q, [3]float64{r, r * (0.7 + 0.5*rng.Float64()), r * (0.7 + 0.6*rng.Float64())}}
		}
	}
}

// depth is about the distance in mm from the lesion's uneven surface.
func (l *lesion) depth(x, y, z float64) float64 {
	x, y, z = x-l.CentreMM[0], y-l.CentreMM[1], z-l.CentreMM[2]
	r := l.RadiiMM
	d := ellipsoid(x, y, z, r[0], r[1], r[2])
	if least := min(r[0], r[1], r[2]); d > 0.5*least || d < -0.5*least {
		return d
	}
	bump := 0.0
	for _, w := range l.waves {
		bump += math.Cos(w[0]*x + w[1]*y + w[2]*z + w[3])
	}
	return d + 0.05*min(r[0], r[1], r[2])*bump
}

// haloMM is how wide the rim is in which a lesion fades into the lung.
func (k Kind) haloMM() float64 {
	if k == Consolidation {
		return 3
	}
	return 7
}

// paintLesion paints a lesion where there is lung. Its label ends where its
// density is half of what it is inside.
func (p *plane) paintLesion(l lesion, number uint8) {
	r, halo := l.RadiiMM, l.Kind.haloMM()
	if math.Abs(p.z-l.CentreMM[2]) > 1.5*r[2]+halo {
		return
	}
	hu := l.Kind.hounsfield()
	p.each(around(l.CentreMM[0], l.CentreMM[1], 1.5*r[0]+halo, 1.5*r[1]+halo), func(i int, x, y float64) {
		if p.lung[i] == 0 {
			return
		}
		d := l.depth(x, y, p.z)
		if c := float32(max(0, min(1, 0.5-d/halo))); c > 0 && hu > p.hu[i] {
			p.hu[i] += c * (hu - p.hu[i])
		}
		if d < 0 {
			p.lesion[i] = number
		}
	})
}
