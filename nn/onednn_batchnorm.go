//go:build cgo

package nn

import (
	"math"

	"github.com/jcs-ct/jcs/internal/kernel"
	"github.com/jcs-ct/jcs/internal/onednn"
)

// tiniestEps stands for an eps of 0, with which oneDNN makes NaN of the
// channels that only pad a block. It changes no variance above 1e-22.
const tiniestEps = 1e-30

func (l *lowering) batchNorm(v *Value, op BatchNorm) {
	if l.training {
		l.trainedNorm(v, activatedNorm{BatchNorm: op})
		return
	}
	x := l.precise(l.readDense(v.inputs[0]))
	if l.err != nil {
		return
	}
	p := l.primitive(l.engine.BatchNormForward(max(float32(op.Eps), tiniestEps), x.layout))
	y := l.allocateFor(v, x.layout)
	l.emit(p,
		operand{onednn.Src, x}, operand{onednn.Dst, y},
		operand{onednn.Mean, l.vector(v.params[2])}, operand{onednn.Variance, l.vector(v.params[3])},
		operand{onednn.Scale, l.vector(v.params[0])}, operand{onednn.Shift, l.vector(v.params[1])})
	l.values[v] = y
}

// moveTowards is the running statistics' step, with PyTorch's unbiased
// variance by way of the factor.
func moveTowards(running, batch []float32, momentum, factor float64) {
	for i := range running {
		running[i] = float32((1-momentum)*float64(running[i]) + momentum*factor*float64(batch[i]))
	}
}

// normState is a batch norm in training, with what its passes hand on: of each
// channel, with those that fill the last block up.
type normState struct {
	activatedNorm
	planes        kernel.Planes
	values        kernel.Norm
	variance      []float32
	offset, slope []float32
	sum, product  []float32
	parts         []float64
	each          float64 // values of a channel
	params        [4]tensor
}

func (n *normState) live() bool { return !n.Frozen }

// deviation is that of a channel, never 0.
func (n *normState) deviation(c int) float64 {
	return math.Sqrt(float64(n.variance[c]) + max(n.Eps, tiniestEps))
}

// trainedNorm lowers a batch norm by loops of our own: they read what comes in
// twice where oneDNN's read it three times, and need no pass for the activation.
func (l *lowering) trainedNorm(v *Value, op activatedNorm) {
	x, p := l.inPlanes(l.precise(l.readDense(v.inputs[0])))
	if l.err != nil {
		return
	}
	vector := func() []float32 { return make([]float32, p.Groups*p.Lanes) }
	low, top := math.Inf(-1), math.Inf(1)
	if op.activated {
		low = 0
		if op.after == ReLU6 {
			top = 6
		}
	}
	n := &normState{
		activatedNorm: op, planes: p, variance: vector(), offset: vector(), slope: vector(), sum: vector(),
		product: vector(), parts: p.Parts(), each: float64(v.shape[0] * v.shape[2] * v.shape[3]),
		values: kernel.Norm{Mean: vector(), Factor: vector(), Shift: vector(), Low: float32(low), Top: float32(top)},
	}
	operands := []operand{{onednn.Src, x}}
	for i, param := range v.params {
		n.params[i] = l.vector(param)
		operands = append(operands, operand{tensor: n.params[i]})
	}
	y := l.allocateFor(v, x.layout)
	l.emitKernel("norm", func() { l.normForward(n, l.all(x), l.all(y)) }, append(operands, operand{onednn.Dst, y})...)
	l.values[v] = y
	l.record(v, func() { l.normBackward(v, n, x) })
}

func (l *lowering) normForward(n *normState, x, y []float32) {
	weight, bias := l.floats(n.params[0]), l.floats(n.params[1])
	runningMean, runningVariance := l.floats(n.params[2]), l.floats(n.params[3])
	mean := n.values.Mean
	if n.live() {
		n.planes.Statistics(mean, n.variance, x, n.parts)
		moveTowards(runningMean, mean, n.Momentum, 1)
		moveTowards(runningVariance, n.variance, n.Momentum, n.each/max(n.each-1, 1))
	} else {
		copy(mean, runningMean)
		copy(n.variance, runningVariance)
	}
	for c := range weight {
		n.values.Factor[c] = float32(float64(weight[c]) / n.deviation(c))
		n.values.Shift[c] = bias[c]
	}
	n.planes.Norm(y, x, n.values)
}

func (l *lowering) normBackward(v *Value, n *normState, x tensor) {
	have, own, ok := l.ownGradient(v, nil)
	if !ok {
		return
	}
	dy := l.as(have, x.layout)
	if l.err != nil {
		return
	}
	if n.live() {
		weights, shift := l.vectorGradient(v.params[0]), l.vectorGradient(v.params[1])
		l.emitKernel("norm sums", func() { l.normSums(n, l.all(x), l.all(dy), l.floats(weights), l.floats(shift)) },
			operand{onednn.Src, x}, operand{onednn.DiffDst, dy},
			operand{onednn.DiffScale, weights}, operand{onednn.DiffShift, shift})
		l.writeGradient(v.params[0], weights)
		l.writeGradient(v.params[1], shift)
	}
	l.toInputTerm(v.inputs[0], func() term {
		dx := dy
		if l.takes(GradientsInPlace) && own && dy.slot == have.slot && !dy.shared {
			l.forget(dx.slot)
		} else {
			dx = l.allocateLike(x)
		}
		l.emitKernel("norm slopes", func() {
			n.planes.NormSlopes(l.all(dx), l.all(x), l.all(dy), n.values, n.offset, n.slope)
		}, operand{onednn.Src, x}, operand{onednn.DiffDst, dy}, operand{onednn.DiffSrc, dx})
		return term{tensor: dx, scale: 1, own: true}
	})
}

// normSums fills the gradients by scale and shift, and what of the mean and the
// variance is in the gradient by the input.
func (l *lowering) normSums(n *normState, x, dy, weights, shift []float32) {
	n.planes.NormSums(n.sum, n.product, x, dy, n.values, n.parts)
	for c := range weights {
		over := 1 / n.deviation(c)
		weights[c], shift[c] = float32(float64(n.product[c])*over), n.sum[c]
		factor := float64(n.values.Factor[c])
		n.offset[c] = float32(factor * float64(n.sum[c]) / n.each)
		n.slope[c] = float32(factor * over * over * float64(n.product[c]) / n.each)
	}
}
