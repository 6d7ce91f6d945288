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
	x := l.precise(l.readDense(v.inputs[0]))
	share := 1 / float32(height(x)*width(x))
	if l.training {
		l.values[v] = l.rowSums(x, tensor{}, share)
	} else {
		l.values[v] = l.planeMeans(x)
	}
	l.record(v, func() {
		if g, ok := l.gradient(v); ok {
			l.toInputTerm(v.inputs[0], func() term { return term{factors: g, scale: share} })
		}
	})
}

// planeMeans are the means of each plane: first of the rows, then of those.
// oneDNN adds a window's values one by one in float32, which over a whole
// plane of 512 x 512 errs by 2e-5.
func (l *lowering) planeMeans(x tensor) tensor {
	rows := l.windowMeans(x, planeWindow(1, width(x)))
	return l.windowMeans(rows, planeWindow(height(rows), 1))
}

func height(t tensor) int { return axis(t, 2) }
func width(t tensor) int  { return axis(t, 3) }

// axis is an extent, or 1 of the empty tensor that follows an error.
func axis(t tensor, i int) int {
	if len(t.shape) <= i {
		return 1
	}
	return t.shape[i]
}

// planeWindow averages windows that tile a plane in steps of their own size.
func planeWindow(h, w int) onednn.Pool {
	return onednn.Pool{KernelHeight: h, KernelWidth: w, StrideHeight: h, StrideWidth: w, Kind: onednn.Average}
}

func (l *lowering) windowMeans(x tensor, spec onednn.Pool) tensor {
	if l.err != nil {
		return tensor{}
	}
	spec.OutHeight, spec.OutWidth = x.shape[2]/spec.KernelHeight, x.shape[3]/spec.KernelWidth
	p, x := l.suited(x, func(layout *onednn.Layout) (*onednn.Primitive, error) {
		return l.engine.PoolForward(spec, layout)
	})
	if l.err != nil {
		return tensor{}
	}
	y := l.allocate(l.layout(p, onednn.Dst), Shape{x.shape[0], x.shape[1], spec.OutHeight, spec.OutWidth})
	l.emit(p, operand{onednn.Src, x}, operand{onednn.Dst, y})
	return y
}

// pooled lowers the forward pass and returns what the backward one needs.
func (l *lowering) pooled(v *Value, spec onednn.Pool) (x, y tensor, workspace *operand) {
	spec.Training = l.training
	x = l.readDense(v.inputs[0])
	if spec.Kind != onednn.Max {
		x = l.wide(x)
	}
	p, x := l.suited(x, func(layout *onednn.Layout) (*onednn.Primitive, error) {
		return l.engine.PoolForward(spec, layout)
	})
	if l.err != nil {
		return x, tensor{}, nil
	}
	y = l.allocateFor(v, l.layout(p, onednn.Dst))
	y.scale = x.scale
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
	spec.OutHeight, spec.OutWidth = y.shape[2], y.shape[3]
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
