//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

// tiniestEps stands for an eps of 0, with which oneDNN makes NaN of the
// channels that only pad a block. It changes no variance above 1e-22.
const tiniestEps = 1e-30

func (l *lowering) batchNorm(v *Value, op BatchNorm) {
	x := l.precise(l.readDense(v.inputs[0]))
	if l.err != nil {
		return
	}
	spec := onednn.BatchNorm{Eps: max(float32(op.Eps), tiniestEps), Running: op.Frozen || !l.training, Training: l.training}
	p := l.primitive(l.engine.BatchNormForward(spec, x.layout))
	mean, variance := l.vector(v.params[2]), l.vector(v.params[3])
	if !spec.Running {
		stat := Shape{v.shape[1]}
		mean, variance = l.allocate(l.plain(stat), stat), l.allocate(l.plain(stat), stat)
	}
	y := l.allocateFor(v, x.layout)
	l.emit(p,
		operand{onednn.Src, x}, operand{onednn.Dst, y},
		operand{onednn.Mean, mean}, operand{onednn.Variance, variance},
		operand{onednn.Scale, l.vector(v.params[0])}, operand{onednn.Shift, l.vector(v.params[1])})
	l.values[v] = y
	if !spec.Running {
		running := [2]tensor{l.vector(v.params[2]), l.vector(v.params[3])}
		n := float64(v.shape[0] * v.shape[2] * v.shape[3])
		l.emitWork("running statistics", func() {
			moveTowards(l.floats(running[0]), l.floats(mean), op.Momentum, 1)
			moveTowards(l.floats(running[1]), l.floats(variance), op.Momentum, n/max(n-1, 1))
		}, mean, variance, running[0], running[1])
	}
	l.record(v, func() { l.batchNormBackward(v, spec, x, mean, variance) })
}

// moveTowards is the running statistics' step, with PyTorch's unbiased
// variance by way of the factor.
func moveTowards(running, batch []float32, momentum, factor float64) {
	for i := range running {
		running[i] = float32((1-momentum)*float64(running[i]) + momentum*factor*float64(batch[i]))
	}
}

func (l *lowering) batchNormBackward(v *Value, spec onednn.BatchNorm, x, mean, variance tensor) {
	dy, ok := l.gradient(v)
	if !ok {
		return
	}
	dy = l.as(dy, x.layout)
	spec.Training = false
	p := l.primitive(l.engine.BatchNormBackward(spec, x.layout, dy.layout))
	dx := l.allocateLike(x)
	scale, shift := l.vectorGradient(v.params[0]), l.vectorGradient(v.params[1])
	l.emit(p,
		operand{onednn.Src, x}, operand{onednn.DiffDst, dy},
		operand{onednn.Mean, mean}, operand{onednn.Variance, variance},
		operand{onednn.Scale, l.vector(v.params[0])}, operand{onednn.Shift, l.vector(v.params[1])},
		operand{onednn.DiffSrc, dx}, operand{onednn.DiffScale, scale}, operand{onednn.DiffShift, shift})
	l.writeGradient(v.params[0], scale)
	l.writeGradient(v.params[1], shift)
	l.toInput(v.inputs[0], func() tensor { return dx })
}
