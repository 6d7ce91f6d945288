//go:build cgo

package nn

import (
	"slices"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// quantised are the scales of an 8-bit convolution: what a step of its input,
// of each result channel's weights, of each channel's sums and of its result
// is worth. The result's is 0 where it is not of 8 bits.
type quantised struct {
	in, out       float32
	weights, sums []float32
}

// quantise finds the scales: the input's own where it is of 8 bits already,
// else what the calibration found. Weights span their largest magnitude in each
// result channel.
func (l *lowering) quantise(v *Value, m method, x tensor) quantised {
	r := l.calibration.Convolutions[v.name]
	q := quantised{in: r.In.step()}
	if l.err == nil && x.layout.Type() == m.in {
		q.in = x.scale
	}
	if eightBit(m.out) {
		q.out = r.Out.step()
	}
	kernel := l.weights.tensor(v.params[0].Name)
	each := len(kernel.Data) / kernel.Shape[0]
	for o := range kernel.Shape[0] {
		largest := float32(0)
		for _, w := range kernel.Data[o*each : (o+1)*each] {
			largest = max(largest, w, -w)
		}
		if largest == 0 {
			largest = 1 // all are 0, by any scale
		}
		q.weights = append(q.weights, largest/127)
		q.sums = append(q.sums, q.in*largest/127)
	}
	return q
}

// quantisedWeights are a convolution's weights in 8 bits and its bias.
func (l *lowering) quantisedWeights(v *Value, c fusedConv, q quantised, want *onednn.Layout) []operand {
	if l.err != nil {
		return nil
	}
	view := kernelView(c.Conv, v.params[0].Shape)
	kernel := l.weights.tensor(v.params[0].Name)
	values := make([]float32, len(kernel.Data))
	each := len(values) / len(q.weights)
	for i, value := range kernel.Data {
		values[i] = value / q.weights[i/each]
	}
	operands := []operand{{onednn.Weights, l.pack(v.params[0].Name+" in 8 bits", values, view, want)}}
	if !c.Bias {
		return operands
	}
	shape := v.params[1].Shape
	bias := slices.Clone(l.weights.tensor(v.params[1].Name).Data)
	if onednn.BiasInSums() {
		for i := range bias {
			bias[i] /= q.sums[i]
		}
	}
	return append(operands, operand{onednn.Bias, l.pack(v.params[1].Name+" in 8 bits", bias, shape, l.plain(shape))})
}

// watch shows a convolution's input and result to an observer at each run.
func (l *lowering) watch(v *Value, x, y tensor) {
	if !l.watched || l.err != nil {
		return
	}
	x, y = l.asPlain(x), l.asPlain(y)
	l.emitWork("observation", func() {
		if l.observer != nil {
			l.observer(v.name, Tensor{Shape: x.shape, Data: l.floats(x)}, Tensor{Shape: y.shape, Data: l.floats(y)})
		}
	}, x, y)
}
