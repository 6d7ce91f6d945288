//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

// convolution lowers a convolution with what was fused into it.
func (l *lowering) convolution(v *Value, c fusedConv) {
	x := l.read(v.inputs[0])
	var residual tensor
	if c.residual {
		residual = l.read(v.inputs[1])
	}
	m := l.methods[v]
	spec := convolutionOf(c, v.inputs[0].shape, v.shape)
	spec.Training = l.training
	if m.by[forward].own() {
		from, to := l.convolutionLayouts(spec, m, forward)
		src := l.as(x, from)
		y := l.destination(v, to, src, residual, c.residual)
		l.winogradForward(v, c, m.ownConvolution(spec, forward), src, y)
		l.convolved(v, c, spec, x, src, y)
		return
	}
	described := m.apply(spec, forward)
	var q quantised
	if eightBit(m.in) {
		q = l.quantise(v, m, x)
		described.Scales, described.SumScale, described.DstScale = q.sums, 1, worth(tensor{scale: q.out})
	}
	from, to := l.convolutionLayouts(spec, m, forward)
	p := l.primitive(l.engine.ConvolutionForward(described, from, to))
	src := l.scaledAs(x, l.layout(p, onednn.Src), q.in)
	out := l.layout(p, onednn.Dst)
	operands := []operand{{onednn.Src, src}}
	if eightBit(m.in) {
		operands = append(operands, l.quantisedWeights(v, c, q, l.layout(p, onednn.Weights))...)
	} else {
		operands = append(operands, operand{onednn.Weights, l.kernel(v, c.Conv, l.layout(p, onednn.Weights))})
		if c.Bias {
			operands = append(operands, operand{onednn.Bias, l.vector(v.params[1])})
		}
	}
	y := l.destination(v, out, src, residual, c.residual)
	y.scale = q.out
	l.emit(p, append(operands, operand{onednn.Dst, y})...)
	l.convolved(v, c, spec, x, src, y)
}

// convolved keeps a convolution's result y and its backward pass.
func (l *lowering) convolved(v *Value, c fusedConv, spec onednn.Convolution, x, src, y tensor) {
	l.watch(v, src, y)
	l.values[v] = y
	spec.Training, spec.Activation, spec.Accumulate = false, onednn.NoActivation, false
	l.record(v, func() { l.convolutionBackward(v, c, spec, x, y) })
}

// convolutionLayouts are a pass's, nil where the library is to choose.
func (l *lowering) convolutionLayouts(spec onednn.Convolution, m method, p convPass) (src, dst *onednn.Layout) {
	if l.err != nil {
		return nil, nil
	}
	src, dst, err := m.layouts(spec, p)
	l.fail(err)
	return src, dst
}

// destination is where a convolution writes: a new tensor, or, when it adds to
// a residual, the residual's own memory if nobody reads that again.
func (l *lowering) destination(v *Value, layout *onednn.Layout, src, residual tensor, add bool) tensor {
	if !add || l.err != nil {
		return l.allocateFor(v, layout)
	}
	r := l.as(residual, layout)
	if l.err != nil {
		return tensor{}
	}
	unread := r.slot != residual.slot || l.uses[v.inputs[1]] == 0
	if l.takes(SumInPlace) && unread && r.slot != src.slot && !r.shared {
		l.forget(r.slot)
		return tensor{slot: r.slot, layout: layout, shape: v.shape, shift: r.shift}
	}
	y := l.allocateFor(v, layout)
	l.reorder(r, y)
	return y
}

func (l *lowering) convolutionBackward(v *Value, c fusedConv, spec onednn.Convolution, x, y tensor) {
	var through *gate // of the activation, if there is one
	if c.activated {
		through, _ = gateOf(c.after, y)
	}
	dy, _, ok := l.ownGradient(v, through)
	if !ok {
		return
	}
	view := kernelView(c.Conv, v.params[0].Shape)
	l.weightGradients(v, spec, view, x, dy)
	l.toInput(v.inputs[0], func() tensor { return l.dataGradient(v, spec, view, dy, v.inputs[0].shape) })
}

// weightGradients are those of a kernel, seen as view, and of its bias.
func (l *lowering) weightGradients(v *Value, spec onednn.Convolution, view Shape, x, dy tensor) {
	m := l.methods[v]
	from, to := l.convolutionLayouts(spec, m, backwardWeights)
	if m.by[backwardWeights].own() {
		dw := l.kernelGradient(v.params[0])
		var db tensor
		if spec.Bias {
			db = l.vectorGradient(v.params[1])
		}
		l.winogradWeights(m.ownConvolution(spec, backwardWeights), l.as(x, from), l.as(dy, to), dw, db)
		l.writeGradient(v.params[0], dw)
		if spec.Bias {
			l.writeGradient(v.params[1], db)
		}
		return
	}
	p := l.primitive(l.engine.ConvolutionBackwardWeights(m.apply(spec, backwardWeights), from, to))
	src := l.as(x, l.layout(p, onednn.Src))
	d := l.as(dy, l.layout(p, onednn.DiffDst))
	dw := l.allocate(l.layout(p, onednn.DiffWeights), view)
	operands := []operand{{onednn.Src, src}, {onednn.DiffDst, d}, {onednn.DiffWeights, dw}}
	var db tensor
	if spec.Bias {
		db = l.vectorGradient(v.params[1])
		operands = append(operands, operand{onednn.DiffBias, db})
	}
	l.emit(p, operands...)
	l.writeGradient(v.params[0], dw)
	if spec.Bias {
		l.writeGradient(v.params[1], db)
	}
}

