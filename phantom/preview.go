package phantom

import (
	"image"
	"image/png"
	"io"

	"github.com/jcs-ct/jcs/ct"
)

const (
	previewSide   = 288 // pixels of a slice's longer side in the preview
	previewSlices = 3
)

// WritePreview writes a PNG of three slices in the lung window, from a sixth,
// a half and five sixths of the volume.
func WritePreview(w io.Writer, v *ct.Volume) error {
	window := ct.LungWindow()
	x, y, _, _ := v.SpacingMM()
	wide, high := float64(v.Columns)*x, float64(v.Rows)*y
	pixel := max(wide, high) / previewSide
	columns, rows := max(1, int(wide/pixel)), max(1, int(high/pixel))
	out := image.NewGray(image.Rect(0, 0, previewSlices*columns, rows))
	for i := range previewSlices {
		slice := v.Slice((2*i + 1) * v.Slices / (2 * previewSlices))
		for r := range rows {
			for c := range columns {
				out.Pix[r*out.Stride+i*columns+c] = window.Grey(mean(slice, v.Columns,
					c*v.Columns/columns, max((c+1)*v.Columns/columns, c*v.Columns/columns+1),
					r*v.Rows/rows, max((r+1)*v.Rows/rows, r*v.Rows/rows+1)))
			}
		}
	}
	return png.Encode(w, out)
}

// mean is the mean of a rectangle of pixels.
func mean(hu []int16, columns, c0, c1, r0, r1 int) int16 {
	sum := 0
	for r := r0; r < r1; r++ {
		for c := c0; c < c1; c++ {
			sum += int(hu[r*columns+c])
		}
	}
	return int16(sum / ((c1 - c0) * (r1 - r0)))
}
