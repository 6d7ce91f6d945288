package picture

import "image/color"

// Jet returns the opaque colour that OpenCV's COLORMAP_JET gives to v: dark
// blue at 0 over cyan, green and yellow to dark red at 255.
func Jet(v uint8) color.RGBA {
	i := int(v)
	c := color.RGBA{A: 255}
	switch {
	case i < 32:
		c.B = uint8(128 + 4*i)
	case i < 96:
		c.G, c.B = uint8(4*(i-32)), 255
	case i < 160:
		c.R, c.G, c.B = uint8(2+4*(i-96)), 255, uint8(max(1, 254-4*(i-96)))
	case i < 224:
		c.R, c.G = 255, uint8(252-4*(i-160))
	default:
		c.R = uint8(252 - 4*(i-224))
	}
	if i == 159 { // OpenCV's table has 1 here, one less than its own slope
		c.B = 1
	}
	return c
}
