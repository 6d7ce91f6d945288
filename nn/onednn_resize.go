//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

func (l *lowering) resize(v *Value, op resize) {
	x := l.read(v.inputs[0])
	if l.err != nil {
		return
	}
	p := l.primitive(l.engine.ResizeForward(x.layout, op.height, op.width))
	y := l.allocate(l.layout(p, onednn.Dst), v.shape)
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
