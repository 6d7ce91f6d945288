package phantom

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Kind is a lesion's kind, in the words of diagnosis.json.
type Kind string

// The kinds of lesions. A mixed one is ground glass with a consolidated core.
const (
	GroundGlass   Kind = "ground_glass"
	Consolidation Kind = "consolidation"
	Mixed         Kind = "mixed"
)

// Lesion is an ellipsoid with an uneven surface, of which only what lies in one
// lung is there: the lung on whose side its centre is.
type Lesion struct {
	Kind Kind

	// CentreMM and RadiiMM say where it lies (LPS; see [New] for the frame) and
	// how far it reaches along x, y and z. Without radii a place is drawn.
	CentreMM [3]float64
	RadiiMM  [3]float64

	// Lung ("right", "left"), Zone ("upper", "middle", "lower") and Place
	// ("central", "peripheral") say where a place is drawn; empty for anywhere.
	Lung, Zone, Place string

	// VolumeML is the volume of what lies in the lung: the radii are scaled
	// until it is this. 0 takes the radii as they are.
	VolumeML float64

	// HU is its density; 0 for the usual one of its kind. A mixed lesion's core
	// has that of a consolidation.
	HU float64
}

func (l Lesion) check() error {
	placed := l.RadiiMM != [3]float64{}
	switch {
	case l.Kind != GroundGlass && l.Kind != Consolidation && l.Kind != Mixed:
		return fmt.Errorf("is of kind %q: ground_glass, consolidation or mixed", l.Kind)
	case placed && !(min(l.RadiiMM[0], l.RadiiMM[1], l.RadiiMM[2]) > 0 && slices.Max(l.RadiiMM[:]) <= 200):
		return fmt.Errorf("has radii of %v mm", l.RadiiMM)
	case !slices.Contains([]string{"", "right", "left"}, l.Lung) || !slices.Contains([]string{"", "upper", "middle", "lower"}, l.Zone) || !slices.Contains([]string{"", "central", "peripheral"}, l.Place):
		return fmt.Errorf("is asked for in lung %q, zone %q, place %q: right or left; upper, middle or lower; central or peripheral", l.Lung, l.Zone, l.Place)
	case placed && l.Lung+l.Zone+l.Place != "":
		return fmt.Errorf("has both radii and a lung, zone or place to be drawn in")
	case !(l.VolumeML >= 0 && l.VolumeML < 1500) || !(math.Abs(l.HU) <= 1000):
		return fmt.Errorf("has %g mL and %g HU", l.VolumeML, l.HU)
	}
	return nil
}

// hounsfield is the density of a kind, the outer one of a mixed lesion.
func (k Kind) hounsfield() float64 {
	if k == Consolidation {
		return 25
	}
	return -560
}

// haloMM is how wide the rim is in which a lesion fades into the lung.
func (k Kind) haloMM() float64 {
	if k == Consolidation {
		return 2.5
	}
	return 5
}

// coreShare is the size of a mixed lesion's core.
const coreShare = 0.6

// lesion is a lesion in its place, with the waves of its surface and of its
// density.
type lesion struct {
	Lesion
	side   side
	waves  [7]wave // over the place in radii
	grains [9]wave // over the place in mm
	box    box
}

type wave struct {
	direction vec
	phase     float64
}

func (w wave) at(p vec) float64 { return math.Cos(dot(w.direction, p) + w.phase) }

func draw(waves []wave, wide vec, rng *rand.Rand) {
	for i := range waves {
		for k := range 3 {
			waves[i].direction[k] = rng.NormFloat64() * wide[k]
		}
		waves[i].phase = 2 * math.Pi * rng.Float64()
	}
}

func newLesion(l Lesion, rng *rand.Rand) *lesion {
	x := &lesion{Lesion: l, side: right}
	if l.CentreMM[0] > 0 {
		x.side = left
	}
	draw(x.waves[:], vec{2.6, 2.6, 2.6}, rng)
	draw(x.grains[:], vec{0.45, 0.45, 0.35}, rng)
	if x.HU == 0 {
		x.HU = l.Kind.hounsfield()
	}
	x.bound()
	return x
}

// surface is how deep the waves of the surface are, as a share of the radii.
const surface = 0.07

func (l *lesion) bound() {
	l.box = around(l.CentreMM, scale(l.RadiiMM, 1+surface*float64(len(l.waves)))).grown(l.Kind.haloMM() / 2)
}

// depth is about the distance in mm from the lesion's uneven surface.
func (l *lesion) depth(p vec) float64 {
	p = sub(p, l.CentreMM)
	least := min(l.RadiiMM[0], l.RadiiMM[1], l.RadiiMM[2])
	d := ellipsoid(p, l.RadiiMM)
	if d > 0.7*least || d < -0.7*least {
		return d
	}
	u := vec{p[0] / l.RadiiMM[0], p[1] / l.RadiiMM[1], p[2] / l.RadiiMM[2]}
	bump := 0.0
	for _, w := range l.waves {
		bump += w.at(u)
	}
	return d + surface*least*bump
}

// density is the lesion's over lung of a density, at a place with a depth.
func (l *lesion) density(p vec, depth, lung float64) float64 {
	c := max(0, min(1, 0.5-depth/l.Kind.haloMM()))
	hu, grain := l.HU, 0.0
	for _, w := range l.grains {
		grain += w.at(p)
	}
	switch l.Kind {
	case GroundGlass, Mixed:
		hu += 32 * grain
	case Consolidation:
		hu += 6 * grain
	}
	if l.Kind == Mixed {
		inner := depth + (1-coreShare)*min(l.RadiiMM[0], l.RadiiMM[1], l.RadiiMM[2])
		core := max(0, min(1, 0.5-inner/4))
		hu += core * (Consolidation.hounsfield() - hu)
	}
	return lung + c*max(0, hu-lung)
}

// lesionAt paints a lesion where its lung is. Its label ends where its density
// is half of what it is inside.
func (s *section) lesionAt(l *lesion, number uint8) {
	halo := l.Kind.haloMM() / 2
	reach := shape{l.box, func(p vec) float64 { return l.depth(p) - halo }}
	s.each(reach, func(i int, p vec, _ float32) {
		if s.within[i] == 0 || s.side[i] != l.side.label() {
			return
		}
		d := l.depth(p)
		tissue := float32(l.density(p, d, float64(s.tissue[i])))
		s.hu[i] += s.within[i] * (tissue - s.tissue[i])
		s.tissue[i] = tissue
		if d < 0 && s.lung[i] != 0 {
			s.lesion[i] = number
		}
	})
}
