package network

import (
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/picture"
)

// Resize is how a picture is brought to the size of a network's input.
type Resize string

// The ways. ShorterSideCrop is the published classifier's: the shorter side to
// a given length with Pillow's antialiased bilinear, then the centre; margins
// are never seen. OpenCVStretch is the published segmenter's: the whole picture
// stretched to the input, bilinear without antialias. PillowStretch is ours:
// the whole picture stretched, antialiased.
const (
	ShorterSideCrop Resize = "shorter_side_crop"
	OpenCVStretch   Resize = "opencv_stretch"
	PillowStretch   Resize = "pillow_stretch"
)

// Preparation says how an 8-bit grey picture becomes a network's input: resized,
// taken three times as RGB, divided by 255, less Mean, divided by Deviation.
type Preparation struct {
	Resize      Resize     `json:"resize"`
	ShorterSide int        `json:"shorter_side,omitempty"` // of ShorterSideCrop
	Mean        [3]float64 `json:"mean"`
	Deviation   [3]float64 `json:"deviation"`
}

var (
	imageNetMean      = [3]float64{0.485, 0.456, 0.406}
	imageNetDeviation = [3]float64{0.229, 0.224, 0.225}
)

func (p Preparation) check() error {
	switch p.Resize {
	case ShorterSideCrop:
		if err := inRange("shorter side", p.ShorterSide, 1, maxSide); err != nil {
			return err
		}
	case OpenCVStretch, PillowStretch:
		if p.ShorterSide != 0 {
			return fmt.Errorf("a shorter side belongs to %s only", ShorterSideCrop)
		}
	default:
		return fmt.Errorf("there is no resize %q (%s, %s and %s are)", p.Resize, ShorterSideCrop, OpenCVStretch, PillowStretch)
	}
	for _, d := range p.Deviation {
		if !(d > 0) {
			return fmt.Errorf("a deviation of %g cannot be divided by", d)
		}
	}
	return nil
}

// maxAspect bounds the memory that bringing a shorter side to size can take.
const maxAspect = 16

// Prepare makes a picture the input of the network, [1 3 Height Width].
func (p Plan) Prepare(src *image.Gray) (nn.Tensor, error) {
	t := nn.NewTensor(1, 3, p.Height, p.Width)
	return t, p.PrepareInto(t.Data, src)
}

// PrepareInto is Prepare into a place of 3*Height*Width values, one of a batch.
func (p Plan) PrepareInto(dst []float32, src *image.Gray) error {
	if src == nil || src.Rect.Empty() {
		return errors.New("preparing a picture: it is empty")
	}
	if w, h := src.Rect.Dx(), src.Rect.Dy(); max(w, h) > maxAspect*min(w, h) {
		return fmt.Errorf("preparing a picture: %d x %d pixels are too narrow for a slice (at most %d to 1)", w, h, maxAspect)
	}
	plane := p.Height * p.Width
	if len(dst) != 3*plane {
		return fmt.Errorf("preparing a picture: there is place for %d values, the network wants 3 x %d x %d", len(dst), p.Height, p.Width)
	}
	resized := p.resized(src)
	for c := range 3 {
		table := p.Preparation.table(c)
		for y := range p.Height {
			row := resized.Pix[y*resized.Stride:][:p.Width]
			for x, v := range row {
				dst[c*plane+y*p.Width+x] = table[v]
			}
		}
	}
	return nil
}

// resized is the picture at the input's size, still in 8 bits.
func (p Plan) resized(src *image.Gray) *image.Gray {
	switch p.Preparation.Resize {
	case ShorterSideCrop:
		return picture.CentreCrop(picture.ShorterSide(src, p.Preparation.ShorterSide), p.Width, p.Height)
	case OpenCVStretch:
		return picture.ResizeOpenCV(src, p.Width, p.Height)
	}
	return picture.ResizePillow(src, p.Width, p.Height)
}

// table holds what becomes of each grey level in one channel. The published
// segmenter rounds to float32 after each step in float64, the published
// classifier takes each step in float32 with rounded constants; both to the bit.
func (p Preparation) table(channel int) [256]float32 {
	mean, deviation := p.Mean[channel], p.Deviation[channel]
	var t [256]float32
	for i := range t {
		v := float32(i) / 255
		if p.Resize == OpenCVStretch {
			v = float32(float64(v) - mean)
			v = float32(float64(v) / deviation)
		} else {
			v = (v - float32(mean)) / float32(deviation)
		}
		t[i] = v
	}
	return t
}

// axis leads a pixel of a source picture to a coordinate of the input.
type axis struct{ scale, offset float64 }

func (a axis) at(pixel int) float64 { return (float64(pixel)+0.5)*a.scale - 0.5 - a.offset }

// seen is the way of one axis of size pixels, in a picture whose shorter side
// is given, to an input of n.
func (p Preparation) seen(size, n, shorter int) axis {
	if p.Resize != ShorterSideCrop {
		return axis{scale: float64(n) / float64(size)}
	}
	resized := p.ShorterSide * size / shorter
	return axis{scale: float64(resized) / float64(size), offset: math.RoundToEven(float64(resized-n) / 2)}
}
