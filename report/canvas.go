package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/jcs-ct/jcs/picture"
)

// canvas is a picture that text can be written on.
type canvas struct {
	*image.RGBA
	faces faces
}

// faces are the letters in three sizes.
type faces struct{ small, normal, large font.Face }

func newFaces() (faces, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return faces{}, fmt.Errorf("read the letters: %w", err)
	}
	var f faces
	for _, c := range []struct {
		size float64
		face *font.Face
	}{{13, &f.small}, {16, &f.normal}, {26, &f.large}} {
		*c.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: c.size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return faces{}, fmt.Errorf("size the letters: %w", err)
		}
	}
	return f, nil
}

func newCanvas(width, height int, f faces) canvas {
	c := canvas{image.NewRGBA(image.Rect(0, 0, width, height)), f}
	c.fill(c.Rect, paper)
	return c
}

func (c canvas) fill(r image.Rectangle, colour color.RGBA) {
	draw.Draw(c.RGBA, r, image.NewUniform(colour), image.Point{}, draw.Src)
}

// write puts text with its baseline at y and returns where it ends.
func (c canvas) write(x, y int, face font.Face, colour color.RGBA, text string) int {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(colour), Face: face, Dot: fixed.P(x, y)}
	d.DrawString(text)
	return d.Dot.X.Ceil()
}

// writeRight puts text so that it ends at x.
func (c canvas) writeRight(x, y int, face font.Face, colour color.RGBA, text string) {
	c.write(x-font.MeasureString(face, text).Ceil(), y, face, colour, text)
}

// fit cuts text to a width, with an ellipsis.
func fit(face font.Face, text string, width int) string {
	if font.MeasureString(face, text).Ceil() <= width {
		return text
	}
	letters := []rune(text)
	for len(letters) > 0 && font.MeasureString(face, string(letters)+"…").Ceil() > width {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}

// place draws a picture scaled into a rectangle.
func (c canvas) place(r image.Rectangle, p *image.Gray) {
	draw.Draw(c.RGBA, r, picture.ResizePillow(p, r.Dx(), r.Dy()), image.Point{}, draw.Src)
}
