package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// VGG is VGG-16 with batch norm (Simonyan and Zisserman, 2014) as encoder:
// five stages, the channels of which are the decoder's widths. There is no
// pool before the fifth, so that it keeps the fourth's stride of 8.
type VGG struct {
	Depths [5]int `json:"depths"` // convolutions of each stage
}

func (v VGG) check() error {
	for _, n := range v.Depths {
		if err := inRange("depth of a VGG stage", n, 1, 16); err != nil {
			return err
		}
	}
	return nil
}

// build adds the encoder and returns the last feature of each stage.
func (v VGG) build(g *nn.Graph, widths [5]int, x *nn.Value) [5]*nn.Value {
	return v.after(g, widths, v.stage(g, 0, widths[0], x))
}

// after adds the encoder's later stages to the first one's features.
func (v VGG) after(g *nn.Graph, widths [5]int, first *nn.Value) [5]*nn.Value {
	stages := [5]*nn.Value{first}
	for i := 1; i < 5; i++ {
		x := stages[i-1]
		if i < 4 {
			x = g.MaxPool(x, nn.Pool{Kernel: 2})
		}
		stages[i] = v.stage(g, i, widths[i], x)
	}
	return stages
}

func (v VGG) stage(g *nn.Graph, i, width int, x *nn.Value) *nn.Value {
	for k := range v.Depths[i] {
		name := fmt.Sprintf("vgg16.conv%d_%d", i+1, k+1)
		x = convNormReLU(g, name, x, nn.Conv{Out: width, Kernel: 3, Bias: true}.Same(), frozenNorm)
	}
	return x
}
