//go:build cgo

package nn

import (
	"slices"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// home is a place in a concatenation's result that a part of it can be written
// to at once, so that nothing is left to copy.
type home struct {
	whole *Value
	from  int // channel
}

// homes gives each value that is a part of a concatenation its place there. A
// value in two concatenations lives in the first.
func homes(nodes []*Value) map[*Value]home {
	all := map[*Value]home{}
	for _, v := range nodes {
		parts := make([]tensor, len(v.inputs))
		for i, in := range v.inputs {
			parts[i].shape = in.shape
		}
		if _, ok := v.op.(concat); !ok || !aligned(parts) {
			continue
		}
		from := 0
		for _, in := range v.inputs {
			if _, taken := all[in]; !taken && in.op != (input{}) {
				all[in] = home{v, from}
			}
			from += channels(in)
		}
	}
	return all
}

// findHomes has the parts of concatenations among nodes written in place.
func (l *lowering) findHomes(nodes []*Value) {
	if l.takes(ConcatInPlace) {
		l.homes = homes(nodes)
	}
}

// aligned reports whether all parts of a concatenation, but for the end of the
// last one, begin and end with a block of channels.
func aligned(parts []tensor) bool {
	from := 0
	for _, t := range parts {
		if from%onednn.ChannelBlock() != 0 {
			return false
		}
		from += axis(t, 1)
	}
	return true
}

// allocateFor makes the tensor that holds a value: in its home, where the
// layout allows that, else by itself. A channel's blocks lie one behind the
// other, so that in a batch of one a part of them is a tensor of its own.
func (l *lowering) allocateFor(v *Value, layout *onednn.Layout) tensor {
	if l.err != nil {
		return tensor{}
	}
	h, ok := l.homes[v]
	if !ok || v.shape[0] != 1 || !l.hasFormat(layout, format{layout.Type(), blocked}, v.shape) {
		return l.allocate(layout, v.shape)
	}
	whole, ok := l.wholes[h.whole]
	if !ok {
		whole = l.allocate(l.formatted(format{layout.Type(), blocked}, h.whole.shape), h.whole.shape)
		if l.err != nil {
			return tensor{}
		}
		whole.shared = true
		l.wholes[h.whole] = whole
	}
	if whole.layout.Type() != layout.Type() {
		return l.allocate(layout, v.shape)
	}
	return l.channels(whole, h.from, h.from+channels(v))
}

func (l *lowering) concatenation(v *Value) {
	parts := make([]tensor, len(v.inputs))
	for i, in := range v.inputs {
		parts[i] = l.read(in)
	}
	l.values[v] = l.joined(parts, v)
	l.record(v, func() {
		dy, ok := l.gradient(v)
		if !ok {
			return
		}
		from := 0
		for _, in := range v.inputs {
			at, c := from, in.shape[1]
			l.toInput(in, func() tensor { return l.channels(dy, at, at+c) })
			from += c
		}
	})
}

// joined is the parts one behind the other along the channels, in the order of
// the first one if that allows it. Only what is not there yet is copied.
func (l *lowering) joined(parts []tensor, v *Value) tensor {
	if l.err != nil {
		return tensor{}
	}
	whole, ok := l.wholes[v]
	if !ok {
		f := l.formatOf(parts[0])
		f.kind = commonKind(parts)
		if f.order == blocked && !aligned(parts) || f.order == libraryOrder {
			f.order = plainOrder // whole planes are copied fastest
		}
		shape := slices.Clone(parts[0].shape)
		shape[1] = 0
		for _, t := range parts {
			shape[1] += axis(t, 1)
		}
		whole = l.allocate(l.formatted(f, shape), shape)
		if eightBit(f.kind) { // a step that spans them all
			for _, t := range parts {
				whole.scale = max(whole.scale, t.scale)
			}
		}
	}
	from := 0
	for _, t := range parts {
		to := from + axis(t, 1)
		place := l.channels(whole, from, to)
		if l.err == nil && (t.slot != place.slot || t.shift != place.shift) {
			l.reorder(t, place) // to the whole's step as well
		}
		from = to
	}
	return whole
}

// commonKind is a type that holds all parts: theirs, or float32.
func commonKind(parts []tensor) onednn.Type {
	kind := parts[0].layout.Type()
	for _, t := range parts {
		if t.layout.Type() != kind {
			return onednn.F32
		}
	}
	return kind
}

func (l *lowering) slice(v *Value, op slice) {
	l.values[v] = l.sliced(l.channels(l.read(v.inputs[0]), op.from, op.to))
	l.record(v, func() {
		if dy, ok := l.gradient(v); ok {
			l.toInputPart(v.inputs[0], op.from, op.to, func() tensor { return dy })
		}
	})
}

// sliced is a slice that is seen in place, or a copy of it.
func (l *lowering) sliced(t tensor) tensor {
	if l.takes(SliceInPlace) || l.err != nil {
		return t
	}
	layout, err := t.layout.Dense()
	l.fail(err)
	if l.err != nil {
		return tensor{}
	}
	y := l.allocate(layout, t.shape)
	y.scale = t.scale
	l.reorder(t, y)
	return y
}

// channels sees some channels of a tensor in place, or in those of a copy where
// they do not begin and end with a block of the tensor's layout. The view may
// have gaps: see dense.
func (l *lowering) channels(t tensor, from, to int) tensor {
	if l.err != nil {
		return tensor{}
	}
	shape := Shape{t.shape[0], to - from, t.shape[2], t.shape[3]}
	f := l.formatOf(t)
	block := onednn.ChannelBlock()
	whole := from%block == 0 && (to%block == 0 || to == t.shape[1])
	if f.order == blocked && shape[0] == 1 && whole {
		t.shared = true
		before := f.bytes(Shape{from, shape[2], shape[3]})
		return tensor{slot: t.slot, layout: l.formatted(f, shape), shape: shape, shift: t.shift + before, scale: t.scale}
	}
	offsets := []int{0, from, 0, 0}
	layout, err := t.layout.Part(shape, offsets)
	if err != nil {
		t = l.as(t, l.formatted(format{f.kind, plainOrder}, t.shape))
		if l.err != nil {
			return tensor{}
		}
		layout, err = t.layout.Part(shape, offsets)
		l.fail(err)
	}
	t.shared = true
	return tensor{slot: t.slot, layout: layout, shape: shape, shift: t.shift, scale: t.scale}
}

// dense is the tensor without gaps between its values.
func (l *lowering) dense(t tensor) tensor {
	if l.err != nil {
		return tensor{}
	}
	layout, err := t.layout.Dense()
	l.fail(err)
	return l.as(t, layout)
}

// formatOf recognises a tensor's format. The library's other orders, and views
// with gaps, are of libraryOrder.
func (l *lowering) formatOf(t tensor) format {
	if l.err != nil {
		return format{}
	}
	for _, o := range []order{blocked, channelsLast, plainOrder} {
		if f := (format{t.layout.Type(), o}); l.hasFormat(t.layout, f, t.shape) {
			return f
		}
	}
	return format{t.layout.Type(), libraryOrder}
}

func (l *lowering) hasFormat(layout *onednn.Layout, f format, s Shape) bool {
	if len(s) != 4 && f.order != plainOrder {
		return false
	}
	want := l.formatted(f, s)
	return l.err == nil && layout.Equal(want)
}

// formatted is the layout of a shape in a format.
func (l *lowering) formatted(f format, s Shape) *onednn.Layout {
	if l.err != nil {
		return nil
	}
	layout, err := f.layout(s)
	l.fail(err)
	return layout
}
