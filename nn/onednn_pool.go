//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

func (l *lowering) maxPool(v *Value, op maxPool) { l.pool(v, op.Pool, onednn.Max) }

func (l *lowering) averagePool(v *Value, op averagePool) {
	kind := onednn.Average
	if op.CountPadding && op.Pad > 0 {
		kind = onednn.AverageCountingPadding
	}
	l.pool(v, op.Pool, kind)
}

func (l *lowering) pool(v *Value, op Pool, kind onednn.Pooling) {
	in := v.inputs[0].shape
	spec := onednn.Pool{
		KernelHeight: op.Kernel, KernelWidth: op.Kernel, StrideHeight: op.Stride, StrideWidth: op.Stride,
		PadTop: op.Pad, PadLeft: op.Pad, OutHeight: v.shape[2], OutWidth: v.shape[3], Kind: kind,
		PadBottom: max(op.Pad, (v.shape[2]-1)*op.Stride+op.Kernel-in[2]-op.Pad),
		PadRight:  max(op.Pad, (v.shape[3]-1)*op.Stride+op.Kernel-in[3]-op.Pad),
	}
	x, y, workspace := l.pooled(v, spec)
	l.values[v] = y
	var factors tensor
	if kind == onednn.AverageCountingPadding && (spec.PadBottom > op.Pad || spec.PadRight > op.Pad) {
		factors = l.overhang(op, in, v.shape)
		l.values[v] = l.planeFactors(y, factors)
	}
	l.record(v, func() {
		g, ok := l.gradient(v)
		if !ok {
			return
		}
		l.toInput(v.inputs[0], func() tensor {
			dy := l.as(g, y.layout)
			if factors.slot != nil {
				dy = l.planeFactors(dy, factors)
			}
			return l.poolBackward(spec, x, y, dy, workspace)
		})
	})
}

// overhang are the factors that correct an average where its window reaches
// beyond the padding: oneDNN divides by the whole window, PyTorch by the cells
// of it that exist.
func (l *lowering) overhang(op Pool, in, out Shape) tensor {
	shape := Shape{1, 1, out[2], out[3]}
	layout := l.plain(shape)
	t := l.keep(layout, shape)
	if l.err != nil {
		return tensor{}
	}
	exist := func(place, size int) int {
		from := place * op.Stride
		return min(from+op.Kernel, size+2*op.Pad) - from
	}
	values := t.block.Float32s(0, shape.Elements())
	for y := range out[2] {
		for x := range out[3] {
			values[y*out[3]+x] = float32(op.Kernel*op.Kernel) / float32(exist(y, in[2])*exist(x, in[3]))
		}
	}
	return t
}

func (l *lowering) globalAverage(v *Value) {
	spec := wholePlane(v.inputs[0].shape)
	x, y, _ := l.pooled(v, spec)
	l.values[v] = y
	l.record(v, func() {
		if g, ok := l.gradient(v); ok {
			l.toInput(v.inputs[0], func() tensor { return l.poolBackward(spec, x, y, l.as(g, y.layout), nil) })
		}
	})
}

// wholePlane is the average over each plane.
func wholePlane(in Shape) onednn.Pool {
	return onednn.Pool{
		KernelHeight: in[2], KernelWidth: in[3], StrideHeight: 1, StrideWidth: 1,
		OutHeight: 1, OutWidth: 1, Kind: onednn.Average,
	}
}

// pooled lowers the forward pass and returns what the backward one needs.
func (l *lowering) pooled(v *Value, spec onednn.Pool) (x, y tensor, workspace *operand) {
	x = l.read(v.inputs[0])
	if l.err != nil {
		return x, tensor{}, nil
	}
	spec.Training = l.training
	p := l.primitive(l.engine.PoolForward(spec, x.layout))
	y = l.allocate(l.layout(p, onednn.Dst), v.shape)
	operands := []operand{{onednn.Src, x}, {onednn.Dst, y}}
	if layout := l.layout(p, onednn.Workspace); l.err == nil && l.training && !layout.IsZero() {
		workspace = &operand{onednn.Workspace, l.allocate(layout, nil)}
		operands = append(operands, *workspace)
	}
	l.emit(p, operands...)
	return x, y, workspace
}

func (l *lowering) poolBackward(spec onednn.Pool, x, y, dy tensor, workspace *operand) tensor {
	if l.err != nil {
		return tensor{}
	}
	spec.Training = true
	p := l.primitive(l.engine.PoolBackward(spec, x.layout, y.layout))
	dx := l.allocateLike(x)
	operands := []operand{{onednn.DiffDst, dy}, {onednn.DiffSrc, dx}}
	if workspace != nil {
		operands = append(operands, *workspace)
	}
	l.emit(p, operands...)
	return dx
}

// planeFactors multiplies every plane by the same factors [1 1 H W].
func (l *lowering) planeFactors(x, factors tensor) tensor {
	if l.err != nil {
		return tensor{}
	}
	y := l.allocateLike(x)
	p := l.primitive(l.engine.Binary(onednn.Multiply, x.layout, factors.layout, y.layout))
	l.emit(p, operand{onednn.Src, x}, operand{onednn.Src1, factors}, operand{onednn.Dst, y})
	return y
}
