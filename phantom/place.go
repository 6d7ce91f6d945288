package phantom

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// newLesions puts the lesions of a configuration into the lungs.
func newLesions(c Config, a *anatomy, rng *rand.Rand) ([]*lesion, error) {
	var all []*lesion
	add := func(want Lesion) error {
		drawn := want.RadiiMM == [3]float64{}
		// Of those drawn the first is taken that keeps clear of the others;
		// with many there is none, and they overlap.
		for try := 0; ; try++ {
			spec := want
			if drawn {
				var err error
				if spec, err = a.drawPlace(want, rng); err != nil {
					return err
				}
			}
			l := newLesion(spec, rng)
			if err := l.resize(a); err != nil && (!drawn || try >= tries) {
				return err
			} else if err == nil && (!drawn || try >= tries || apart(l, all)) {
				all = append(all, l)
				return nil
			}
		}
	}
	wanted := slices.Clone(c.Lesions)
	wanted = append(wanted, slices.Repeat([]Lesion{{Kind: GroundGlass}}, c.GroundGlass)...)
	wanted = append(wanted, slices.Repeat([]Lesion{{Kind: Consolidation}}, c.Consolidations)...)
	wanted = append(wanted, slices.Repeat([]Lesion{{Kind: Mixed}}, c.Mixed)...)
	for i, l := range wanted {
		if err := add(l); err != nil {
			return nil, fmt.Errorf("phantom: lesion %d: %w", i+1, err)
		}
	}
	return all, nil
}

// tries is how often a place is sought.
const tries = 60

func apart(l *lesion, others []*lesion) bool {
	for _, o := range others {
		if l.side == o.side && distance(l.CentreMM, o.CentreMM) < 1.25*(slices.Max(l.RadiiMM[:])+slices.Max(o.RadiiMM[:])) {
			return false
		}
	}
	return true
}

// The depths below the pleura in mm that central lesions lie beyond, and
// peripheral ones within.
const (
	centralMM    = 26
	peripheralMM = 14
)

// drawPlace draws a place and radii: near the pleura and more often low and at
// the back, unless the lesion asks for something else.
func (a *anatomy) drawPlace(l Lesion, rng *rand.Rand) (Lesion, error) {
	for range 20000 {
		s := right
		if l.Lung == "left" || l.Lung == "" && rng.IntN(2) == 1 {
			s = left
		}
		q := a.pointIn(s, rng, 3)
		depth := -a.lungDepth(s, q)
		height := (q[2] - a.heights[s.label()][0]) / (a.heights[s.label()][1] - a.heights[s.label()][0])
		zone := [3]string{"lower", "middle", "upper"}[max(0, min(2, int(3*height)))]
		switch {
		case l.Zone != "" && zone != l.Zone,
			l.Place == "central" && depth < centralMM,
			l.Place != "central" && (depth > peripheralMM || math.Abs(q[0]) < 48),
			l.Zone == "" && l.Place == "" && rng.Float64() > (1-height)*(q[1]+90)/180:
			continue
		}
		least, most := 11.0, 24.0
		if l.Kind == Consolidation {
			least, most = 8, 17
		}
		r := least + (most-least)*rng.Float64()
		l.CentreMM, l.RadiiMM = q, vec{r, r * (0.7 + 0.5*rng.Float64()), r * (0.7 + 0.6*rng.Float64())}
		return l, nil
	}
	return l, fmt.Errorf("there is no place in the %s zone that is %s", l.Zone, l.Place)
}

// pointIn returns a point in a lung, deeper than margin mm.
func (a *anatomy) pointIn(s side, rng *rand.Rand, margin float64) vec {
	b := s.box()
	for {
		var q vec
		for k := range q {
			q[k] = b.low[k] + (b.high[k]-b.low[k])*rng.Float64()
		}
		if a.lungDepth(s, q) < -margin {
			return q
		}
	}
}

// resize scales a lesion until what lies in the lung has its volume.
func (l *lesion) resize(a *anatomy) error {
	if l.VolumeML == 0 {
		return nil
	}
	// The volume grows with the scale, more slowly than its cube where the lung
	// ends, so that Newton's steps on the cube root come from below.
	for range 25 {
		ml := a.measureLesion(l, 14).volumeML
		if ml < 1e-3*l.VolumeML {
			return fmt.Errorf("hardly any of it lies in the %s lung", l.side)
		}
		f := math.Cbrt(l.VolumeML / ml)
		l.RadiiMM = scale(l.RadiiMM, min(1.5, f))
		l.bound()
		if slices.Max(l.RadiiMM[:]) > 150 {
			break
		}
		if math.Abs(f-1) < 1e-4 {
			return nil
		}
	}
	return fmt.Errorf("the %s lung has no room for %g mL there", l.side, l.VolumeML)
}
