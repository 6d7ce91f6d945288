package network

import (
	"fmt"
	"slices"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// node writes the graph's operation i under a name for its result.
func (b *onnxBuilder) node(i int, n nn.Node, result string) error {
	in := b.reads(n)
	switch a := n.Attributes.(type) {
	case nn.Conv:
		return b.conv(i, n, nil, result)
	case nn.BatchNorm:
		if maker, ok := b.layout.makers[n.Inputs[0]]; ok && b.layout.folded[n.Inputs[0]] != nil {
			at := slices.IndexFunc(b.layout.nodes, func(m nn.Node) bool { return m.Output == maker.Output })
			return b.conv(at, maker, &n, result)
		}
		b.norm(n, in, result)
	case nn.Linear:
		b.linear(n, in, result)
	case nn.Activation:
		if a == nn.ReLU6 {
			in = append(in, b.constant(result+".min", []float32{0}), b.constant(result+".max", []float32{6}))
		}
		b.add(onnxOperator(a), result, in)
	case nn.MaxPooling:
		return b.pool(n, a.Pool, in, result)
	case nn.AveragePooling:
		return b.pool(n, a.Pool, in, result, attribute("count_include_pad", count(a.CountPadding)))
	case nn.GlobalAveraging:
		b.add("GlobalAveragePool", result, in)
	case nn.Size:
		return b.resize(n, in, result)
	case nn.Channels:
		range64 := func(name string, i int) string { return b.constant(result+name, []int64{int64(i)}, 1) }
		b.add("Slice", result, append(in, range64(".from", a.From), range64(".to", a.To), range64(".axis", 1)))
	case nn.Concatenation:
		b.add("Concat", result, in, attribute("axis", 1))
	case nn.Addition:
		b.add("Add", result, in)
	case nn.ChannelScaling:
		b.scale(n, in, result)
	case nn.SoftmaxOverChannels:
		b.add("Softmax", result, in, attribute("axis", 1))
	default:
		return fmt.Errorf("%s %q: the export does not know this operation", n.Kind, n.Output.Name())
	}
	return nil
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// conv writes a convolution and the norm that is multiplied into it.
func (b *onnxBuilder) conv(i int, n nn.Node, norm *nn.Node, result string) error {
	c := n.Attributes.(nn.Conv)
	k := kernelOf(b.weights, n, norm)
	attributes := []weights.ONNXAttribute{
		attribute("kernel_shape", []int{c.Kernel, c.Kernel}),
		attribute("strides", []int{c.Stride, c.Stride}),
		attribute("dilations", []int{c.Dilation, c.Dilation}),
		attribute("group", c.Groups),
	}
	pad, same, err := b.sizes.padding(i)
	switch {
	case err != nil:
		return err
	case same:
		attributes = append(attributes, attribute("auto_pad", "SAME_UPPER"))
	default:
		attributes = append(attributes, attribute("pads", []int{pad.Top, pad.Left, pad.Bottom, pad.Right}))
	}
	in, layer := b.reads(n), n.Output.Name()
	if b.quantisation.convs[n.Output] {
		in = append(in, b.quantisedKernel(layer, k, b.quantisation.levels[n.Inputs[0]])...)
	} else {
		in = append(in, b.tensor(layer+".weight", k.weight))
		if len(k.bias.Data) > 0 {
			in = append(in, b.tensor(layer+".bias", k.bias))
		}
	}
	b.add("Conv", result, in, attributes...)
	return nil
}

// norm writes a batch norm that could not be multiplied into a convolution.
func (b *onnxBuilder) norm(n nn.Node, in []string, result string) {
	factor, shift := normFactors(b.weights, n)
	vector := func(kind string, values []float64) string {
		data := make([]float32, len(values))
		for i, v := range values {
			data[i] = float32(v)
		}
		return b.constant(n.Output.Name()+kind, data, len(data), 1, 1)
	}
	scaled := b.unused(result + ".scaled")
	b.add("Mul", scaled, []string{in[0], vector(".factor", factor)})
	b.add("Add", result, []string{scaled, vector(".shift", shift)})
}

func (b *onnxBuilder) linear(n nn.Node, in []string, result string) {
	if len(n.Inputs[0].Shape()) == 4 {
		flat := b.unused(result + ".flat")
		b.add("Flatten", flat, in, attribute("axis", 1))
		in = []string{flat}
	}
	for _, p := range n.Parameters {
		in = append(in, b.tensor(p.Name, b.weights[p.Name]))
	}
	b.add("Gemm", result, in, attribute("transB", 1))
}

func (b *onnxBuilder) pool(n nn.Node, p nn.Pool, in []string, result string, more ...weights.ONNXAttribute) error {
	if p.Ceil && (p.Kernel != p.Stride || p.Pad != 0) {
		return fmt.Errorf("%s %q: before operator set 22, ONNX has no last window that begins within the input unless windows lie side by side", n.Kind, n.Output.Name())
	}
	b.add(onnxOperator(n.Attributes), result, in, append(more,
		attribute("kernel_shape", []int{p.Kernel, p.Kernel}),
		attribute("strides", []int{p.Stride, p.Stride}),
		attribute("pads", []int{p.Pad, p.Pad, p.Pad, p.Pad}),
		attribute("ceil_mode", count(p.Ceil)))...)
	return nil
}

// resize writes a bilinear resize to the plane of another value: the input's,
// or else the nearest one before it.
func (b *onnxBuilder) resize(n nn.Node, in []string, result string) error {
	size := ""
	if o := b.options; o.Batch > 0 && o.Height > 0 {
		shape := make([]int64, 4)
		for i, d := range n.Output.Shape() {
			shape[i] = int64(d)
		}
		size = b.constant(result+".size", shape, 4)
	} else {
		like, ok := b.alike(n.Output)
		if !ok {
			return fmt.Errorf("%s %q: no value has the plane that it makes: give a height and a width to export it for", n.Kind, n.Output.Name())
		}
		channels, plane := b.unused(result+".channels"), b.unused(result+".plane")
		b.add("Shape", channels, []string{b.planeOf[n.Inputs[0]]}, attribute("start", 0), attribute("end", 2))
		b.add("Shape", plane, []string{b.planeOf[like]}, attribute("start", 2), attribute("end", 4))
		size = b.unused(result + ".size")
		b.add("Concat", size, []string{channels, plane}, attribute("axis", 0))
	}
	b.add("Resize", result, []string{in[0], "", "", size},
		attribute("mode", "linear"), attribute("coordinate_transformation_mode", "half_pixel"))
	return nil
}

// alike finds a written value that has the plane of another one at any size.
func (b *onnxBuilder) alike(v *nn.Value) (*nn.Value, bool) {
	if input := b.layout.inputs[0]; b.sizes.alike(v, input) {
		return input, true
	}
	for _, like := range slices.Backward(b.emitted) {
		if b.sizes.alike(v, like) {
			return like, true
		}
	}
	return nil, false
}

// scale writes the multiplication of each plane by a factor.
func (b *onnxBuilder) scale(n nn.Node, in []string, result string) {
	factors := in[1]
	if len(n.Inputs[1].Shape()) == 2 {
		factors = b.unused(result + ".factors")
		b.add("Unsqueeze", factors, []string{in[1], b.constant(result+".axes", []int64{2, 3}, 2)})
	}
	if _, ok := b.quantisation.levels[n.Output]; ok { // factors are a sigmoid's
		_, factors = b.quantised(factors, factors+"/levels", levelsOf(Range{0, 1}))
	}
	b.add("Mul", result, []string{in[0], factors})
}
