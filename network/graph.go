package network

import (
	"fmt"
	"slices"

	"github.com/jcs-ct/jcs/nn"
)

// GraphOptions change what a plan's graph takes and returns.
type GraphOptions struct {
	// Outputs are the taps that the graph returns, in this order. Empty: the
	// logits of a classifier; the masks' probabilities ("output", [N 5 H W],
	// the first channel is the mask) of a segmenting network and then, with a
	// shared head, "class.logits".
	Outputs []string
	// InputFeatures leaves the first stage of both encoders of a published
	// joint network out. Inputs are then the features of vgg16.conv1_2
	// [N 64 H W] and of res2net.relu [N 64 H/2 W/2], which stay the same
	// while only later stages are trained.
	InputFeatures bool
}

// HeadOutputs are the outputs to train a segmenting network by: the five
// heads' probabilities at the size of the input, [N 1 H W] each.
func HeadOutputs() []string {
	names := make([]string, 5)
	for i := range names {
		names[i] = fmt.Sprintf("head%d.sigmoid", i+1)
	}
	return names
}

// HeadLogits are the five heads before their sigmoid.
func HeadLogits() []string {
	names := make([]string, 5)
	for i := range names {
		names[i] = fmt.Sprintf("head%d.resized", i+1)
	}
	return names
}

// Graph describes the network for batches of prepared pictures [N 3 H W] of
// any size, with the usual outputs.
func (p Plan) Graph(batch, height, width int) (*nn.Graph, error) {
	return p.GraphWith(GraphOptions{}, batch, height, width)
}

// GraphWith describes the network with other inputs or outputs.
func (p Plan) GraphWith(o GraphOptions, batch, height, width int) (*nn.Graph, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	g, err := p.build(o, batch, height, width)
	if err != nil {
		return nil, fmt.Errorf("building the %s for %d pictures of %d x %d (height x width): %w", p.Name, batch, height, width, err)
	}
	return g, nil
}

func (p Plan) build(o GraphOptions, batch, height, width int) (*nn.Graph, error) {
	if o.InputFeatures && (p.Kind != JointKind || p.VGG == nil) {
		return nil, fmt.Errorf("only a joint network of two encoders can begin with features")
	}
	g := nn.NewGraph()
	var outputs []string
	switch {
	case p.Kind == ClassifierKind:
		p.classifier(g, g.Input("input", batch, 3, height, width))
		outputs = []string{"logits"}
	default:
		var features [6]*nn.Value
		switch {
		case p.MobileNet != nil:
			features = p.shared(g, g.Input("input", batch, 3, height, width))
		case o.InputFeatures:
			vgg := g.Input("vgg", batch, p.Decoder.Widths[0], height, width)
			res2net := g.Input("res2net", batch, p.Res2Net.Planes, (height+1)/2, (width+1)/2)
			features = p.published(g, p.VGG.after(g, p.Decoder.Widths, vgg), p.Res2Net.after(g, "res2net.", res2net))
		default:
			x := g.Input("input", batch, 3, height, width)
			stages := p.VGG.build(g, p.Decoder.Widths, x)
			var others [5]*nn.Value
			if p.Res2Net != nil {
				others = p.Res2Net.build(g, "res2net.", x)
			}
			features = p.published(g, stages, others)
		}
		heads(g, p.Decoder.build(g, features), height, width)
		outputs = []string{"output"}
		if p.SharedHead {
			outputs = append(outputs, "class.logits")
		}
	}
	if len(o.Outputs) > 0 {
		outputs = o.Outputs
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	taps := g.Taps()
	for _, name := range outputs {
		v, ok := taps[name]
		if !ok {
			return nil, fmt.Errorf("it has no tap %q to return", name)
		}
		g.Output(name, v)
	}
	return g, g.Err()
}

// classifier adds the whole classifier. Its last features are tapped as
// "features", whatever the encoder calls them.
func (p Plan) classifier(g *nn.Graph, x *nn.Value) {
	var features *nn.Value
	if p.MobileNet != nil {
		stages := p.MobileNet.build(g, x)
		features = stages[len(stages)-1]
	} else {
		stages := p.Res2Net.build(g, "", x)
		features = stages[len(stages)-1]
	}
	p.head(g, "", features)
}

// head adds global average, linear and softmax, its taps under a prefix.
func (p Plan) head(g *nn.Graph, prefix string, features *nn.Value) {
	g.Tap(prefix+"features", features)
	pooled := g.GlobalAverage(features)
	g.Tap(prefix+"avgpool", pooled)
	g.Tap(prefix+"pooled", pooled)
	logits := g.Tap(prefix+"logits", g.Linear("fc", pooled, nn.Linear{Out: len(p.Classes)}))
	g.Tap(prefix+"softmax", g.Softmax(logits))
}

// published are the six scales of the published segmenter (others are nil) or
// joint segmenter. The enhanced module works on the fifth stage before fusion.
func (p Plan) published(g *nn.Graph, vgg, others [5]*nn.Value) [6]*nn.Value {
	vgg[4] = enhance(g, "gpd", vgg[4], p.Decoder.Dilations)
	sixth := p.Decoder.sixth(g, vgg[4])
	if p.Res2Net != nil {
		vgg = fuse(g, vgg, others)
	}
	return [6]*nn.Value(append(slices.Clone(vgg[:]), sixth))
}

// shared are the six scales over one encoder, each reduced to the decoder's
// widths, and the classifier's head where the plan has it.
func (p Plan) shared(g *nn.Graph, x *nn.Value) [6]*nn.Value {
	stages := p.MobileNet.build(g, x)
	if p.SharedHead {
		p.head(g, "class.", stages[4])
	}
	for i, width := range p.Decoder.Widths {
		name := fmt.Sprintf("reduce.%d", i)
		stages[i] = convNormReLU(g, name, stages[i], nn.Conv{Out: width, Kernel: 1}, liveNorm)
	}
	stages[4] = enhance(g, "gpd", stages[4], p.Decoder.Dilations)
	return [6]*nn.Value(append(slices.Clone(stages[:]), p.Decoder.sixth(g, stages[4])))
}
