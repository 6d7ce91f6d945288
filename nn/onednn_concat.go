//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

func (l *lowering) concatenation(v *Value) {
	parts := make([]tensor, len(v.inputs))
	for i, in := range v.inputs {
		parts[i] = l.read(in)
	}
	l.values[v] = l.joined(parts, v.shape)
	l.record(v, func() {
		dy, ok := l.gradient(v)
		if !ok {
			return
		}
		from := 0
		for _, in := range v.inputs {
			at, c := from, in.shape[1]
			l.toInput(in, func() tensor { return l.part(dy, at, at+c) })
			from += c
		}
	})
}

// joined is the parts one behind the other along the channels.
func (l *lowering) joined(parts []tensor, shape Shape) tensor {
	if l.err != nil {
		return tensor{}
	}
	layouts := make([]*onednn.Layout, len(parts))
	operands := make([]operand, len(parts))
	for i, t := range parts {
		layouts[i] = t.layout
		operands[i] = operand{onednn.MultipleSrc + onednn.Role(i), t}
	}
	p := l.primitive(l.engine.Concat(layouts, nil))
	out := l.allocate(l.layout(p, onednn.Dst), shape)
	l.emit(p, append(operands, operand{onednn.Dst, out})...)
	return out
}

func (l *lowering) slice(v *Value, op slice) {
	l.values[v] = l.part(l.read(v.inputs[0]), op.from, op.to)
	l.record(v, func() {
		if dy, ok := l.gradient(v); ok {
			l.toInputPart(v.inputs[0], op.from, op.to, func() tensor { return dy })
		}
	})
}

// part copies some channels of a tensor.
func (l *lowering) part(t tensor, from, to int) tensor {
	view := l.channels(t, from, to)
	if l.err != nil {
		return tensor{}
	}
	layout, err := view.layout.Dense()
	l.fail(err)
	out := l.allocate(layout, view.shape)
	l.reorder(view, out)
	return out
}

// channels sees some channels of a tensor in place, or in a row-major copy
// where they do not begin and end with a block of the tensor's layout.
func (l *lowering) channels(t tensor, from, to int) tensor {
	if l.err != nil {
		return tensor{}
	}
	shape := Shape{t.shape[0], to - from, t.shape[2], t.shape[3]}
	offsets := []int{0, from, 0, 0}
	layout, err := t.layout.Part(shape, offsets)
	if err != nil {
		t = l.asPlain(t)
		if l.err != nil {
			return tensor{}
		}
		layout, err = t.layout.Part(shape, offsets)
		l.fail(err)
	}
	return tensor{t.slot, layout, shape, t.shift}
}
