package picture

import (
	"image"
	"image/draw"
)

// Part is a copy of the part of a picture that lies in r, with its corner at
// 0, 0.
func Part(src *image.Gray, r image.Rectangle) *image.Gray {
	r = r.Intersect(src.Rect)
	out := image.NewGray(image.Rect(0, 0, r.Dx(), r.Dy()))
	draw.Draw(out, out.Rect, src, r.Min, draw.Src)
	return out
}
