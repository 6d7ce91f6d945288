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
		l.toInput(v.inputs[0], func() tensor { return l.resizeBack(g, v.inputs[0].shape) })
	})
}

// resizeBack is the gradient by what was resized, in the order that dy has
// already. oneDNN's own is several times slower where a plane grows much.
func (l *lowering) resizeBack(dy tensor, shape Shape) tensor {
	dy, p := l.inPlanes(l.dense(dy))
	dx := l.allocate(l.formatted(l.formatOf(dy), shape), shape)
	if l.err != nil {
		return tensor{}
	}
	lines, columns := kernel.NewAxis(shape[2], height(dy)), kernel.NewAxis(shape[3], width(dy))
	spare := make([]float32, l.engine.Threads()*width(dy)*p.Lanes)
	l.emitKernel("resize back", func() { p.ResizeBack(l.all(dx), l.all(dy), lines, columns, spare) },
		operand{onednn.DiffDst, dy}, operand{onednn.DiffSrc, dx})
	return dx
}
