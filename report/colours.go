package report

import "image/color"

// The colours of the pictures. Outline, positive and negative differ in
// lightness too, so that they are told apart without colour vision.
var (
	paper    = color.RGBA{16, 18, 22, 255}
	ink      = color.RGBA{235, 237, 240, 255}
	dimInk   = color.RGBA{150, 156, 165, 255}
	outline  = color.RGBA{255, 210, 40, 255}
	positive = color.RGBA{238, 119, 51, 255}
	negative = color.RGBA{51, 130, 200, 255}
	doubtful = color.RGBA{200, 200, 200, 255}
	warned   = color.RGBA{255, 190, 120, 255}
	unasked  = color.RGBA{58, 62, 70, 255}
)

// inferno is the colour of v in 0..1 on matplotlib's inferno scale, whose
// lightness grows evenly, after a polynomial fit (M. Zucker, public domain).
func inferno(v float64) color.RGBA {
	v = min(max(v, 0), 1)
	fit := [7][3]float64{
		{0.0002189403691192265, 0.001651004631001012, -0.01948089843709184},
		{0.1065134194856116, 0.5639564367884091, 3.932712388889277},
		{11.60249308247187, -3.972853965665698, -15.9423941062914},
		{-41.70399613139459, 17.43639888205313, 44.35414519872813},
		{77.162935699427, -33.40235894210092, -81.80730925738993},
		{-71.31942824499214, 32.62606426397723, 73.20951985803202},
		{25.13112622477341, -12.24266895238567, -23.07032500287172},
	}
	var rgb [3]uint8
	for c := range rgb {
		x := 0.0
		for i := len(fit) - 1; i >= 0; i-- {
			x = x*v + fit[i][c]
		}
		rgb[c] = uint8(255*min(max(x, 0), 1) + 0.5)
	}
	return color.RGBA{rgb[0], rgb[1], rgb[2], 255}
}

// infernoTable is inferno in 256 steps.
func infernoTable() (t [256]color.RGBA) {
	for i := range t {
		t[i] = inferno(float64(i) / 255)
	}
	return t
}
