//go:build cgo

package nn

import "sort"

// contribution is what one reader of a value adds to the value's gradient, for
// all channels or for those from up to, not including, to.
type contribution struct {
	term
	from, to int
}

// plain reports whether the contribution is a tensor and nothing else.
func (c contribution) plain() bool { return c.slot != nil && c.factors.slot == nil }

// toInput hands a gradient to an input of the operation whose backward pass is
// being lowered. Where no trained parameter lies behind the input, make is
// called later, in the tail that runs only when input gradients are asked for.
func (l *lowering) toInput(v *Value, make func() tensor) {
	l.toInputPart(v, 0, channels(v), make)
}

func (l *lowering) toInputPart(v *Value, from, to int, make func() tensor) {
	l.contribute(v, func() contribution {
		slots := len(l.slots)
		t := make()
		return contribution{term{tensor: t, scale: 1, own: l.fresh(t, slots)}, from, to}
	})
}

// toInputTerm is toInput of a gradient that is worked out when it is added to
// others.
func (l *lowering) toInputTerm(v *Value, make func() term) {
	l.contribute(v, func() contribution { return contribution{make(), 0, channels(v)} })
}

func (l *lowering) contribute(v *Value, make func() contribution) {
	contribute := func() {
		c := make()
		if l.err == nil {
			l.gradients[v] = append(l.gradients[v], c)
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

// fresh reports whether a tensor was allocated when there were so many slots or
// more, and is known to nobody but him who made it.
func (l *lowering) fresh(t tensor, slots int) bool {
	if l.err != nil || t.slot == nil || t.index < slots || t.shared {
		return false
	}
	for _, c := range l.converted {
		if c.slot == t.slot {
			return false
		}
	}
	return true
}

// gradient is the sum of what all readers of a value contributed, and false
// where there were none.
func (l *lowering) gradient(v *Value) (tensor, bool) {
	t, _, ok := l.ownGradient(v, nil)
	return t, ok
}

// ownGradient is gradient as far as a gate, if there is one, lets it through.
// own says that nobody else reads the tensor, which may be overwritten.
func (l *lowering) ownGradient(v *Value, g *gate) (sum tensor, own, ok bool) {
	all := l.gradients[v]
	if len(all) == 0 || l.err != nil {
		return tensor{}, false, false
	}
	var terms []term
	if t, own, ok := l.tiled(all, v.shape); ok {
		if g == nil {
			return t, own, true
		}
		terms = []term{{tensor: t, scale: 1, own: own}}
	} else {
		for _, c := range all {
			if c.from != 0 || c.to != channels(v) {
				c.tensor, c.own = l.padded(c, v.shape), true
			}
			terms = append(terms, c.term)
		}
	}
	sum = l.combine(terms, g, v.shape)
	return sum, true, l.err == nil
}

// tiled joins contributions that cover each channel once, as those of the
// parts of a split do.
func (l *lowering) tiled(all []contribution, shape Shape) (whole tensor, own, ok bool) {
	sorted := append([]contribution(nil), all...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].from < sorted[j].from })
	at := 0
	parts := make([]tensor, len(sorted))
	for i, c := range sorted {
		if c.from != at || !c.plain() {
			return tensor{}, false, false
		}
		at, parts[i] = c.to, c.tensor
	}
	if len(shape) > 1 && at != shape[1] {
		return tensor{}, false, false
	}
	if len(parts) == 1 {
		return parts[0], sorted[0].own, true
	}
	return l.joined(parts, nil), true, l.err == nil
}

// padded puts a contribution to some channels among zeros.
func (l *lowering) padded(c contribution, shape Shape) tensor {
	out := l.allocate(l.plain(shape), shape)
	l.emitWork("zeros", func() { clear(l.floats(out)) }, out)
	l.reorder(c.tensor, l.channels(out, c.from, c.to))
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
