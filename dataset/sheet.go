package dataset

import (
	"image"
	"image/color"
	"image/draw"
)

// Outlined is img in colour with the edge of its mask in c. A pixel belongs to
// the edge when it is in the mask (above 127) and one of its neighbours is not.
func Outlined(img *image.Gray, mask *image.Gray, c color.Color) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	draw.Draw(out, out.Rect, img, img.Rect.Min, draw.Src)
	Outline(out, mask, c)
	return out
}

// Outline draws the edge of a mask of the same size; nil draws nothing.
func Outline(dst *image.RGBA, mask *image.Gray, c color.Color) {
	if mask == nil {
		return
	}
	w, h := mask.Rect.Dx(), mask.Rect.Dy()
	in := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < w && y < h && mask.Pix[y*mask.Stride+x] > 127
	}
	for y := range h {
		for x := range w {
			if in(x, y) && !(in(x-1, y) && in(x+1, y) && in(x, y-1) && in(x, y+1)) {
				dst.Set(x, y, c)
			}
		}
	}
}

// Sheet lays pictures out in rows, two pixels apart.
func Sheet(pictures []*image.RGBA, columns int) *image.RGBA {
	w, h := 1, 1
	for _, p := range pictures {
		w, h = max(w, p.Rect.Dx()+2), max(h, p.Rect.Dy()+2)
	}
	columns = max(1, min(columns, len(pictures)))
	rows := (len(pictures) + columns - 1) / columns
	out := image.NewRGBA(image.Rect(0, 0, columns*w, rows*h))
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	for i, p := range pictures {
		at := image.Pt(i%columns*w, i/columns*h)
		draw.Draw(out, p.Rect.Sub(p.Rect.Min).Add(at), p, p.Rect.Min, draw.Src)
	}
	return out
}
