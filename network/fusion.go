package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// fuse joins the features of the segmenter's encoder with those of the
// classifier's, scale by scale: the former resized to the latter's plane, both
// one behind the other, then three convolutions with live batch norm to the
// former's channels.
func fuse(g *nn.Graph, vgg, res2net [5]*nn.Value) [5]*nn.Value {
	var out [5]*nn.Value
	for i := range out {
		resized := g.Resize(vgg[i], height(res2net[i]), width(res2net[i]))
		g.Tap(fmt.Sprintf("fuse.resized_vgg.%d", i), resized)
		x := g.Concat(resized, res2net[i])
		for _, module := range []string{"cat", "se", "fuse"} { // "se" is a plain convolution too
			conv := nn.Conv{Out: channels(vgg[i]), Kernel: 3, Bias: true}.Same()
			x = convNormReLU(g, fmt.Sprintf("fuse.%s_modules.%d", module, i), x, conv, liveNorm)
		}
		out[i] = x
	}
	return out
}
