package findings

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/jcs-ct/jcs/ct"
)

func TestScratchVolume(t *testing.T) {
	in, err := ct.Open(context.Background(), os.Getenv("IN"), ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := in.Volume
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	const side, cols = 300, 6
	var list []int
	for s := range v.Slices {
		if l.cells[s] > 0 {
			list = append(list, s)
		}
	}
	var pick []int
	for k := range 24 {
		pick = append(pick, list[k*len(list)/24])
	}
	out := image.NewRGBA(image.Rect(0, 0, side*cols, side*4))
	for k, s := range pick {
		p := in.Picture(s, ct.LungWindow())
		for y := range side {
			for x := range side {
				sx, sy := x*p.Rect.Dx()/side, y*p.Rect.Dy()/side
				g := p.GrayAt(sx, sy).Y
				c := color.RGBA{g, g, g, 255}
				a := l.At(sx, sy, s)
				b := l.At(min(sx+2, p.Rect.Dx()-1), sy, s)
				d := l.At(sx, min(sy+2, p.Rect.Dy()-1), s)
				if a != b || a != d {
					c = color.RGBA{255, 0, 0, 255}
				} else if a != NoLung {
					if a == Left {
						c.B = uint8(min(255, int(c.B)+70))
					}
					if l.peripheral(a, s, sy/l.factor*l.w+sx/l.factor) && (x+y)%5 == 0 {
						c.G = uint8(min(255, int(c.G)+110))
					}
				}
				out.SetRGBA(k%cols*side+x, k/cols*side+y, c)
			}
		}
	}
	w, _ := os.Create(os.Getenv("OUT"))
	png.Encode(w, out)
	w.Close()
	_ = filepath.Base
	m := l.Measure(v.HU, nil)
	t.Log(m.Left.VolumeML, m.Right.VolumeML)
}
