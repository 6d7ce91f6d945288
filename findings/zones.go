package findings

// Zone is a third of a lung by its own extent from base to apex.
type Zone string

// The zones.
const (
	Upper  Zone = "upper"
	Middle Zone = "middle"
	Lower  Zone = "lower"
)

// zoneOf is the third of a lung that a height (LPS z, millimetres) lies in;
// empty where the lung was not found. Heights beyond the lung's extent belong
// to the nearest third.
func (l *Lungs) zoneOf(side Side, z float64) Zone {
	low, high := l.heights[side][0], l.heights[side][1]
	if high <= low {
		return ""
	}
	switch part := (z - low) / (high - low); {
	case part > 2.0/3:
		return Upper
	case part > 1.0/3:
		return Middle
	}
	return Lower
}
