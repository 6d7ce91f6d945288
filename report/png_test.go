package report

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"
)

// The standard library's decoder is the referee.
func TestPicturesComeBackFromPNGAsTheyWere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	colours := image.NewRGBA(image.Rect(-3, 5, 254, 122))
	for i := range colours.Pix {
		colours.Pix[i] = uint8(r.Uint32())
		if i%4 == 3 {
			colours.Pix[i] = 255
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 300, 7))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(r.Uint32() >> 27)
	}
	through := image.NewRGBA(image.Rect(0, 0, 4, 4))
	through.SetRGBA(1, 1, color.RGBA{10, 20, 30, 40})
	for name, m := range map[string]image.Image{
		"colours": colours, "part of colours": colours.SubImage(image.Rect(10, 20, 31, 44)),
		"grey": grey, "part of grey": grey.SubImage(image.Rect(7, 2, 80, 6)), "one pixel": image.NewGray(image.Rect(0, 0, 1, 1)),
		"large": image.NewGray(image.Rect(0, 0, 2000, 1500)), "not opaque": through,
	} {
		var b bytes.Buffer
		if err := pngOf(m)(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Bounds().Size() != m.Bounds().Size() || b.Len() != 0 {
			t.Fatalf("%s: %v, and %d bytes after it", name, got.Bounds(), b.Len())
		}
		for y := range m.Bounds().Dy() {
			for x := range m.Bounds().Dx() {
				want := m.At(m.Bounds().Min.X+x, m.Bounds().Min.Y+y)
				if !sameColour(got.At(x, y), want) {
					t.Fatalf("%s: (%d, %d) is %v, want %v", name, x, y, got.At(x, y), want)
				}
			}
		}
	}
}

func sameColour(a, b color.Color) bool {
	return color.NRGBAModel.Convert(a) == color.NRGBAModel.Convert(b)
}

func TestAPictureThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := pngOf(image.NewGray(image.Rectangle{}))(&bytes.Buffer{}); err == nil {
		t.Error("a picture without pixels was written")
	}
	large := image.NewGray(image.Rect(0, 0, 300, 300))
	for room := range 4 {
		w := &full{room: room * 20}
		if err := pngOf(large)(w); !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: %v", w.room, err)
		}
	}
}

var errFull = errors.New("full")

// full is a disk with little room.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}
