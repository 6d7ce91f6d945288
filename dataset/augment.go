package dataset

import (
	"image"
	"math"
	"math/rand/v2"
)

// Augmentation says how a training picture is changed at random: first its
// place, as one affine warp of picture and mask, then its greys. A chance is
// 0..1, a span is the largest change to either side, and zero leaves things be.
type Augmentation struct {
	View   int `toml:"view"`   // side of the square that the whole picture is shrunk to in a test
	Width  int `toml:"width"`  // of the crop that the network sees, at the view's scale
	Height int `toml:"height"` // the same

	Body   float64    `toml:"body"`   // chance that the body's box stands for the whole picture
	Margin float64    `toml:"margin"` // largest air around that box, as a share of its sides
	Flip   float64    `toml:"flip"`   // chance of left for right
	Rotate float64    `toml:"rotate"` // span, degrees
	Zoom   [2]float64 `toml:"zoom"`   // least and largest; below 1 shows air around the picture
	Aspect float64    `toml:"aspect"` // span of width against height, as a share
	Shift  float64    `toml:"shift"`  // span beyond where the crop fits, as a share of the view

	// As the published training has it: a flip that is called horizontal and
	// turns the picture upside down, and with a chance of a half the same strip
	// off both sides of each axis, at most this share of it.
	UpsideDown float64 `toml:"upside_down"`
	Inset      float64 `toml:"inset"`

	Window     float64 `toml:"window"`      // span of both ends of the grey scale, as a share of it
	Gamma      float64 `toml:"gamma"`       // span of the logarithm of the exponent
	Contrast   float64 `toml:"contrast"`    // span around 1
	Brightness float64 `toml:"brightness"`  // span, as a share of the grey scale
	CLAHE      float64 `toml:"clahe"`       // chance of local contrast
	Blur       float64 `toml:"blur"`        // chance
	Noise      float64 `toml:"noise"`       // chance
	NoiseLevel float64 `toml:"noise_level"` // largest deviation, in greys of 255
	Cutout     float64 `toml:"cutout"`      // chance of one grey rectangle
}

// Sample is a picture as a network sees it.
type Sample struct {
	Item  Item
	Image *image.Gray
	Mask  *image.Gray // 0 or 255, nil where the item has none
}

// Apply makes one sample of a picture. The same generator gives the same sample.
func (a Augmentation) Apply(p *Picture, rng *rand.Rand) Sample {
	f := a.frame(p, rng)
	s := Sample{Item: p.Item, Image: image.NewGray(image.Rect(0, 0, a.Width, a.Height))}
	air := uint8(rng.IntN(64)) // a lung window shows air anywhere from black to 59
	f.warp(s.Image, p.Image, air)
	if p.Mask != nil {
		s.Mask = image.NewGray(s.Image.Rect)
		f.warp(s.Mask, p.Mask, 0)
		for i, v := range s.Mask.Pix {
			s.Mask.Pix[i] = 0
			if v > 127 {
				s.Mask.Pix[i] = 255
			}
		}
	}
	a.tone(s.Image, rng)
	return s
}

// frame chooses the place of the crop in the picture.
func (a Augmentation) frame(p *Picture, rng *rand.Rand) affine {
	whole := p.Image.Rect
	x0, y0 := float64(whole.Min.X), float64(whole.Min.Y)
	w, h := float64(whole.Dx()), float64(whole.Dy())
	body, margin := chance(rng, a.Body), a.Margin*rng.Float64()
	if body && !p.Body.Empty() {
		w, h = float64(p.Body.Dx()), float64(p.Body.Dy())
		x0, y0 = float64(p.Body.Min.X)-margin*w/2, float64(p.Body.Min.Y)-margin*h/2
		w, h = w*(1+margin), h*(1+margin)
	}
	zoom := between(rng, a.Zoom)
	stretch := math.Exp(span(rng, a.Aspect) / 2)
	// The share of the picture that the crop covers along each axis.
	sx := float64(a.Width) / float64(a.View) / zoom * stretch
	sy := float64(a.Height) / float64(a.View) / zoom / stretch
	if chance(rng, 0.5) {
		sx *= 1 - 2*a.Inset*rng.Float64()
		sy *= 1 - 2*a.Inset*rng.Float64()
	}
	cx := x0 + w*(place(rng, sx)+span(rng, a.Shift))
	cy := y0 + h*(place(rng, sy)+span(rng, a.Shift))
	if a.Inset > 0 {
		cx, cy = x0+w/2, y0+h/2
	}
	sin, cos := math.Sincos(span(rng, a.Rotate) * math.Pi / 180)
	px, py := sx*w/float64(a.Width), sy*h/float64(a.Height) // picture's pixels by one of the crop
	flip := 1.0
	if chance(rng, a.Flip) {
		flip = -1
	}
	if chance(rng, a.UpsideDown) {
		py = -py
	}
	f := affine{xx: cos * px * flip, xy: -sin * px, yx: sin * py * flip, yy: cos * py}
	mx, my := float64(a.Width)/2, float64(a.Height)/2
	f.x0 = cx - f.xx*mx - f.xy*my
	f.y0 = cy - f.yx*mx - f.yy*my
	return f
}

// place is where the middle of a crop that covers the share s goes: anywhere
// it fits, or anywhere it holds the whole picture.
func place(rng *rand.Rand, s float64) float64 {
	free := math.Abs(1 - s)
	return 0.5 + free*(rng.Float64()-0.5)
}

func chance(rng *rand.Rand, p float64) bool { return rng.Float64() < p }

// span is uniform in -s..s.
func span(rng *rand.Rand, s float64) float64 { return s * (2*rng.Float64() - 1) }

// between is uniform in its logarithm between both ends, 1 for the zero value.
func between(rng *rand.Rand, r [2]float64) float64 {
	u := rng.Float64()
	if r[0] <= 0 || r[1] <= 0 {
		return 1
	}
	return r[0] * math.Pow(r[1]/r[0], u)
}
