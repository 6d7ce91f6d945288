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
	var table [1 << 16]uint8
	for i := range table {
		table[i] = w.Grey(int16(i - 1<<15))
	}
	for i, h := range hu {
		dst[i] = table[int(h)+1<<15]
	}
}
