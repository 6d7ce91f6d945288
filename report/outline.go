package report

import (
	"image"
	"image/color"
)

// drawOutline draws the border of a w x h mask scaled into a rectangle. The
// line lies outside of the mask, so that nothing in it is hidden.
func drawOutline(dst *image.RGBA, at image.Rectangle, mask []uint8, w, h, thick int, colour color.RGBA) {
	if mask == nil {
		return
	}
	dx, dy := at.Dx(), at.Dy()
	column := make([]int, dx)
	for x := range column {
		column[x] = x * w / dx
	}
	inside := make([]bool, dx*dy)
	for y := range dy {
		from, to := mask[y*h/dy*w:][:w], inside[y*dx:][:dx]
		for x, c := range column {
			to[x] = from[c] != 0
		}
	}
	for y := range dy {
		for x, in := range inside[y*dx:][:dx] {
			if in && atBorder(inside, dx, dy, x, y) {
				stamp(dst, at, inside, x, y, thick, colour)
			}
		}
	}
}

// atBorder reports whether a pixel has a neighbour that is not inside.
func atBorder(inside []bool, w, h, x, y int) bool {
	return x > 0 && !inside[y*w+x-1] || x < w-1 && !inside[y*w+x+1] ||
		y > 0 && !inside[(y-1)*w+x] || y < h-1 && !inside[(y+1)*w+x]
}

// stamp colours what lies outside within reach of (x, y).
func stamp(dst *image.RGBA, at image.Rectangle, inside []bool, x, y, reach int, colour color.RGBA) {
	w, h := at.Dx(), at.Dy()
	for v := max(0, y-reach); v <= min(h-1, y+reach); v++ {
		for u := max(0, x-reach); u <= min(w-1, x+reach); u++ {
			if !inside[v*w+u] && (u-x)*(u-x)+(v-y)*(v-y) <= reach*reach {
				dst.SetRGBA(at.Min.X+u, at.Min.Y+v, colour)
			}
		}
	}
}
