package picture

import (
	"image"
	"math"
)

// Fixed point of OpenCV's 8-bit bilinear weights (INTER_RESIZE_COEF_BITS).
const (
	cvBits  = 11
	cvScale = 1 << cvBits
)

// ResizeOpenCV resizes src to w x h pixels, bit for bit as OpenCV 4.6's
// cv2.resize with INTER_LINEAR does on 8-bit pictures (modules/imgproc/src/
// resize.cpp): bilinear with half-pixel centres, without antialias, in fixed
// point. (At exactly half the size in both directions OpenCV takes the rounded
// mean of 2 x 2 pixels instead; this arithmetic gives the same there.)
func ResizeOpenCV(src *image.Gray, w, h int) *image.Gray {
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	if w <= 0 || h <= 0 || sw <= 0 || sh <= 0 {
		return &image.Gray{}
	}
	if w == sw && h == sh {
		return clone(src)
	}
	dst := image.NewGray(image.Rect(0, 0, w, h))
	xs := taps(sw, w)
	left, right := make([]int32, w), make([]int32, w)
	for x, t := range xs {
		if t.index < 0 || t.index >= sw-1 { // beyond the edge: the edge pixel alone
			xs[x].index, t.fraction = max(0, min(t.index, sw-1)), 0
		}
		left[x], right[x] = cvWeights(t.fraction)
	}
	// Two rows of horizontal results are kept, labelled by their source row, so
	// that no source row is resized twice.
	upper, lower := make([]int32, w), make([]int32, w)
	upperY, lowerY := -1, -1
	horizontal := func(out []int32, in []uint8) {
		for x, t := range xs {
			next := min(t.index+1, len(in)-1) // its weight is zero at the edge
			out[x] = int32(in[t.index])*left[x] + int32(in[next])*right[x]
		}
	}
	for y, t := range taps(sh, h) {
		top, bottom := max(0, min(t.index, sh-1)), max(0, min(t.index+1, sh-1))
		if top == lowerY {
			upper, lower, upperY, lowerY = lower, upper, lowerY, upperY
		}
		if top != upperY {
			horizontal(upper, row(src, top))
			upperY = top
		}
		below := upper
		if bottom != top {
			if bottom != lowerY {
				horizontal(lower, row(src, bottom))
				lowerY = bottom
			}
			below = lower
		}
		// The odd shifts are OpenCV's: products are cut to 16 bits each.
		a, b := cvWeights(t.fraction)
		out := row(dst, y)
		for x := range out {
			out[x] = uint8((((a * (upper[x] >> 4)) >> 16) + ((b * (below[x] >> 4)) >> 16) + 2) >> 2)
		}
	}
	return dst
}

// ResizeOpenCVFloat resizes the sh x sw plane src (row-major) to h x w as
// cv2.resize with INTER_LINEAR does on float32. It returns nil if a size is not
// positive or src does not hold sw*sh values.
func ResizeOpenCVFloat(src []float32, sw, sh, w, h int) []float32 {
	if w <= 0 || h <= 0 || sw <= 0 || sh <= 0 || len(src) != sw*sh {
		return nil
	}
	dst := make([]float32, w*h)
	if w == sw && h == sh {
		copy(dst, src)
		return dst
	}
	xs := taps(sw, w)
	upper, lower := make([]float32, w), make([]float32, w)
	horizontal := func(out, in []float32) {
		for x, t := range xs {
			switch {
			case t.index < 0:
				out[x] = in[0]
			case t.index >= sw-1:
				out[x] = in[sw-1]
			default:
				out[x] = float32(in[t.index]*(1-t.fraction)) + float32(in[t.index+1]*t.fraction)
			}
		}
	}
	upperY, lowerY := -1, -1
	for y, t := range taps(sh, h) {
		top, bottom := max(0, min(t.index, sh-1)), max(0, min(t.index+1, sh-1))
		if top == lowerY {
			upper, lower, upperY, lowerY = lower, upper, lowerY, upperY
		}
		if top != upperY {
			horizontal(upper, src[top*sw:][:sw])
			upperY = top
		}
		below := upper
		if bottom != top {
			if bottom != lowerY {
				horizontal(lower, src[bottom*sw:][:sw])
				lowerY = bottom
			}
			below = lower
		}
		out := dst[y*w:][:w]
		for x := range out {
			out[x] = float32(upper[x]*(1-t.fraction)) + float32(below[x]*t.fraction)
		}
	}
	return dst
}

// ResizeNearest resizes src to w x h pixels as cv2.resize with INTER_NEAREST
// does: output x shows input floor(x*scale). Masks are resized so.
func ResizeNearest(src *image.Gray, w, h int) *image.Gray {
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	if w <= 0 || h <= 0 || sw <= 0 || sh <= 0 {
		return &image.Gray{}
	}
	dst := image.NewGray(image.Rect(0, 0, w, h))
	columns, rows := nearest(sw, w), nearest(sh, h)
	for y, sy := range rows {
		in, out := row(src, sy), row(dst, y)
		for x, sx := range columns {
			out[x] = in[sx]
		}
	}
	return dst
}

// tap is where an output sample lies in the input: between index and index+1.
// Index is -1 or the last one beyond the edges.
type tap struct {
	index    int
	fraction float32
}

// taps computes OpenCV's source positions: doubles, rounded to float32 before
// they are split, and the scale as the inverse of an inverse.
func taps(in, out int) []tap {
	scale := 1 / (float64(out) / float64(in))
	t := make([]tap, out)
	for i := range t {
		position := float32(float64((float64(i)+0.5)*scale) - 0.5)
		index := math.Floor(float64(position))
		t[i] = tap{int(index), position - float32(index)}
	}
	return t
}

func cvWeights(fraction float32) (left, right int32) {
	return int32(math.RoundToEven(float64((1 - fraction) * cvScale))), int32(math.RoundToEven(float64(fraction * cvScale)))
}

func nearest(in, out int) []int {
	scale := 1 / (float64(out) / float64(in))
	index := make([]int, out)
	for i := range index {
		index[i] = min(int(math.Floor(float64(i)*scale)), in-1)
	}
	return index
}
