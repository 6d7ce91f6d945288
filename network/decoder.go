package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// Decoder is the attentive feature fusion from the sixth scale to the first,
// with five heads.
type Decoder struct {
	// Widths are the channels of the five scales; the sixth has the fifth's.
	// A VGG encoder's stages have the same.
	Widths [5]int `json:"widths"`
	// Dilations are those of the enhanced feature module on the fifth scale,
	// LastDilations those of the one that makes the sixth.
	Dilations     [4]int `json:"dilations"`
	LastDilations [4]int `json:"last_dilations"`
}

func (d Decoder) check() error {
	for _, w := range d.Widths {
		if err := inRange("a decoder's width", w, 2, maxChannels); err != nil {
			return err
		}
		if w%2 != 0 {
			return fmt.Errorf("a decoder's width %d is odd: lateral and top-down features have half of it each", w)
		}
	}
	for _, n := range append(d.Dilations[:], d.LastDilations[:]...) {
		if err := inRange("dilation", n, 1, 64); err != nil {
			return err
		}
	}
	return nil
}

// sixth adds the sixth scale, made of the enhanced fifth one.
func (d Decoder) sixth(g *nn.Graph, fifth *nn.Value) *nn.Value {
	pooled := g.Tap("pool", g.MaxPool(fifth, nn.Pool{Kernel: 2}))
	return enhance(g, "gpd1", pooled, d.LastDilations)
}

// build adds the decoder and returns its five fine scales.
func (d Decoder) build(g *nn.Graph, features [6]*nn.Value) [5]*nn.Value {
	x := convReLU(g, "fpn.inners_a.5", features[5], nn.Conv{Out: d.Widths[4], Kernel: 1})
	x = convReLU(g, "fpn.fuse.5", x, nn.Conv{Out: d.Widths[4], Kernel: 3}.Same())
	var out [5]*nn.Value
	for i := 4; i >= 0; i-- {
		half := nn.Conv{Out: d.Widths[i] / 2, Kernel: 1}
		lateral := convReLU(g, fmt.Sprintf("fpn.inners_a.%d", i), features[i], half)
		down := convReLU(g, fmt.Sprintf("fpn.inners_b.%d", i), x, half)
		down = g.Resize(down, height(lateral), width(lateral))
		g.Tap(fmt.Sprintf("fpn.topdown.%d", i), down)
		x = attend(g, fmt.Sprintf("fpn.fuse.%d", i), lateral, down)
		out[i] = x
	}
	return out
}

// attend adds one attentive fusion. The squeeze of its squeeze-excites has a
// single unit: the published code passes the number of channels where the
// reduction is meant, and the published weights have that shape.
func attend(g *nn.Graph, name string, lateral, down *nn.Value) *nn.Value {
	x := g.Concat(lateral, down)
	c := channels(x)
	x = squeezeExcite(g, name+".se1", x, 1)
	x = convReLU(g, name+".conv1", x, nn.Conv{Out: c, Kernel: 3}.Same())
	x = squeezeExcite(g, name+".se2", g.Concat(x, down), 1)
	x = convReLU(g, name+".reduce_conv", x, nn.Conv{Out: c, Kernel: 1})
	x = convReLU(g, name+".conv2", x, nn.Conv{Out: c, Kernel: 3}.Same())
	return g.Tap(name, x)
}

// heads adds the five side outputs at the size of the input: logits, then
// probabilities. The first is the mask, the others are there for training.
func heads(g *nn.Graph, scales [5]*nn.Value, height, width int) {
	resized := make([]*nn.Value, len(scales))
	for i, x := range scales {
		name := fmt.Sprintf("cls%d", i+1)
		x = g.Tap(name, g.Conv(name, x, nn.Conv{Out: 1, Kernel: 1, Bias: true}))
		resized[i] = g.Tap(fmt.Sprintf("head%d.resized", i+1), g.Resize(x, height, width))
		g.Tap(fmt.Sprintf("head%d.sigmoid", i+1), g.Sigmoid(resized[i]))
	}
	logits := g.Tap("logits", g.Concat(resized...))
	g.Tap("output", g.Sigmoid(logits))
}
