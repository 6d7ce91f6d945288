package nn

import (
	"maps"
	"math"
)

// foldBatchNorm multiplies the weights of a convolution by the factors of the
// batch norm that alone follows it, so that the norm costs nothing.
func foldBatchNorm(s staged) staged {
	uses := s.uses()
	weights := maps.Clone(s.weights)
	out := s.rewrite(func(old *Value, in []*Value) *Value {
		norm, ok := old.op.(BatchNorm)
		if !ok || uses[old.inputs[0]] != 1 {
			return nil
		}
		x := in[0]
		conv, ok := x.op.(Conv)
		if !ok {
			return nil
		}
		factor, shift := normFactors(norm, old, weights)
		kernel := weights[x.params[0].Name]
		folded := NewTensor(kernel.Shape...)
		bias := NewTensor(conv.Out)
		each := len(kernel.Data) / conv.Out
		for o := range conv.Out {
			b := 0.0
			if conv.Bias {
				b = float64(weights[x.params[1].Name].Data[o])
			}
			bias.Data[o] = float32(b*factor[o] + shift[o])
			for i := o * each; i < (o+1)*each; i++ {
				folded.Data[i] = float32(float64(kernel.Data[i]) * factor[o])
			}
		}
		// Named after the norm: two norms may follow two uses of one kernel.
		names := [2]string{old.name + " folded weight", old.name + " folded bias"}
		weights[names[0]], weights[names[1]] = folded, bias
		conv.Bias = true
		return &Value{
			shape: old.shape, op: conv, name: x.name, inputs: x.inputs,
			params: []*Parameter{{Name: names[0], Shape: folded.Shape}, {Name: names[1], Shape: bias.Shape}},
		}
	})
	out.weights = weights
	return out
}

// normFactors are what a batch norm in inference amounts to: x*factor + shift.
func normFactors(norm BatchNorm, v *Value, w Weights) (factor, shift []float64) {
	gamma, beta := w[v.params[0].Name].Data, w[v.params[1].Name].Data
	mean, variance := w[v.params[2].Name].Data, w[v.params[3].Name].Data
	factor, shift = make([]float64, len(gamma)), make([]float64, len(gamma))
	for c := range gamma {
		factor[c] = float64(gamma[c]) / math.Sqrt(float64(variance[c])+norm.Eps)
		shift[c] = float64(beta[c]) - float64(mean[c])*factor[c]
	}
	return factor, shift
}
