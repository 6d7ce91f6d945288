package network

import (
	"context"
	"fmt"
	"image"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/picture"
)

// ActivationMap says how much each place of a network's input speaks for a
// class: 0 to 1 in rows, 1 where most. It is Grad-CAM (Selvaraju and others,
// 2017) at the last features of a classifier.
type ActivationMap struct {
	Width, Height int
	Values        []float32
}

// MapOptions choose between the right map and the published code's.
type MapOptions struct {
	// AsPublished keeps what the published code does where nothing speaks for
	// the class (0/0, not a number; ours is 0 everywhere) and at the hottest
	// place of a heat map (which wraps around to the coldest colour).
	AsPublished bool
}

// HeadWeights are the weights of an activation map without a backward pass:
// after a global average and a linear layer, the gradient of a class's logit
// by any place of a feature's plane is the layer's weight over the area.
func HeadWeights(w nn.Weights, class, area int) ([]float32, error) {
	head := w["fc.weight"]
	if len(head.Shape) != 2 || class < 0 || class >= head.Shape[0] || area < 1 {
		return nil, fmt.Errorf("activation map: the head %v has no class %d over an area of %d", head.Shape, class, area)
	}
	inputs := head.Shape[1]
	out := make([]float32, inputs)
	for i, v := range head.Data[class*inputs : (class+1)*inputs] {
		out[i] = v / float32(area)
	}
	return out, nil
}

// GradientWeights are the weights of an activation map as defined: a class's
// logit is led back to the last features [1 C H W], and the gradient averaged
// over each plane. It holds for any head; HeadWeights for ours, and is faster.
func (p Plan) GradientWeights(ctx context.Context, w nn.Weights, features nn.Tensor, class int, o Options) ([]float32, error) {
	if !p.classifies() || class < 0 || class >= len(p.Classes) || len(features.Shape) != 4 || features.Shape[0] != 1 {
		return nil, fmt.Errorf("activation map: %s has no class %d by features %v", p.Name, class, features.Shape)
	}
	g := nn.NewGraph()
	p.head(g, "", g.Input("features", features.Shape...))
	g.Output("logits", g.Taps()["logits"])
	trainer, err := nn.NewTrainer(g, w, nn.Options{Threads: o.Threads})
	if err != nil {
		return nil, fmt.Errorf("activation map: %w", err)
	}
	defer trainer.Close()
	outputs := trainer.NewOutputs()
	if err := trainer.Forward(ctx, []nn.Tensor{features}, outputs); err != nil {
		return nil, fmt.Errorf("activation map: %w", err)
	}
	one, gradient := nn.NewTensor(outputs[0].Shape...), nn.NewTensor(features.Shape...)
	one.Data[class] = 1
	if err := trainer.Backward(ctx, []nn.Tensor{one}, []nn.Tensor{gradient}); err != nil {
		return nil, fmt.Errorf("activation map: %w", err)
	}
	return planeMeans(gradient), nil
}

// planeMeans are the means of a [1 C H W] tensor's planes.
func planeMeans(t nn.Tensor) []float32 {
	area := t.Shape[2] * t.Shape[3]
	out := make([]float32, t.Shape[1])
	for c := range out {
		sum := 0.0
		for _, v := range t.Data[c*area : (c+1)*area] {
			sum += float64(v)
		}
		out[c] = float32(sum / float64(area))
	}
	return out
}

// weightedSum adds up the planes of [1 C H W] features. The result may be
// negative; an activation map keeps what is positive.
func weightedSum(features nn.Tensor, weights []float32) ([]float32, error) {
	if len(features.Shape) != 4 || features.Shape[0] != 1 || features.Shape[1] != len(weights) {
		return nil, fmt.Errorf("activation map: %d weights do not fit features %v", len(weights), features.Shape)
	}
	area := features.Shape[2] * features.Shape[3]
	sums := make([]float64, area)
	for c, w := range weights {
		for i, v := range features.Data[c*area : (c+1)*area] {
			sums[i] += float64(w) * float64(v)
		}
	}
	out := make([]float32, area)
	for i, v := range sums {
		out[i] = float32(v)
	}
	return out, nil
}

// NewActivationMap makes a map of width x height, the size of the network's
// input, from its last features [1 C H W] and a weight for each of them.
func NewActivationMap(features nn.Tensor, weights []float32, width, height int, o MapOptions) (ActivationMap, error) {
	sums, err := weightedSum(features, weights)
	if err != nil {
		return ActivationMap{}, err
	}
	for i, v := range sums {
		sums[i] = max(v, 0)
	}
	values := picture.ResizeOpenCVFloat(sums, features.Shape[3], features.Shape[2], width, height)
	scaleToOne(values, o)
	return ActivationMap{Width: width, Height: height, Values: values}, nil
}

// scaleToOne brings the least value to 0 and the greatest to 1.
func scaleToOne(values []float32, o MapOptions) {
	if len(values) == 0 {
		return
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	for i, v := range values {
		if high == low && !o.AsPublished {
			values[i] = 0
			continue
		}
		values[i] = (v - low) / (high - low)
	}
}

// HeatMap paints the map in OpenCV's JET colours, blue to red.
func (m ActivationMap) HeatMap(o MapOptions) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i, v := range m.Values {
		level := int(256 * v)
		if !o.AsPublished {
			level = min(level, 255)
		}
		out.SetRGBA(i%m.Width, i/m.Width, picture.Jet(uint8(level)))
	}
	return out
}

// OnSource is the map at the size of the picture that the plan prepared for
// the network: 0 in margins that the network did not see. The map must have the
// size of the network's input.
func (m ActivationMap) OnSource(p Plan, width, height int) []float32 {
	across, down := p.Preparation.seen(width, m.Width, min(width, height)), p.Preparation.seen(height, m.Height, min(width, height))
	out := make([]float32, width*height)
	columns := make([]between, width)
	for x := range columns {
		columns[x] = across.between(x, m.Width)
	}
	for y := range height {
		v := down.between(y, m.Height)
		if !v.inside {
			continue
		}
		top, bottom := m.Values[v.first*m.Width:][:m.Width], m.Values[v.second*m.Width:][:m.Width]
		line := out[y*width:][:width]
		for x, u := range columns {
			if u.inside {
				a := float64(top[u.first])*(1-u.fraction) + float64(top[u.second])*u.fraction
				b := float64(bottom[u.first])*(1-u.fraction) + float64(bottom[u.second])*u.fraction
				line[x] = float32(a*(1-v.fraction) + b*v.fraction)
			}
		}
	}
	return out
}

// between is where a pixel of the source picture lies among an axis's cells.
type between struct {
	inside        bool
	first, second int
	fraction      float64 // of the way from the first to the second
}

func (a axis) between(pixel, n int) between {
	at := a.at(pixel)
	first, fraction := cell(at, n)
	return between{inside(at, n), first, min(first+1, n-1), fraction}
}

// inside reports whether a coordinate falls on one of n cells.
func inside(at float64, n int) bool { return at >= -0.5 && at < float64(n)-0.5 }

// cell is the centre before a coordinate, and how far it is on to the next.
func cell(at float64, n int) (int, float64) {
	at = min(max(at, 0), float64(n-1))
	return int(at), at - float64(int(at))
}
