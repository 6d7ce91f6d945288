//go:build cgo

package nn

import (
	"math"

	"github.com/jcs-ct/jcs/internal/kernel"
	"github.com/jcs-ct/jcs/internal/onednn"
)

// planesOf is a tensor as internal/kernel sees it, and false where it lies in
// neither of the orders that its loops know.
func (l *lowering) planesOf(t tensor) (kernel.Planes, bool) {
	if l.err != nil || len(t.shape) != 4 || t.layout.Type() != onednn.F32 {
		return kernel.Planes{}, false
	}
	n, c := t.shape[0], t.shape[1]
	p := kernel.Planes{Rows: n, Pixels: t.shape[2] * t.shape[3]}
	switch l.formatOf(t).order {
	case plainOrder:
		p.Rows, p.Lanes, p.Groups = n*c, 1, c
	case blocked:
		p.Lanes = onednn.ChannelBlock()
		p.Groups = (c + p.Lanes - 1) / p.Lanes
		p.Rows *= p.Groups
	case channelsLast:
		p.Lanes, p.Groups = c, 1
	}
	return p, p.Lanes > 0 && p.Lanes <= kernel.MostLanes
}

// inPlanes brings a tensor into an order that internal/kernel knows.
func (l *lowering) inPlanes(t tensor) (tensor, kernel.Planes) {
	p, ok := l.planesOf(t)
	if !ok {
		t = l.as(t, l.formatted(format{onednn.F32, blocked}, t.shape))
		p, _ = l.planesOf(t)
	}
	return t, p
}

// perPlane is the order in which planes of one value each go with a tensor.
func (l *lowering) perPlane(t tensor, p kernel.Planes) *onednn.Layout {
	order := plainOrder // NHWC of one pixel is the same
	if p.Lanes == onednn.ChannelBlock() {
		order = blocked
	}
	return l.formatted(format{onednn.F32, order}, Shape{axis(t, 0), axis(t, 1), 1, 1})
}

// all are a tensor's values as they lie in memory, with those that fill blocks
// up. It may be called once bound.
func (l *lowering) all(t tensor) []float32 {
	if t.slot == nil {
		return nil
	}
	block, offset := l.place(t)
	return block.Float32s(offset, t.layout.Bytes()/4)
}

// rowSums are the sums over each plane of x, or of x times y where there is
// one, times scale: [N C 1 1] in the order of x.
func (l *lowering) rowSums(x, y tensor, scale float32) tensor {
	x, p := l.inPlanes(x)
	if y.slot != nil {
		y = l.as(y, x.layout)
	}
	sums := l.allocate(l.perPlane(x, p), Shape{axis(x, 0), axis(x, 1), 1, 1})
	if l.err != nil {
		return tensor{}
	}
	parts := p.Parts()
	l.emitKernel("plane sums", func() { p.RowSums(l.all(sums), l.all(x), l.all(y), scale, parts) },
		operand{tensor: x}, operand{tensor: y}, operand{tensor: sums})
	return sums
}

// gate lets a gradient through where an activation's result lies above 0 and
// below top.
type gate struct {
	tensor
	top float32
}

// gateOf is an activation's gate by its result, and false where the derivative
// is none of 0 and 1.
func gateOf(a Activation, y tensor) (*gate, bool) {
	switch a {
	case ReLU:
		return &gate{y, float32(math.Inf(1))}, true
	case ReLU6:
		return &gate{y, 6}, true
	}
	return nil, false
}

// term is a part of a sum: a tensor times factors, one for each plane of it, or
// either of them alone; the factors times scale.
type term struct {
	tensor
	factors tensor
	scale   float32
	own     bool // the tensor may be overwritten
}

// combine adds terms up, in memory of theirs if it may, through a gate if there
// is one.
func (l *lowering) combine(terms []term, g *gate, shape Shape) tensor {
	if l.err != nil {
		return tensor{}
	}
	var first tensor // of the order in which the sum is made
	factors := false
	for _, t := range terms {
		factors = factors || t.factors.slot != nil
		if first.slot == nil && t.slot != nil {
			first = l.dense(t.tensor)
		}
	}
	if g != nil {
		first = l.dense(g.tensor)
	}
	if l.err != nil {
		return tensor{}
	}
	layout := l.formatted(format{onednn.F32, blocked}, shape)
	if first.slot != nil {
		layout = first.layout
	}
	values := tensor{layout: layout, shape: shape}
	p, ok := l.planesOf(values)
	switch {
	case !factors: // values are all alike
		p = kernel.Planes{Rows: 1, Pixels: layout.Bytes() / 4, Lanes: 1, Groups: 1}
	case !ok:
		values.layout = l.formatted(format{onednn.F32, blocked}, shape)
		p, _ = l.planesOf(values)
	}
	for i := range terms {
		t := &terms[i]
		if t.slot != nil {
			have := t.tensor
			t.tensor = l.as(have, values.layout)
			t.own = t.own && t.slot == have.slot
		}
		if t.factors.slot != nil {
			t.factors = l.as(t.factors, l.perPlane(values, p))
		}
	}
	through, top := tensor{}, float32(0)
	if g != nil {
		through, top = l.as(g.tensor, values.layout), g.top
	}
	if l.err != nil {
		return tensor{}
	}
	var out tensor
	for _, t := range terms {
		if l.takes(GradientsInPlace) && t.own && t.slot != nil && !t.shared {
			out = t.tensor
			l.forget(out.slot)
			break
		}
	}
	if out.slot == nil {
		out = l.allocate(values.layout, shape)
	}
	operands := []operand{{tensor: through}, {tensor: out}}
	for _, t := range terms {
		operands = append(operands, operand{tensor: t.tensor}, operand{tensor: t.factors})
	}
	l.emitKernel("sum of terms", func() {
		list := make([]kernel.Term, len(terms))
		for i, t := range terms {
			list[i] = kernel.Term{Values: l.all(t.tensor), Factors: l.all(t.factors), Scale: t.scale}
		}
		p.Combine(l.all(out), list, l.all(through), top)
	}, operands...)
	return out
}
