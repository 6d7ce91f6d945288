package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// enhance adds the enhanced feature module (the published code's GPD): 1x1 to
// twice the channels, four groups with a dilated 3x3 convolution each, a
// squeeze-excite over all, 1x1 back and 3x3. The dilated convolutions' taps are
// before the ReLU, which follows their concatenation.
func enhance(g *nn.Graph, name string, x *nn.Value, dilations [4]int) *nn.Value {
	c := channels(x)
	x = convReLU(g, name+".expand_conv", x, nn.Conv{Out: 2 * c, Kernel: 1})
	part := c / 2
	groups := make([]*nn.Value, len(dilations))
	for i, d := range dilations {
		conv := fmt.Sprintf("%s.dilation_convs.%d", name, i)
		groups[i] = g.Conv(conv, g.Slice(x, i*part, (i+1)*part), nn.Conv{Out: part, Kernel: 3, Dilation: d, Bias: true}.Same())
		g.Tap(conv, groups[i])
	}
	x = g.ReLU(g.Concat(groups...))
	x = squeezeExcite(g, name+".se_block", x, channels(x)/4)
	x = convReLU(g, name+".reduce_conv", x, nn.Conv{Out: c, Kernel: 1})
	x = convReLU(g, name+".end_conv", x, nn.Conv{Out: c, Kernel: 3}.Same())
	return g.Tap(name, x)
}
