package phantom

import "math"

// The frame: x to the patient's left, y to the back, z to the head, all from
// the middle of the chest; see [New]. Places are in mm.

const (
	rightLung uint8 = 1
	leftLung  uint8 = 2

	lungBase, lungTop = -130.0, 130.0 // z
	spineX, spineY    = 0.0, 63.0     // of the vertebral bodies' middles
	carinaZ           = 42.0
)

// side is -1 for the right lung, 1 for the left.
type side float64

const (
	right side = -1
	left  side = 1
)

func (s side) label() uint8 {
	if s == right {
		return rightLung
	}
	return leftLung
}

func (s side) String() string {
	if s == right {
		return "right"
	}
	return "left"
}

// hilum is where vessels and bronchi enter the lung.
func (s side) hilum() vec {
	if s == right {
		return vec{-38, 8, 20}
	}
	return vec{40, 12, 24}
}

// cage is the distance from the inner wall of the chest: a dome on a cylinder,
// which leans back towards its top.
func cage(p vec) float64 {
	up := max(0, p[2])
	q := vec{p[0], p[1] - 2 - 22*(up/132)*(up/132), up}
	return rounded(q, vec{134, 95, 136}, 0.25)
}

// lungBox bounds a lung.
func (s side) box() box {
	b := box{vec{-135, -95, lungBase}, vec{0, 115, lungTop}}
	if s == left {
		b.low[0], b.high[0] = 0, 135
	}
	return b
}

func (s side) shape(a *anatomy) shape {
	return shape{s.box(), func(p vec) float64 { return a.lungDepth(s, p) }}
}

// pleuraMM is what lies between the ribs' inner side and the lung.
const pleuraMM = 3

// lungDepth is about the distance in mm from the surface of a lung, below 0
// inside: what the chest leaves beside the mediastinum, the spine and the
// diaphragm.
func (a *anatomy) lungDepth(s side, p vec) float64 {
	d := max(cage(p)+pleuraMM, 2.5-float64(s)*p[0], lungBase-p[2])
	if d > 15 {
		return d
	}
	d = carve(d, 0.75*(s.diaphragm(p[0], p[1])-p[2]), 6)
	if d > 15 {
		return d
	}
	d = carve(d, -spineOutline(p), 10)
	return carve(d, -a.mediastinum(p), 6)
}

// diaphragm is the height of the dome below a lung.
func (s side) diaphragm(x, y float64) float64 {
	height := 78.0
	if s == left {
		height = 66
	}
	u, v := (float64(s)*x-56)/72, (y+18)/98
	return lungBase + height*(1-0.97*(u*u+v*v))
}

// spineOutline is the distance from what the spine takes from the lungs.
func spineOutline(p vec) float64 {
	return ellipsoid(vec{p[0] - spineX, p[1] - spineY - 6, 0}, vec{24, 27, endless})
}

// fissure is the distance from the surfaces between a lung's lobes: the oblique
// one and, at the right, the horizontal one.
func (s side) fissure(p vec) float64 {
	x, y, z := float64(s)*p[0], p[1], p[2]
	oblique := 0.8*(z+12) - 0.6*(y-8) + 5*math.Sin(x/38) - 0.0025*y*y
	d := math.Abs(oblique)
	if s == right && oblique > 0 {
		d = min(d, math.Abs(z-8-0.10*(x-60)-4*math.Sin(y/35)))
	}
	return d
}

const (
	airHU        = -1000
	parenchymaHU = -880 // where it hangs highest; denser below, where blood pools
	pooledHU     = 0.45 // HU a mm
	fissureHU    = -560
)

// paintLung paints one lung's tissue and labels.
func (a *anatomy) paintLung(s *section, which side) {
	s.each(which.shape(a), func(i int, p vec, share float32) {
		hu := a.parenchyma(p)
		if c := s.cover(which.fissure(p) - 0.35); c > 0 {
			hu += float32(c*min(1, 0.8/s.pixel)) * (fissureHU - hu)
		}
		s.hu[i] += share * (hu - s.hu[i])
		s.within[i], s.tissue[i], s.side[i] = share, hu, which.label()
		if share > 0.5 {
			s.lung[i] = which.label()
		}
	})
}

func (a *anatomy) parenchyma(p vec) float32 {
	return parenchymaHU + pooledHU*float32(90+a.down*p[1])
}

// heightsOf are the lowest and the highest point of a lung, to 0.25 mm.
func (a *anatomy) heightsOf(s side) [2]float64 {
	b := s.box()
	reaches := func(z float64) bool {
		for y := b.low[1]; y < b.high[1]; y += 2 {
			for x := b.low[0]; x < b.high[0]; x += 2 {
				if a.lungDepth(s, vec{x, y, z}) < 0 {
					return true
				}
			}
		}
		return false
	}
	low, high := b.low[2], b.high[2]
	for low < high && !reaches(low) {
		low += 0.5
	}
	for high > low && !reaches(high) {
		high -= 0.5
	}
	return [2]float64{low - 0.25, high + 0.25}
}
