package picture

import "image"

// ShorterSide resizes src with [ResizePillow] so that its shorter side is n
// pixels; the longer one becomes n*longer/shorter, cut to a whole number
// (torchvision's Resize).
func ShorterSide(src *image.Gray, n int) *image.Gray {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	switch {
	case w <= 0 || h <= 0:
		return &image.Gray{}
	case w <= h:
		return ResizePillow(src, n, n*h/w)
	default:
		return ResizePillow(src, n*w/h, n)
	}
}

// CentreCrop cuts the middle w x h pixels out of src. An odd rest is split by
// rounding half to even, and a side that is too short is padded with black on
// both ends (torchvision's CenterCrop).
func CentreCrop(src *image.Gray, w, h int) *image.Gray {
	if w <= 0 || h <= 0 {
		return &image.Gray{}
	}
	dst := image.NewGray(image.Rect(0, 0, w, h))
	fromX, toX, columns := centre(src.Rect.Dx(), w)
	fromY, toY, rows := centre(src.Rect.Dy(), h)
	for y := range rows {
		copy(row(dst, toY+y)[toX:], row(src, fromY+y)[fromX:][:columns])
	}
	return dst
}

// centre says where a run of have samples is read and written, and how many
// samples are copied, so that its middle fills the middle of want samples.
func centre(have, want int) (from, to, count int) {
	if have < want {
		return 0, (want - have) / 2, have
	}
	rest := have - want
	from = rest / 2
	if rest%2 == 1 && from%2 == 1 { // n and a half goes to the even neighbour
		from++
	}
	return from, 0, want
}
