package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// Res2Net is Res2Net v1b (Gao and others, "Res2Net: A New Multi-scale Backbone
// Architecture", IEEE TPAMI 2021).
type Res2Net struct {
	Blocks    [4]int `json:"blocks"`     // of each layer
	Stem      int    `json:"stem"`       // channels of the stem's first two convolutions
	Planes    int    `json:"planes"`     // of the stem's last; each layer has 4, 8, 16, 32 times as many
	BaseWidth int    `json:"base_width"` // channels of a group in a layer of 64 planes
	Scale     int    `json:"scale"`      // groups of a block
	// LiveNorm trains the batch norms (eps 1e-5). The published networks keep
	// them as they are, without eps.
	LiveNorm bool `json:"live_norm,omitempty"`
}

func (r Res2Net) check() error {
	for _, n := range r.Blocks {
		if err := inRange("blocks of a Res2Net layer", n, 1, maxBlocks); err != nil {
			return err
		}
	}
	for _, err := range []error{
		inRange("Res2Net's stem", r.Stem, 1, maxChannels),
		inRange("Res2Net's planes", r.Planes, 1, maxChannels/32),
		inRange("Res2Net's base width", r.BaseWidth, 1, maxChannels),
		inRange("Res2Net's scale", r.Scale, 2, 64),
		inRange("Res2Net's group", r.group(0), 1, maxChannels),
		inRange("Res2Net's widest block", r.group(3)*r.Scale, 1, 8*maxChannels),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// group is the number of channels of one group in a layer.
func (r Res2Net) group(layer int) int { return (r.Planes << layer) * r.BaseWidth / 64 }

func (r Res2Net) norm() nn.BatchNorm {
	if r.LiveNorm {
		return liveNorm
	}
	return frozenNorm
}

// build adds the encoder, its parameters and taps under a prefix, and returns
// the features at strides 2, 4, 8, 16, 32.
func (r Res2Net) build(g *nn.Graph, prefix string, x *nn.Value) [5]*nn.Value {
	name := prefix + "conv1."
	x = g.Conv(name+"0", x, nn.Conv{Out: r.Stem, Kernel: 3, Stride: 2, Pad: nn.Pad(1)})
	x = g.ReLU(g.BatchNorm(name+"1", x, r.norm()))
	x = g.Conv(name+"3", x, nn.Conv{Out: r.Stem, Kernel: 3}.Same())
	x = g.ReLU(g.BatchNorm(name+"4", x, r.norm()))
	x = g.Conv(name+"6", x, nn.Conv{Out: r.Planes, Kernel: 3}.Same())
	x = g.Tap(prefix+"conv1", x)
	x = g.Tap(prefix+"bn1", g.BatchNorm(prefix+"bn1", x, r.norm()))
	return r.after(g, prefix, g.Tap(prefix+"relu", g.ReLU(x)))
}

// after adds the four layers to the stem's features.
func (r Res2Net) after(g *nn.Graph, prefix string, stem *nn.Value) [5]*nn.Value {
	stages := [5]*nn.Value{stem}
	x := g.Tap(prefix+"maxpool", g.MaxPool(stem, nn.Pool{Kernel: 3, Stride: 2, Pad: 1}))
	for layer, blocks := range r.Blocks {
		name := fmt.Sprintf("%slayer%d", prefix, layer+1)
		for i := range blocks {
			x = r.block(g, fmt.Sprintf("%s.%d", name, i), x, layer, i == 0)
		}
		stages[layer+1] = g.Tap(name, x)
	}
	return stages
}

// block adds one block. The first one of a layer halves the plane (but for the
// first layer's), keeps its groups apart and averages the last one; in later
// ones each group adds the result of the one before, and the last passes.
func (r Res2Net) block(g *nn.Graph, name string, x *nn.Value, layer int, first bool) *nn.Value {
	stride := 1
	if first && layer > 0 {
		stride = 2
	}
	group, out := r.group(layer), 4*r.Planes<<layer
	shortcut := x
	if first {
		shortcut = r.downsample(g, name+".downsample", x, stride, out)
	}
	x = g.Conv(name+".conv1", x, nn.Conv{Out: group * r.Scale, Kernel: 1})
	x = g.ReLU(g.Tap(name+".bn1", g.BatchNorm(name+".bn1", x, r.norm())))
	parts := make([]*nn.Value, r.Scale)
	for i := range parts {
		part := g.Slice(x, i*group, (i+1)*group)
		switch {
		case i < r.Scale-1:
			if i > 0 && !first {
				part = g.Add(parts[i-1], part)
			}
			part = g.Conv(fmt.Sprintf("%s.convs.%d", name, i), part, nn.Conv{Out: group, Kernel: 3, Stride: stride, Pad: nn.Pad(1)})
			bn := fmt.Sprintf("%s.bns.%d", name, i)
			part = g.ReLU(g.Tap(bn, g.BatchNorm(bn, part, r.norm())))
		case first:
			part = g.AveragePool(part, nn.Pool{Kernel: 3, Stride: stride, Pad: 1, CountPadding: true})
			g.Tap(name+".pool", part)
		}
		parts[i] = part
	}
	x = g.Tap(name+".conv3", g.Conv(name+".conv3", g.Concat(parts...), nn.Conv{Out: out, Kernel: 1}))
	x = g.Tap(name+".bn3", g.BatchNorm(name+".bn3", x, r.norm()))
	return g.Tap(name, g.ReLU(g.Add(x, shortcut)))
}

// downsample adds the shortcut of a layer's first block: average pool, 1x1
// convolution, batch norm.
func (r Res2Net) downsample(g *nn.Graph, name string, x *nn.Value, stride, out int) *nn.Value {
	if stride > 1 {
		x = g.AveragePool(x, nn.Pool{Kernel: stride, Stride: stride, Ceil: true})
	}
	g.Tap(name+".0", x)
	x = g.Conv(name+".1", x, nn.Conv{Out: out, Kernel: 1})
	return g.Tap(name, g.BatchNorm(name+".2", x, r.norm()))
}
