package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// onnxBuilder turns a graph into ONNX, node by node.
type onnxBuilder struct {
	weights      nn.Weights
	options      ONNXOptions
	sizes        *planes
	layout       *graphLayout
	quantisation *quantisation // empty: all is float32

	graph   weights.ONNXGraph
	taken   map[string]bool      // names of constants and of values
	written map[*nn.Value]string // the float32 value to read
	planeOf map[*nn.Value]string // what to take a value's shape of
	emitted []*nn.Value          // in order
}

func newONNXBuilder(w nn.Weights, s *planes, o ONNXOptions) (*onnxBuilder, error) {
	b := &onnxBuilder{
		weights: w, options: o, sizes: s, quantisation: &quantisation{}, layout: newGraphLayout(s.inputs, s.outputs, s.nodes[0]),
		taken: map[string]bool{}, written: map[*nn.Value]string{}, planeOf: map[*nn.Value]string{},
	}
	if o.Ranges != nil {
		var err error
		if b.quantisation, err = b.layout.quantise(b.calibrated); err != nil {
			return nil, err
		}
	}
	for _, n := range b.layout.nodes {
		for _, p := range n.Parameters {
			if t, ok := w[p.Name]; !ok || !t.Shape.Equal(p.Shape) {
				return nil, fmt.Errorf("parameter %q is %v in the weights, %v in the network", p.Name, t.Shape, p.Shape)
			}
		}
	}
	return b, nil
}

// calibrated is the range that was seen of a value.
func (b *onnxBuilder) calibrated(v *nn.Value) (Range, error) {
	r, ok := b.options.Ranges[b.layout.keys[v]]
	if !ok {
		return r, fmt.Errorf("there is no range for %q: the network was calibrated for another export", b.layout.keys[v])
	}
	return r, nil
}

// build writes the whole graph.
func (b *onnxBuilder) build() (weights.ONNXGraph, error) {
	for _, name := range b.layout.names {
		b.taken[name] = true
	}
	for _, in := range b.sizes.inputs {
		b.graph.Inputs = append(b.graph.Inputs, weights.ONNXValue{Name: in.Name(), Axes: b.options.inputAxes()})
		b.written[in], b.planeOf[in] = in.Name(), in.Name()
		b.keepInLevels(in, in.Name(), b.unused(in.Name()+"/levels"))
		b.emitted = append(b.emitted, in)
	}
	for i, n := range b.layout.nodes {
		if !b.layout.needed[n.Output] || b.layout.folded[n.Output] != nil {
			continue // of no use, or a convolution that is written with its norm
		}
		raw := b.layout.names[n.Output]
		if _, ok := b.quantisation.levels[n.Output]; ok {
			raw = b.unused(raw + "/float")
		}
		if err := b.node(i, n, raw); err != nil {
			return b.graph, err
		}
		b.written[n.Output], b.planeOf[n.Output] = raw, raw
		b.keepInLevels(n.Output, raw, b.layout.names[n.Output])
		b.emitted = append(b.emitted, n.Output)
	}
	for _, out := range b.sizes.outputs {
		name, written := out.Name, b.written[out.Value]
		if written != name {
			b.add("Identity", name, []string{written})
		}
		b.graph.Outputs = append(b.graph.Outputs, weights.ONNXValue{Name: name, Axes: b.options.outputAxes(b.sizes, name, out.Value)})
	}
	return b.graph, nil
}

// add writes an operation with one result.
func (b *onnxBuilder) add(op, result string, inputs []string, attributes ...weights.ONNXAttribute) {
	b.graph.Nodes = append(b.graph.Nodes, weights.ONNXNode{
		Op: op, Name: result, Inputs: inputs, Outputs: []string{result}, Attributes: attributes,
	})
}

func attribute(name string, value any) weights.ONNXAttribute {
	return weights.ONNXAttribute{Name: name, Value: value}
}

// constant writes a constant and returns its name.
func (b *onnxBuilder) constant(name string, data any, shape ...int) string {
	name = b.unused(name)
	b.graph.Initializers = append(b.graph.Initializers, weights.ONNXTensor{Name: name, Shape: shape, Data: data})
	return name
}

// tensor is constant of a parameter.
func (b *onnxBuilder) tensor(name string, t nn.Tensor) string {
	return b.constant(name, t.Data, t.Shape...)
}

// unused is a name that nothing has, near to the one that is wished for.
func (b *onnxBuilder) unused(name string) string {
	free := name
	for i := 2; b.taken[free]; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	b.taken[free] = true
	return free
}

// reads are the names of what a node reads.
func (b *onnxBuilder) reads(n nn.Node) []string {
	names := make([]string, len(n.Inputs))
	for i, v := range n.Inputs {
		names[i] = b.written[v]
	}
	return names
}
