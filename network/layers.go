package network

import "github.com/jcs-ct/jcs/nn"

// The two batch norms of the published networks: one that never changes and
// has no eps, and PyTorch's usual one.
var (
	frozenNorm = nn.BatchNorm{Frozen: true}
	liveNorm   = nn.BatchNorm{Eps: 1e-5, Momentum: 0.1}
)

// convReLU adds a convolution with bias and a ReLU: name.conv. The tap is the
// result.
func convReLU(g *nn.Graph, name string, x *nn.Value, c nn.Conv) *nn.Value {
	c.Bias = true
	return g.Tap(name, g.ReLU(g.Conv(name+".conv", x, c)))
}

// convNormReLU adds a convolution, a batch norm and a ReLU: name.conv, name.bn.
func convNormReLU(g *nn.Graph, name string, x *nn.Value, c nn.Conv, n nn.BatchNorm) *nn.Value {
	return g.Tap(name, g.ReLU(g.BatchNorm(name+".bn", g.Conv(name+".conv", x, c), n)))
}

// squeezeExcite scales each channel by what two linear layers make of all
// channels' means, with hidden units between them. The taps of the linear
// layers are before ReLU and sigmoid.
func squeezeExcite(g *nn.Graph, name string, x *nn.Value, hidden int) *nn.Value {
	s := g.GlobalAverage(x)
	s = g.Tap(name+".linear1", g.Linear(name+".linear1", s, nn.Linear{Out: hidden, Bias: true}))
	s = g.Tap(name+".linear2", g.Linear(name+".linear2", g.ReLU(s), nn.Linear{Out: channels(x), Bias: true}))
	return g.Tap(name, g.ScaleChannels(x, g.Sigmoid(s)))
}

// channels, height and width of an [N C H W] value.
func channels(v *nn.Value) int { return v.Shape()[1] }
func height(v *nn.Value) int   { return v.Shape()[2] }
func width(v *nn.Value) int    { return v.Shape()[3] }
