package dataset

import "image"

// affine maps the continuous place (x, y) of a crop to the picture's
// (x0 + xx*x + xy*y, y0 + yx*x + yy*y); pixel i covers i to i+1.
type affine struct{ x0, xx, xy, y0, yx, yy float64 }

// warp fills dst from src, bilinear in 8 bits of fraction. What lies outside
// of src is fill.
func (f affine) warp(dst, src *image.Gray, fill uint8) {
	const one = 1 << 16
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dx, dy := int(f.xx*one), int(f.yx*one)
	for y := range dst.Rect.Dy() {
		row := dst.Pix[y*dst.Stride:][:dst.Rect.Dx()]
		// The middle of the row's first pixel, less half a pixel of the picture.
		sx := int((f.x0 + f.xx*0.5 + f.xy*(float64(y)+0.5) - 0.5) * one)
		sy := int((f.y0 + f.yx*0.5 + f.yy*(float64(y)+0.5) - 0.5) * one)
		for x := range row {
			ix, iy := sx>>16, sy>>16
			ax, ay := sx>>8&255, sy>>8&255
			sx += dx
			sy += dy
			if uint(ix) < uint(w-1) && uint(iy) < uint(h-1) {
				p := src.Pix[iy*src.Stride+ix:]
				q := p[src.Stride:]
				top := int(p[0])*(256-ax) + int(p[1])*ax
				low := int(q[0])*(256-ax) + int(q[1])*ax
				row[x] = uint8((top*(256-ay) + low*ay + 1<<15) >> 16)
				continue
			}
			row[x] = edge(src, ix, iy, ax, ay, fill)
		}
	}
}

// edge is the bilinear value where some of the four pixels lie outside.
func edge(src *image.Gray, ix, iy, ax, ay int, fill uint8) uint8 {
	at := func(x, y int) int {
		if x < 0 || y < 0 || x >= src.Rect.Dx() || y >= src.Rect.Dy() {
			return int(fill)
		}
		return int(src.Pix[y*src.Stride+x])
	}
	top := at(ix, iy)*(256-ax) + at(ix+1, iy)*ax
	low := at(ix, iy+1)*(256-ax) + at(ix+1, iy+1)*ax
	return uint8((top*(256-ay) + low*ay + 1<<15) >> 16)
}
