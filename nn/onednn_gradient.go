//go:build cgo

package nn

import (
	"sort"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// contribution is what one reader of a value adds to the value's gradient, for
// all channels or for those from up to, not including, to.
type contribution struct {
	tensor
	from, to int
}

// toInput hands a gradient to an input of the operation whose backward pass is
// being lowered. Where no trained parameter lies behind the input, make is
// called later, in the tail that runs only when input gradients are asked for.
func (l *lowering) toInput(v *Value, make func() tensor) {
	l.toInputPart(v, 0, channels(v), make)
}

func (l *lowering) toInputPart(v *Value, from, to int, make func() tensor) {
	contribute := func() {
		t := make()
		if l.err == nil {
			l.gradients[v] = append(l.gradients[v], contribution{t, from, to})
		}
	}
	if l.needs[v] || l.inTail {
		contribute()
		return
	}
	at := l.current
	l.tail = append(l.tail, func() {
		l.current = at
		contribute()
	})
}

// gradient is the sum of what all readers of a value contributed, and false
// where there were none.
func (l *lowering) gradient(v *Value) (tensor, bool) {
	all := l.gradients[v]
	if len(all) == 0 || l.err != nil {
		return tensor{}, false
	}
	if t, ok := l.tiled(all, v.shape); ok {
		return t, true
	}
	terms := make([]tensor, len(all))
	for i, c := range all {
		terms[i] = c.tensor
		if c.from != 0 || c.to != channels(v) {
			terms[i] = l.padded(c, v.shape)
		}
	}
	return l.sum(terms), l.err == nil
}

// tiled joins contributions that cover each channel once, as those of the
// parts of a split do.
func (l *lowering) tiled(all []contribution, shape Shape) (tensor, bool) {
	sorted := append([]contribution(nil), all...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].from < sorted[j].from })
	at := 0
	parts := make([]tensor, len(sorted))
	for i, c := range sorted {
		if c.from != at {
			return tensor{}, false
		}
		at, parts[i] = c.to, c.tensor
	}
	if len(shape) > 1 && at != shape[1] {
		return tensor{}, false
	}
	if len(parts) == 1 {
		return parts[0], true
	}
	return l.joined(parts, nil), l.err == nil
}

// padded puts a contribution to some channels among zeros.
func (l *lowering) padded(c contribution, shape Shape) tensor {
	out := l.allocate(l.plain(shape), shape)
	l.emitWork("zeros", func() { clear(l.floats(out)) }, out)
	l.reorder(c.tensor, l.channels(out, c.from, c.to))
	return out
}

func (l *lowering) sum(terms []tensor) tensor {
	if l.err != nil || len(terms) == 1 {
		return terms[0]
	}
	terms[0] = l.dense(terms[0])
	if l.err != nil {
		return tensor{}
	}
	layouts := make([]*onednn.Layout, len(terms))
	operands := make([]operand, len(terms))
	for i, t := range terms {
		t = l.as(t, terms[0].layout)
		if l.err != nil {
			return tensor{}
		}
		layouts[i] = t.layout
		operands[i] = operand{onednn.MultipleSrc + onednn.Role(i), t}
	}
	out := l.allocateLike(terms[0])
	p := l.primitive(l.engine.Sum(layouts, out.layout))
	l.emit(p, append(operands, operand{onednn.Dst, out})...)
	return out
}

// writeGradient copies a parameter's gradient, made in any layout, to where
// the optimiser reads it; a second one for the same parameter is added.
func (l *lowering) writeGradient(p *Parameter, g tensor) {
	m := l.masters[p.Name]
	if l.err != nil || m.grad.slot == nil {
		return
	}
	view := tensor{slot: m.grad.slot, layout: l.plain(g.shape), shape: g.shape}
	if !l.written[p.Name] {
		l.written[p.Name] = true
		if g.slot != m.grad.slot {
			l.reorder(g, view)
		}
		return
	}
	more := l.asPlain(g)
	l.emitWork("gradient sum", func() {
		sum := l.floats(view)
		for i, x := range l.floats(more) {
			sum[i] += x
		}
	}, more, view)
}

// vectorGradient is where a primitive writes the gradient of a one-axis
// parameter: its final place, or scratch for buffers and for second writers.
func (l *lowering) vectorGradient(p *Parameter) tensor { return l.kernelGradient(p) }

func (l *lowering) kernelGradient(p *Parameter) tensor {
	if m := l.masters[p.Name]; m.grad.slot != nil && !l.written[p.Name] {
		return m.grad
	}
	return l.allocate(l.plain(p.Shape), p.Shape)
}
