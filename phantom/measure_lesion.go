package phantom

import (
	"math"
)

// lesionMeasures are what a lattice of points says of a lesion.
type lesionMeasures struct {
	volumeML, meanHU float64
	centre           vec
	surface          []vec // points at its rim
}

// measureLesion measures what of a lesion lies in its lung on a lattice whose
// step is the smallest radius by so many.
func (a *anatomy) measureLesion(l *lesion, fine float64) lesionMeasures {
	return a.measureLesionIn(l, fine, func(vec) bool { return true })
}

func (a *anatomy) measureLesionIn(l *lesion, fine float64, holds func(p vec) bool) lesionMeasures {
	step := min(l.RadiiMM[0], l.RadiiMM[1], l.RadiiMM[2]) / fine
	size := sub(l.box.high, l.box.low)
	var n [3]int
	for k := range n {
		n[k] = int(math.Ceil(size[k] / step))
	}
	var m lesionMeasures
	points := 0
	for z := range n[2] {
		for y := range n[1] {
			was := false
			var last vec
			for x := range n[0] {
				p := add(l.box.low, vec{(float64(x) + 0.5) * step, (float64(y) + 0.5) * step, (float64(z) + 0.5) * step})
				d := l.depth(p)
				in := d < 0 && a.lungDepth(l.side, p) < 0 && holds(p)
				if in {
					points++
					m.centre = add(m.centre, p)
					m.meanHU += l.density(p, d, float64(a.parenchyma(p)))
				}
				// The ends of a line lie half a step beyond its last points.
				if in && !was {
					m.surface = append(m.surface, add(p, vec{-step / 2, 0, 0}))
				}
				if was && (!in || x == n[0]-1) {
					m.surface = append(m.surface, add(last, vec{step / 2, 0, 0}))
				}
				was, last = in, p
			}
		}
	}
	if points > 0 {
		m.centre = scale(m.centre, 1/float64(points))
		m.meanHU /= float64(points)
	}
	m.volumeML = float64(points) * step * step * step / 1000
	return m
}

// lesionTruth measures lesion i in what a volume holds.
func (a *anatomy) lesionTruth(i int, f field) LesionTruth {
	l := a.lesions[i]
	m := a.measureLesionIn(l, 22, f.holds)
	t := LesionTruth{
		ID: i + 1, Kind: l.Kind, Lung: l.side.String(), Place: "peripheral",
		VolumeML: m.volumeML, MeanHU: m.meanHU, CentreMM: m.centre, LargestDiameterMM: diameter(m.surface),
	}
	if a.lungDepth(l.side, m.centre) < -centralMM {
		t.Place = "central"
	}
	return t
}

// sought is how many directions a diameter is sought in; one of them lies
// within about a degree and a half of any.
const sought = 3000

// diameter is the largest distance of two points: the largest extent in any
// direction, of directions spread evenly over half a sphere.
func diameter(points []vec) float64 {
	if len(points) == 0 {
		return 0
	}
	golden := math.Pi * (3 - math.Sqrt(5))
	best := 0.0
	for i := range sought {
		z := (float64(i) + 0.5) / sought
		s, c := math.Sincos(golden * float64(i))
		r := math.Sqrt(1 - z*z)
		d := vec{r * c, r * s, z}
		low, high := math.Inf(1), math.Inf(-1)
		for _, p := range points {
			x := dot(p, d)
			low, high = min(low, x), max(high, x)
		}
		best = max(best, high-low)
	}
	return best
}