// dataGradient is the gradient by a convolution's input of the given shape.
func (l *lowering) dataGradient(v *Value, spec onednn.Convolution, view Shape, dy tensor, in Shape) tensor {
	spec.Bias = false
	m := l.methods[v]
	from, to := l.convolutionLayouts(spec, m, backwardData)
	if m.by[backwardData].own() {
		dx := l.allocate(from, in)
		l.winogradData(v, m.ownConvolution(spec, backwardData), l.as(dy, to), dx)
		return dx
	}
	p := l.primitive(l.engine.ConvolutionBackwardData(m.apply(spec, backwardData), from, to))
	d := l.as(dy, l.layout(p, onednn.DiffDst))
	w := l.parameter(v.params[0], view, l.layout(p, onednn.Weights))
	dx := l.allocate(l.layout(p, onednn.DiffSrc), in)
	l.emit(p, operand{onednn.DiffDst, d}, operand{onednn.Weights, w}, operand{onednn.DiffSrc, dx})
	return dx
}

// kernel is a convolution's weight in the layout that a primitive wants.
func (l *lowering) kernel(v *Value, c Conv, want *onednn.Layout) tensor {
	return l.parameter(v.params[0], kernelView(c, v.params[0].Shape), want)
}

// kernelView is a kernel's shape as oneDNN has it: with groups as an axis.
func kernelView(c Conv, s Shape) Shape {
	if c.Groups > 1 {
		return Shape{c.Groups, s[0] / c.Groups, s[1], s[2], s[3]}
	}
	return s
}

func convolutionOf(c fusedConv, in, out Shape) onednn.Convolution {
	return onednn.Convolution{
		N: in[0], In: in[1], Height: in[2], Width: in[3], Out: out[1], OutHeight: out[2], OutWidth: out[3],
		Kernel: c.Kernel, Stride: c.Stride, Dilation: c.Dilation, Groups: c.Groups,
		PadTop: c.Pad.Top, PadLeft: c.Pad.Left,
		PadBottom: c.Pad.Bottom, PadRight: c.Pad.Right,
		Bias: c.Bias, Accumulate: c.residual, Activation: activationOf(c),
	}
}

func activationOf(c fusedConv) onednn.Activation {
	if !c.activated {
		return onednn.NoActivation
	}
	return engineActivation(c.after)
}

// linear lowers a fully connected layer, and what was fused into it, as a 1x1
// convolution of a 1x1 plane.
func (l *lowering) linear(v *Value, op Linear, after onednn.Activation) {
	in, out := v.inputs[0].shape, v.shape
	features := Shape{in[0], in[1], 1, 1}
	spec := onednn.Convolution{
		N: in[0], In: in[1], Height: 1, Width: 1, Out: op.Out, OutHeight: 1, OutWidth: 1,
		Kernel: 1, Stride: 1, Dilation: 1, Groups: 1, Bias: op.Bias,
		Training: l.training, Activation: after,
	}
	x := l.reshape(l.read(v.inputs[0]), features)
	view := Shape{op.Out, in[1], 1, 1}
	// Rows, as blocks would have to be padded and copied between small layers.
	rows := func(s Shape) *onednn.Layout { return l.formatted(format{onednn.F32, channelsLast}, s) }
	p := l.primitive(l.engine.ConvolutionForward(spec, rows(features), rows(Shape{out[0], out[1], 1, 1})))
	src := l.as(x, l.layout(p, onednn.Src))
	operands := []operand{{onednn.Src, src}, {onednn.Weights, l.parameter(v.params[0], view, l.layout(p, onednn.Weights))}}
	if op.Bias {
		operands = append(operands, operand{onednn.Bias, l.vector(v.params[1])})
	}
	y := l.allocate(l.layout(p, onednn.Dst), Shape{out[0], out[1], 1, 1})
	l.emit(p, append(operands, operand{onednn.Dst, y})...)
	l.values[v] = l.reshape(y, out)
	l.record(v, func() { l.linearBackward(v, spec, x, view) })
}

func (l *lowering) linearBackward(v *Value, spec onednn.Convolution, x tensor, view Shape) {
	g, ok := l.gradient(v)
	if !ok {
		return
	}
	spec.Training = false
	dy := l.reshape(g, Shape{v.shape[0], v.shape[1], 1, 1})
	l.weightGradients(v, spec, view, x, dy)
	l.toInput(v.inputs[0], func() tensor {
		return l.reshape(l.dataGradient(v, spec, view, dy, x.shape), v.inputs[0].shape)
	})
}
