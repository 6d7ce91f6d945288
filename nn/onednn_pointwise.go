//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

func engineActivation(a Activation) onednn.Activation {
	switch a {
	case ReLU6:
		return onednn.ReLU6
	case HardSwish:
		return onednn.HardSwish
	case Sigmoid:
		return onednn.Sigmoid
	}
	return onednn.ReLU
}

func (l *lowering) activation(v *Value, op Activation) {
	p, x := l.suited(l.wide(l.readDense(v.inputs[0])), func(layout *onednn.Layout) (*onednn.Primitive, error) {
		return l.engine.ActivationForward(engineActivation(op), layout, l.training)
	})
	if l.err != nil {
		return
	}
	y := l.allocateFor(v, x.layout)
	l.emit(p, operand{onednn.Src, x}, operand{onednn.Dst, y})
	l.values[v] = y
	l.record(v, func() { l.activationBackward(v, op, x, y) })
}

func (l *lowering) activationBackward(v *Value, op Activation, x, y tensor) {
	if len(l.gradients[v]) == 0 {
		return
	}
	if g, ok := gateOf(op, y); ok {
		l.toInputTerm(v.inputs[0], func() term {
			dx, own, _ := l.ownGradient(v, g)
			return term{tensor: dx, scale: 1, own: own}
		})
		return
	}
	l.toInput(v.inputs[0], func() tensor {
		dy, _ := l.gradient(v)
		return l.slope(op, x, y, dy)
	})
}

// slope is a gradient times an activation's derivative, by oneDNN.
func (l *lowering) slope(op Activation, x, y, dy tensor) tensor {
	data := operand{onednn.Dst, y}
	if op == HardSwish {
		data = operand{onednn.Src, x}
	}
	d := l.as(dy, y.layout)
	if l.err != nil {
		return tensor{}
	}
	p := l.primitive(l.engine.ActivationBackward(engineActivation(op), y.layout, y.layout))
	dx := l.allocateLike(y)
	l.emit(p, data, operand{onednn.DiffDst, d}, operand{onednn.DiffSrc, dx})
	return dx
}

func (l *lowering) softmax(v *Value) {
	x := l.asPlain(l.read(v.inputs[0]))
	if l.err != nil {
		return
	}
	p := l.primitive(l.engine.SoftmaxForward(x.layout, 1))
	y := l.allocateLike(x)
	l.emit(p, operand{onednn.Src, x}, operand{onednn.Dst, y})
	l.values[v] = y
	l.record(v, func() {
		dy, ok := l.gradient(v)
		if !ok {
			return
		}
		l.toInput(v.inputs[0], func() tensor {
			d := l.as(dy, y.layout)
			p := l.primitive(l.engine.SoftmaxBackward(y.layout, y.layout, 1))
			dx := l.allocateLike(y)
			l.emit(p, operand{onednn.Dst, y}, operand{onednn.DiffDst, d}, operand{onednn.DiffSrc, dx})
			return dx
		})
	})
}

func (l *lowering) addition(v *Value) {
	a := l.wide(l.readDense(v.inputs[0]))
	b := l.read(v.inputs[1])
	if l.err != nil {
		return
	}
	b = l.as(b, a.layout)
	y := l.allocateFor(v, a.layout)
	p := l.primitive(l.engine.Binary(onednn.Add, a.layout, a.layout, a.layout))
	l.emit(p, operand{onednn.Src, a}, operand{onednn.Src1, b}, operand{onednn.Dst, y})
	l.values[v] = y
	l.record(v, func() {
		if dy, ok := l.gradient(v); ok {
			l.toInput(v.inputs[0], func() tensor { return dy })
			l.toInput(v.inputs[1], func() tensor { return dy })
		}
	})
}

func (l *lowering) channelScaling(v *Value) {
	x := l.readDense(v.inputs[0])
	factors := l.read(v.inputs[1])
	if l.err != nil {
		return
	}
	s := l.reshape(factors, Shape{v.shape[0], v.shape[1], 1, 1})
	if l.training {
		l.values[v] = l.combine([]term{{tensor: x, factors: s, scale: 1}}, nil, v.shape)
	} else {
		l.values[v] = l.scaled(x, s)
	}
	l.record(v, func() { l.channelScalingBackward(v, x, s) })
}

// scaled multiplies each plane by its factor. The factors [N C 1 1] are brought
// into the order of x: for others oneDNN has only slow loops.
func (l *lowering) scaled(x, s tensor) tensor {
	if l.err != nil {
		return tensor{}
	}
	f := l.formatOf(x)
	s = l.as(s, l.formatted(format{onednn.F32, f.order}, s.shape))
	y := l.allocateLike(x)
	if l.err != nil {
		return tensor{}
	}
	p := l.primitive(l.engine.Binary(onednn.Multiply, x.layout, s.layout, y.layout))
	l.emit(p, operand{onednn.Src, x}, operand{onednn.Src1, s}, operand{onednn.Dst, y})
	return y
}

func (l *lowering) channelScalingBackward(v *Value, x, s tensor) {
	dy, own, ok := l.ownGradient(v, nil)
	if !ok {
		return
	}
	// The gradient by x may take the place of dy where nobody reads dy later.
	own = own && l.needs[v.inputs[1]] == l.needs[v.inputs[0]]
	l.toInput(v.inputs[1], func() tensor { return l.reshape(l.rowSums(x, dy, 1), v.inputs[1].shape) })
	l.toInputTerm(v.inputs[0], func() term { return term{tensor: dy, factors: s, scale: 1, own: own} })
}
