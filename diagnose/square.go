package diagnose

import (
	"fmt"
	"image"
	"image/draw"
	"math"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/picture"
)

// squareTolerance is by how much a pixel may be longer than wide before slices are
// resampled for the networks, which know square ones.
const squareTolerance = 0.02

// pixels are the sides of a slice's pixels in millimetres.
type pixels struct{ x, y float64 }

// pixelsOf returns the pixels of a volume; both sides are 1 where they are not
// known, and of pictures, so that they count as square.
func pixelsOf(in *ct.Input) pixels {
	if x, y, _, _ := in.SpacingMM(); x > 0 && y > 0 {
		return pixels{x, y}
	}
	return pixels{1, 1}
}

func (p pixels) square() bool {
	return max(p.x, p.y) <= (1+squareTolerance)*min(p.x, p.y)
}

// squared is the size of a part of a slice in square pixels, as small as the
// smaller side.
func (p pixels) squared(size image.Point) image.Point {
	side := min(p.x, p.y)
	return image.Pt(max(1, int(math.Round(float64(size.X)*p.x/side))), max(1, int(math.Round(float64(size.Y)*p.y/side))))
}

// frame is the part of a slice that a segmenter is shown where the pixels are not
// square: as the plan's input is, in millimetres, so that the network's picture is
// not distorted however long the slice is. It is as large as fits into the slice,
// or larger where the lungs need it, around the lungs' box (the whole slice where
// there are none); what of it lies outside of the slice is air.
func (p pixels) frame(plan network.Plan, slice, lungs image.Rectangle) image.Rectangle {
	if lungs.Empty() {
		lungs = slice
	}
	// Millimetres of the slice in a pixel of the input, along each side.
	across := func(r image.Rectangle) float64 { return float64(r.Dx()) * p.x / float64(plan.Width) }
	down := func(r image.Rectangle) float64 { return float64(r.Dy()) * p.y / float64(plan.Height) }
	scale := max(min(across(slice), down(slice)), across(lungs), down(lungs))
	w, h := int(math.Ceil(scale*float64(plan.Width)/p.x)), int(math.Ceil(scale*float64(plan.Height)/p.y))
	x, y := along(lungs.Min.X, lungs.Max.X, w, slice.Dx()), along(lungs.Min.Y, lungs.Max.Y, h, slice.Dy())
	return image.Rect(x, y, x+w, y+h)
}

// along is where a frame of so many pixels begins: with what is wanted in its
// middle, but within the slice where that is long enough, else around it.
func along(from, to, n, slice int) int {
	if n >= slice {
		return (slice - n) / 2
	}
	return max(0, min((from+to-n)/2, slice-n))
}

// show is the part of a slice in a frame, in square pixels.
func (p pixels) show(slice *image.Gray, frame image.Rectangle) *image.Gray {
	part := image.NewGray(image.Rect(0, 0, frame.Dx(), frame.Dy())) // black is air
	draw.Draw(part, part.Rect, slice, frame.Min, draw.Src)
	size := p.squared(frame.Size())
	return picture.ResizeOpenCV(part, size.X, size.Y)
}

// back brings what a segmenter says of a frame to the slice's own pixels.
func (p pixels) back(answer network.Segmentation, frame, slice image.Rectangle) network.Segmentation {
	seen := picture.ResizeOpenCVFloat(answer.Probability, answer.Width, answer.Height, frame.Dx(), frame.Dy())
	out := network.Segmentation{Width: slice.Dx(), Height: slice.Dy(), Probability: make([]float32, slice.Dx()*slice.Dy())}
	inside := frame.Intersect(slice)
	for y := inside.Min.Y; y < inside.Max.Y; y++ {
		from := (y-frame.Min.Y)*frame.Dx() + inside.Min.X - frame.Min.X
		copy(out.Probability[y*out.Width+inside.Min.X:][:inside.Dx()], seen[from:])
	}
	return out
}

// warnSquare says that slices were resampled for the networks.
func (s *study) warnSquare() {
	if s.pixels.square() {
		return
	}
	s.Warnings = append(s.Warnings, ct.Warning{Code: "pixels_resampled", Message: fmt.Sprintf(
		"the pixels are %.2f x %.2f mm and the networks know square ones: slices were resampled for them, and masks brought back to the slices' own pixels", s.pixels.x, s.pixels.y)})
}
