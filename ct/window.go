package ct

import "math"

// Window maps Hounsfield units to the 256 greys of a picture.
type Window struct {
	Level float64 // HU of middle grey
	Width float64 // HU from black to white, above 0
}

// LungWindow is the window that the networks see: level -600, width 1500.
func LungWindow() Window { return Window{Level: -600, Width: 1500} }

// Grey returns the grey of a Hounsfield value:
//
//	floor(255 * (hu - (Level - Width/2)) / Width + 0.5), held to 0..255
//
// that is, linear from black at Level-Width/2 to white at Level+Width/2,
// rounded to nearest with halves up. (The linear function of DICOM PS3.3
// C.11.2.1.2.1 differs by half an HU; this is C.11.2.1.3.2, LINEAR_EXACT.)
func (w Window) Grey(hu int16) uint8 {
	g := math.Floor(255*(float64(hu)-(w.Level-w.Width/2))/w.Width + 0.5)
	switch {
	case g >= 255:
		return 255
	case g > 0:
		return uint8(g)
	default: // also NaN, at the level of a window without width
		return 0
	}
}

// apply writes the greys of hu to dst, which has the same length.
func (w Window) apply(dst []uint8, hu []int16) {
	low, high := w.ends()
	table := make([]uint8, int(high)-int(low)+1)
	for i := range table {
		table[i] = w.Grey(int16(int(low) + i))
	}
	for i, h := range hu {
		dst[i] = table[int(min(max(h, low), high))-int(low)]
	}
}

// ends are values below and above which the greys do not change any more.
func (w Window) ends() (low, high int16) {
	hold := func(v float64) int16 {
		if v != v {
			return 0
		}
		return int16(min(max(v, math.MinInt16), math.MaxInt16))
	}
	a, b := hold(math.Floor(w.Level-w.Width/2)-1), hold(math.Ceil(w.Level+w.Width/2)+1)
	return min(a, b), max(a, b)
}
