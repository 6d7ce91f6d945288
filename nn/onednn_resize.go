//go:build cgo

package nn

import (
	"github.com/jcs-ct/jcs/internal/kernel"
	"github.com/jcs-ct/jcs/internal/onednn"
)

func (l *lowering) resize(v *Value, op resize) {
	p, x := l.suited(l.readDense(v.inputs[0]), func(layout *onednn.Layout) (*onednn.Primitive, error) {
		return l.engine.ResizeForward(layout, op.height, op.width)
	})
	if l.err != nil {
		return
	}
	y := l.allocateFor(v, l.layout(p, onednn.Dst))
	y.scale = x.scale
	l.emit(p, operand{onednn.Src, x}, operand{onednn.Dst, y})
	l.values[v] = y
	l.record(v, func() {
		g, ok := l.gradient(v)
		if !ok {
			return
		}
		l.toInput(v.inputs[0], func() tensor { return l.resizeBack(x, y, l.as(g, y.layout)) })
	})
}

// resizeBack is the gradient by what was resized, x to y. oneDNN's own is several
// times slower where a plane grows much.
func (l *lowering) resizeBack(x, y, dy tensor) tensor {
	dx := l.allocateLike(x)
	p, known := l.planesOf(x)
	q, alike := l.planesOf(y)
	if l.err != nil {
		return tensor{}
	}
	if !known || !alike || p.Lanes != q.Lanes {
		p := l.primitive(l.engine.ResizeBackward(x.layout, y.layout))
		l.emit(p, operand{onednn.DiffDst, dy}, operand{onednn.DiffSrc, dx})
		return dx
	}
	lines, columns := kernel.NewAxis(height(x), height(y)), kernel.NewAxis(width(x), width(y))
	spare := make([]float32, l.engine.Threads()*width(y)*p.Lanes)
	l.emitKernel("resize back", func() { p.ResizeBack(l.all(dx), l.all(dy), lines, columns, spare) },
		operand{onednn.DiffDst, dy}, operand{onednn.DiffSrc, dx})
	return dx
}
