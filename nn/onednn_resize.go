//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

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
		l.toInput(v.inputs[0], func() tensor {
			dy := l.as(g, y.layout)
			p := l.primitive(l.engine.ResizeBackward(x.layout, y.layout))
			dx := l.allocateLike(x)
			l.emit(p, operand{onednn.DiffDst, dy}, operand{onednn.DiffSrc, dx})
			return dx
		})
	})
}
