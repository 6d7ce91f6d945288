package findings

import "math"

// Zone is a third of a lung by its own extent from base to apex.
type Zone string

// The zones.
const (
	Upper  Zone = "upper"
	Middle Zone = "middle"
	Lower  Zone = "lower"
)

// zones are all of them, in the order in which they are listed.
var zones = [...]Zone{Upper, Middle, Lower}

// zoneOf is the third of a lung that a height (LPS z, millimetres) lies in;
// empty where the lung was not found. Heights beyond the lung's extent belong
// to the nearest third.
func (l *Lungs) zoneOf(side Side, z float64) Zone {
	i := l.zoneIndex(side, z)
	if i < 0 {
		return ""
	}
	return zones[i]
}

// zoneIndex is the same by its place in zones, -1 where the lung was not found.
func (l *Lungs) zoneIndex(side Side, z float64) int {
	low, high := l.heights[side][0], l.heights[side][1]
	if high <= low {
		return -1
	}
	switch part := (z - low) / (high - low); {
	case part > 2.0/3:
		return 0
	case part > 1.0/3:
		return 1
	}
	return 2
}

// ZoneBoundsMM are the heights (LPS z, millimetres) of a lung's base, of the
// bounds between its thirds, and of its apex; ok is false where the lung was not
// found or heights are not known.
func (l *Lungs) ZoneBoundsMM(side Side) (z [4]float64, ok bool) {
	low, high := l.heights[side][0], l.heights[side][1]
	if !l.zoned || high <= low {
		return z, false
	}
	for i := range z {
		z[i] = low + (high-low)*float64(i)/3
	}
	return z, true
}

// halfSlice is the height from a slice's middle to its edge.
func (g Grid) halfSlice() float64 {
	if g.Slices == 1 {
		return 0
	}
	return math.Abs(g.Affine[2][2]) / 2
}
