package picture

import (
	"image"
	"math"
)

// pillowBits is the number of fraction bits of Pillow's resampling weights:
// 32, less 8 for a pixel, less 2 of headroom.
const pillowBits = 32 - 8 - 2

// ResizePillow resizes src to w x h pixels by antialiased bilinear resampling,
// bit for bit as Pillow 9.4 does for mode "L" with Image.BILINEAR
// (src/libImaging/Resample.c): a triangle filter that widens when shrinking,
// first along rows, rounded to 8 bits, then along columns.
func ResizePillow(src *image.Gray, w, h int) *image.Gray {
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	if w <= 0 || h <= 0 || sw <= 0 || sh <= 0 {
		return &image.Gray{}
	}
	mid := src
	if w != sw {
		mid = pillowRows(src, w)
	}
	if h != sh {
		return pillowColumns(mid, h)
	}
	if mid == src {
		return clone(src)
	}
	return mid
}

// filter holds the integer weights of one axis: output i is the sum over k of
// weights[i*size+k] times input first[i]+k, for k below count[i].
type filter struct {
	size         int
	first, count []int
	weights      []int32
}

// triangle computes Pillow's weights for resampling in samples to out.
// The conversions to float64 keep the compiler from fusing multiply and add,
// which would round differently on some machines.
func triangle(in, out int) filter {
	scale := float64(in) / float64(out)
	support := math.Max(scale, 1)
	f := filter{
		size:  int(math.Ceil(support))*2 + 1,
		first: make([]int, out),
		count: make([]int, out),
	}
	f.weights = make([]int32, out*f.size)
	raw := make([]float64, f.size)
	inverse := 1 / support
	for i := range out {
		centre := float64((float64(i) + 0.5) * scale)
		first := max(int(centre-support+0.5), 0)
		count := min(int(centre+support+0.5), in) - first
		sum := 0.0
		for k := range count {
			x := math.Abs(float64((float64(k+first) - centre + 0.5) * inverse))
			raw[k] = math.Max(1-x, 0)
			sum += raw[k]
		}
		for k := range count {
			v := raw[k]
			if sum != 0 {
				v /= sum
			}
			f.weights[i*f.size+k] = int32(0.5 + float64(v*(1<<pillowBits)))
		}
		f.first[i], f.count[i] = first, count
	}
	return f
}

func pillowRows(src *image.Gray, w int) *image.Gray {
	h := src.Rect.Dy()
	f := triangle(src.Rect.Dx(), w)
	dst := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		in, out := row(src, y), row(dst, y)
		for x := range out {
			if f.count[x] == 2 { // everywhere but at the edges, when enlarging
				at, weights := in[f.first[x]:][:2], f.weights[x*f.size:][:2]
				out[x] = clip8((int32(at[0])*weights[0] + int32(at[1])*weights[1] + 1<<(pillowBits-1)) >> pillowBits)
				continue
			}
			taps := in[f.first[x]:][:f.count[x]]
			weights := f.weights[x*f.size:][:len(taps)]
			sum := int32(1 << (pillowBits - 1))
			for k, v := range taps {
				sum += int32(v) * weights[k]
			}
			out[x] = clip8(sum >> pillowBits)
		}
	}
	return dst
}

func pillowColumns(src *image.Gray, h int) *image.Gray {
	w := src.Rect.Dx()
	f := triangle(src.Rect.Dy(), h)
	dst := image.NewGray(image.Rect(0, 0, w, h))
	sums := make([]int32, w)
	for y := range h {
		if f.count[y] == 2 {
			a, b := row(src, f.first[y]), row(src, f.first[y]+1)[:w]
			weights, out := f.weights[y*f.size:][:2], row(dst, y)[:w]
			for x, v := range a {
				out[x] = clip8((int32(v)*weights[0] + int32(b[x])*weights[1] + 1<<(pillowBits-1)) >> pillowBits)
			}
			continue
		}
		for x := range sums {
			sums[x] = 1 << (pillowBits - 1)
		}
		for k := range f.count[y] {
			weight := f.weights[y*f.size+k]
			for x, v := range row(src, f.first[y]+k) {
				sums[x] += int32(v) * weight
			}
		}
		out := row(dst, y)
		for x, sum := range sums {
			out[x] = clip8(sum >> pillowBits)
		}
	}
	return dst
}

func clip8(v int32) uint8 {
	return uint8(max(0, min(v, 255)))
}

// row returns the pixels of row y, counted from the top of the picture.
func row(p *image.Gray, y int) []uint8 {
	start := p.PixOffset(p.Rect.Min.X, p.Rect.Min.Y+y)
	return p.Pix[start:][:p.Rect.Dx()]
}

func clone(src *image.Gray) *image.Gray {
	dst := image.NewGray(image.Rect(0, 0, src.Rect.Dx(), src.Rect.Dy()))
	for y := range src.Rect.Dy() {
		copy(row(dst, y), row(src, y))
	}
	return dst
}
