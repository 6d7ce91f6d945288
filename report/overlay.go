package report

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/picture"
)

const (
	overlaySide    = 900 // pixels of an overlay's longer side, about
	captionHeight  = 30
	scaleWidth     = 64
	strongestBlend = 0.6 // how much of the activation's colour is mixed in at most
)

// lesionOverlay is a slice with its lesions in outline.
func lesionOverlay(r *diagnose.Result, slice int, f faces) canvas {
	p := r.Picture(slice)
	at := overlayPlace(p)
	c := newCanvas(at.Dx(), at.Dy()+captionHeight, f)
	c.place(at, p)
	drawOutline(c.RGBA, at, r.Masks[slice], p.Rect.Dx(), p.Rect.Dy(), 2, outline)
	c.caption(at, caption(r.Diagnosis, slice)+opacityText(r.Diagnosis.Slices[slice]))
	return c
}

// activationOverlay is a slice with its activation map in colour over it, and
// the scale of the colours.
func activationOverlay(r *diagnose.Result, slice int, f faces) canvas {
	p := r.Picture(slice)
	at := overlayPlace(p)
	c := newCanvas(at.Dx()+scaleWidth, at.Dy()+captionHeight, f)
	c.place(at, p)
	colours := infernoTable()
	levels := picture.ResizeOpenCVFloat(r.Maps[slice].OnSlice(), p.Rect.Dx(), p.Rect.Dy(), at.Dx(), at.Dy())
	for i, v := range levels {
		if v > 0 {
			blend(c.RGBA, i%at.Dx(), i/at.Dx(), colours[int(255*v)], strongestBlend*float64(v))
		}
	}
	c.colourScale(image.Rect(at.Max.X+10, 40, at.Max.X+28, at.Max.Y-40))
	text := caption(r.Diagnosis, slice) + "   activation of the classifier, relative to its largest"
	if in := r.Diagnosis.Slices[slice].ActivationInLung; in != nil {
		text += fmt.Sprintf(", %.0f %% in the lungs", 100**in)
	}
	c.caption(at, text)
	return c
}

// overlayPlace is where a slice is drawn: scaled by a whole number where it is
// small, so that its pixels stay what they are.
func overlayPlace(p *image.Gray) image.Rectangle {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	k := max(1, (overlaySide+max(w, h)/2)/max(w, h))
	return image.Rect(0, 0, k*w, k*h)
}

// colourScale draws the colours of 0 to 1 from below to above, as they look
// over black lung.
func (c canvas) colourScale(at image.Rectangle) {
	for y := at.Min.Y; y < at.Max.Y; y++ {
		v := float64(at.Max.Y-1-y) / float64(at.Dy()-1)
		for x := at.Min.X; x < at.Max.X; x++ {
			c.SetRGBA(x, y, color.RGBA{60, 60, 60, 255})
			blend(c.RGBA, x, y, inferno(v), strongestBlend*v)
		}
	}
	for _, v := range []float64{0, 0.5, 1} {
		y := at.Max.Y - int(v*float64(at.Dy()))
		c.write(at.Max.X+5, y+5, c.faces.small, ink, fmt.Sprintf("%.1f", v))
	}
}

func blend(dst *image.RGBA, x, y int, c color.RGBA, share float64) {
	i := dst.PixOffset(x, y)
	for k, v := range [3]uint8{c.R, c.G, c.B} {
		dst.Pix[i+k] = uint8(float64(dst.Pix[i+k])*(1-share) + float64(v)*share + 0.5)
	}
}

// caption writes a line below a picture.
func (c canvas) caption(picture image.Rectangle, text string) {
	c.write(8, picture.Max.Y+20, c.faces.normal, ink, fit(c.faces.normal, text, c.Rect.Dx()-16))
}

// caption names a slice and what was said of it.
func caption(d *diagnose.Diagnosis, slice int) string {
	s := d.Slices[slice]
	parts := []string{fmt.Sprintf("slice %d", s.Index)}
	if s.PositionMM != nil {
		parts = append(parts, fmt.Sprintf("%.1f mm", *s.PositionMM))
	}
	if s.Probability != nil {
		parts = append(parts, fmt.Sprintf("probability %.2f", *s.Probability))
	}
	return strings.Join(parts, "   ")
}

func opacityText(s diagnose.Slice) string {
	switch {
	case s.OpacityAreaMM2 != nil:
		return fmt.Sprintf("   opacity %.1f cm² in %s", *s.OpacityAreaMM2/100, plural(*s.Lesions, "lesion"))
	case s.OpacityPixels != nil:
		return fmt.Sprintf("   opacity %d pixels in %s", *s.OpacityPixels, plural(*s.Lesions, "lesion"))
	}
	return "   not segmented"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
