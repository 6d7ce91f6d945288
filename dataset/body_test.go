package dataset

import (
	"image"
	"testing"
)

// slice draws a body of tissue with two lungs on air, and a table below.
func slice(w, h int, body image.Rectangle) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	fill := func(r image.Rectangle, v uint8) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				img.Pix[y*img.Stride+x] = v
			}
		}
	}
	fill(img.Rect, 20)
	fill(body.Intersect(img.Rect), 200)
	lung := image.Rect(0, 0, body.Dx()*3/10, body.Dy()*6/10)
	fill(lung.Add(body.Min).Add(image.Pt(body.Dx()/8, body.Dy()/5)).Intersect(img.Rect), 40)
	fill(lung.Add(body.Min).Add(image.Pt(body.Dx()*9/16, body.Dy()/5)).Intersect(img.Rect), 40)
	fill(image.Rect(w/8, h-h/16, w-w/8, h-h/16+2), 220)
	return img
}

func TestTheBodyIsBoxedAndTheTableLeftOut(t *testing.T) {
	body := image.Rect(100, 120, 420, 360)
	got := BodyBox(slice(512, 512, body))
	for name, d := range map[string]int{
		"left": got.Min.X - body.Min.X, "top": got.Min.Y - body.Min.Y,
		"right": got.Max.X - body.Max.X, "bottom": got.Max.Y - body.Max.Y,
	} {
		if d < -14 || d > 14 {
			t.Errorf("%s edge is %d off: %v, want about %v", name, d, got, body)
		}
	}
}

func TestPicturesWithoutABodyKeepTheirArea(t *testing.T) {
	for name, img := range map[string]*image.Gray{
		"cropped to the lungs": slice(256, 180, image.Rect(-40, -30, 296, 210)),
		"black":                image.NewGray(image.Rect(0, 0, 200, 200)),
		"heart alone":          slice(240, 200, image.Rect(90, -10, 150, 230)),
	} {
		if got := BodyBox(img); got != img.Rect {
			t.Errorf("%s: box is %v of %v", name, got, img.Rect)
		}
	}
}
