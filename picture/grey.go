package picture

import (
	"image"
	"image/color"
)

// luminance is Pillow's conversion from RGB to "L" (src/libImaging/Convert.c,
// L24): equal channels keep their value.
func luminance(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}

// onBlack is the luminance of a colour laid on black.
func onBlack(c color.NRGBA) uint8 {
	if c.A == 255 {
		return luminance(c.R, c.G, c.B)
	}
	over := func(v uint8) uint8 { return uint8((uint32(v)*uint32(c.A) + 127) / 255) }
	return luminance(over(c.R), over(c.G), over(c.B))
}

// grey turns what the decoders return into a grey picture whose bounds begin at
// (0, 0).
func grey(m image.Image) *image.Gray {
	b := m.Bounds()
	if g, ok := m.(*image.Gray); ok && b.Min == (image.Point{}) && g.Stride == b.Dx() {
		return g
	}
	dst := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	switch m := m.(type) {
	case *image.Gray:
		for y := range b.Dy() {
			copy(row(dst, y), row(m, y))
		}
	case *image.Paletted:
		var table [256]uint8
		for i, c := range m.Palette {
			table[i] = onBlack(color.NRGBAModel.Convert(c).(color.NRGBA))
		}
		for y := range b.Dy() {
			in := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for x, out := 0, row(dst, y); x < len(out); x++ {
				out[x] = table[in[x]]
			}
		}
	case *image.NRGBA:
		for y := range b.Dy() {
			in := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for x, out := 0, row(dst, y); x < len(out); x++ {
				out[x] = onBlack(color.NRGBA{in[4*x], in[4*x+1], in[4*x+2], in[4*x+3]})
			}
		}
	case *image.YCbCr:
		for y := range b.Dy() {
			for x, out := 0, row(dst, y); x < len(out); x++ {
				luma, chroma := m.YOffset(b.Min.X+x, b.Min.Y+y), m.COffset(b.Min.X+x, b.Min.Y+y)
				out[x] = luminance(color.YCbCrToRGB(m.Y[luma], m.Cb[chroma], m.Cr[chroma]))
			}
		}
	default: // RGBA of an opaque PNG, CMYK of a JPEG
		for y := range b.Dy() {
			for x, out := 0, row(dst, y); x < len(out); x++ {
				out[x] = onBlack(color.NRGBAModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA))
			}
		}
	}
	return dst
}
