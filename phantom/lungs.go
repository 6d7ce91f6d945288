package phantom

import (
	"math"
	"math/rand/v2"
)

// The frame: x to the patient's left, y to the back, z to the head, all from
// the middle of the chest; see [New].

const (
	rightLung uint8 = 1
	leftLung  uint8 = 2

	lungBase, lungTop = -125.0, 128.0 // z

	airHU        = -1000
	parenchymaHU = -890 // at the front; denser to the back, where blood pools
	pooledHU     = 0.5  // HU a mm
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

// hilum is where vessels and bronchi enter the lung.
func (s side) hilum() [3]float64 { return [3]float64{float64(s) * 34, 6, 18} }

// lungBox bounds a lung in section.
func (s side) lungBox() box {
	if s == right {
		return box{-135, -4, -95, 105}
	}
	return box{4, 135, -95, 105}
}

// depth is about the distance in mm from the surface of a lung, below 0 inside.
func (s side) depth(x, y, z float64) float64 {
	t := (z - lungBase) / (lungTop - lungBase)
	if t <= 0 || t >= 1 {
		return 10
	}
	g := math.Sqrt(1 - math.Pow(t, 2.6))
	w, d := 58*(0.28+0.72*g), 85*(0.24+0.76*g)
	lx, ly := float64(s)*x-67, y-3-24*t*t
	depth := 0.6*ellipse(lx, ly, w, d) + 0.4*rounded(lx, ly, w, d)
	depth = max(depth, -ellipsoid(x-heartX, y-heartY, z-heartZ, heartRX+2, heartRY+2, heartRZ+2))
	depth = max(depth, -mediastinum(x, y, z))
	depth = max(depth, -ellipse(x, y-spineY, 27, 26))
	return max(depth, 0.7*(s.diaphragm(x, y)-z))
}

// diaphragm is the height of the dome below a lung.
func (s side) diaphragm(x, y float64) float64 {
	height := 62.0
	if s == left {
		height = 50
	}
	u, v := (float64(s)*x-66)/66, (y+14)/88
	return lungBase + height*(1-0.9*(u*u+v*v))
}

// paintLung paints one lung's tissue and labels.
func (p *plane) paintLung(s side) {
	p.each(s.lungBox(), func(i int, x, y float64) {
		c := float32(p.cover(s.depth(x, y, p.z)))
		if c <= 0 {
			return
		}
		p.hu[i] += c * (parenchymaHU + pooledHU*float32(y+90) - p.hu[i])
		if c > 0.5 {
			p.lung[i] = s.label()
		}
	})
}

// pointIn returns a point in a lung, deeper than margin mm.
func (s side) pointIn(rng *rand.Rand, margin float64) [3]float64 {
	b := s.lungBox()
	for {
		q := [3]float64{
			b.x0 + (b.x1-b.x0)*rng.Float64(),
			b.y0 + (b.y1-b.y0)*rng.Float64(),
			lungBase + (lungTop-lungBase)*rng.Float64(),
		}
		if s.depth(q[0], q[1], q[2]) < -margin {
			return q
		}
	}
}
