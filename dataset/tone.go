package dataset

import (
	"image"
	"math"
	"math/rand/v2"
)

// tone changes the greys of a picture in place.
func (a Augmentation) tone(img *image.Gray, rng *rand.Rand) {
	if chance(rng, a.CLAHE) {
		localContrast(img, 4+rng.IntN(5), 1.5+2.5*rng.Float64())
	}
	a.curve(rng).apply(img)
	if chance(rng, a.Blur) {
		blur(img, 0.1+0.23*rng.Float64())
	}
	if chance(rng, a.Noise) {
		addNoise(img, a.NoiseLevel*rng.Float64(), rng)
	}
	if chance(rng, a.Cutout) {
		cutOut(img, rng)
	}
}

// curve is a table from grey to grey.
type curve [256]uint8

// curve draws window, gamma, contrast and brightness as one table.
func (a Augmentation) curve(rng *rand.Rand) *curve {
	low, high := span(rng, a.Window), 1+span(rng, a.Window)
	gamma := math.Exp(span(rng, a.Gamma))
	contrast, brightness := 1+span(rng, a.Contrast), span(rng, a.Brightness)
	var c curve
	for i := range c {
		v := (float64(i)/255 - low) / (high - low)
		v = math.Pow(min(max(v, 0), 1), gamma)
		v = (v-0.5)*contrast + 0.5 + brightness
		c[i] = uint8(min(max(v*255, 0), 255) + 0.5)
	}
	return &c
}

func (c *curve) apply(img *image.Gray) {
	for i, v := range img.Pix {
		img.Pix[i] = c[v]
	}
}

// blur takes, along both axes, the share side of each neighbour.
func blur(img *image.Gray, side float64) {
	s := int(side * 256)
	m := 256 - 2*s
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range h {
		row := img.Pix[y*img.Stride:][:w]
		last := int(row[0])
		for x := range w {
			v := int(row[x])
			next := int(row[min(x+1, w-1)])
			row[x] = uint8((last*s + v*m + next*s + 128) >> 8)
			last = v
		}
	}
	above := make([]uint8, w)
	copy(above, img.Pix[:w])
	for y := range h {
		row := img.Pix[y*img.Stride:][:w]
		below := img.Pix[min(y+1, h-1)*img.Stride:][:w]
		for x := range w {
			v := row[x]
			row[x] = uint8((int(above[x])*s + int(v)*m + int(below[x])*s + 128) >> 8)
			above[x] = v
		}
	}
}

// addNoise adds normal noise of a deviation in greys.
func addNoise(img *image.Gray, deviation float64, rng *rand.Rand) {
	// The sum of four bytes is near enough to normal, and one number of 64
	// bits gives two of them.
	scale := int(deviation / 147.8 * (1 << 16)) // 147.8: the deviation of such a sum
	for i := 0; i < len(img.Pix); i += 2 {
		r := rng.Uint64()
		for j := range min(2, len(img.Pix)-i) {
			n := int(r&255+r>>8&255+r>>16&255+r>>24&255) - 510
			r >>= 32
			v := int(img.Pix[i+j]) + (n*scale+1<<15)>>16
			img.Pix[i+j] = uint8(min(max(v, 0), 255))
		}
	}
}

// cutOut paints one rectangle of up to a third of each side in one grey.
func cutOut(img *image.Gray, rng *rand.Rand) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	rw, rh := 1+rng.IntN(max(w/3, 1)), 1+rng.IntN(max(h/3, 1))
	x0, y0 := rng.IntN(w-rw+1), rng.IntN(h-rh+1)
	grey := uint8(rng.IntN(256))
	for y := y0; y < y0+rh; y++ {
		row := img.Pix[y*img.Stride:]
		for x := x0; x < x0+rw; x++ {
			row[x] = grey
		}
	}
}
