package findings

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FILES=a,b,c OUT=x.png
func TestScratchView(t *testing.T) {
	root := "/work/shared/data/volumes20"
	files := strings.Split(os.Getenv("FILES"), ",")
	const side, cols = 320, 5
	n := (len(files) + cols - 1) / cols
	out := image.NewRGBA(image.Rect(0, 0, side*cols, side*n))
	for k, f := range files {
		p := read(t, filepath.Join(root, "images", f+".jpg"))
		truth := read(t, filepath.Join(root, "lung_masks", f+".png"))
		l := LungsOfPicture(p)
		ox, oy := k%cols*side, k/cols*side
		in := func(x, y int) (bool, bool, Side) {
			if x < 0 || y < 0 || x >= p.Rect.Dx() || y >= p.Rect.Dy() {
				return false, false, 0
			}
			s := l.At(x, y, 0)
			return s != NoLung, truth.GrayAt(x, y).Y > 127, s
		}
		for y := range side {
			for x := range side {
				sx, sy := x*p.Rect.Dx()/side, y*p.Rect.Dy()/side
				g := p.GrayAt(sx, sy).Y
				c := color.RGBA{g, g, g, 255}
				a, b, s := in(sx, sy)
				a1, b1, _ := in(sx+1, sy)
				a2, b2, _ := in(sx, sy+1)
				if b != b1 || b != b2 {
					c = color.RGBA{0, 255, 0, 255}
				}
				if a != a1 || a != a2 {
					c = color.RGBA{255, 0, 0, 255}
				}
				if a && s == Left && (sx+sy)%6 == 0 {
					c.B = 255
				}
				out.SetRGBA(ox+x, oy+y, c)
			}
		}
	}
	w, _ := os.Create(os.Getenv("OUT"))
	png.Encode(w, out)
	w.Close()
}
