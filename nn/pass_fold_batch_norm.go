package nn

import (
	"maps"
	"math"
)

// foldBatchNorm multiplies the weights of a convolution by the factors of the
// batch norm that alone follows it, so that the norm costs nothing.
func foldBatchNorm(s staged) staged {
	uses := s.uses()
	// Two norms in a row are folded one after the other.
	all := map[string]made{}
	maps.Copy(all, s.weights.made)
	weights := parameters{given: s.weights.given, made: all}
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
		// Named after the norm: two norms may follow two uses of one kernel.
		names := [2]string{old.name + " folded weight", old.name + " folded bias"}
		before := conv
		from := append(parameterNames(x), parameterNames(old)...)
		all[names[0]] = made{from, func() Tensor { return foldedKernel(norm, old, x, weights) }}
		all[names[1]] = made{from, func() Tensor { return foldedBias(norm, old, x, before, weights) }}
		conv.Bias = true
		return &Value{
			shape: old.shape, op: conv, name: x.name, inputs: x.inputs,
			params: []*Parameter{{Name: names[0], Shape: x.params[0].Shape}, {Name: names[1], Shape: Shape{conv.Out}}},
		}
	})
	out.weights = weights
	return out
}

// foldedKernel is a convolution's kernel times the factors of the norm behind it.
func foldedKernel(norm BatchNorm, v, x *Value, w parameters) Tensor {
	factor, _ := normFactors(norm, v, w)
	kernel := w.tensor(x.params[0].Name)
	folded := NewTensor(kernel.Shape...)
	each := len(kernel.Data) / len(factor)
	for i, k := range kernel.Data {
		folded.Data[i] = float32(float64(k) * factor[i/each])
	}
	return folded
}

// foldedBias is what the norm makes of a convolution's bias, which may be none.
func foldedBias(norm BatchNorm, v, x *Value, conv Conv, w parameters) Tensor {
	factor, shift := normFactors(norm, v, w)
	bias := NewTensor(len(factor))
	for o := range bias.Data {
		b := 0.0
		if conv.Bias {
			b = float64(w.tensor(x.params[1].Name).Data[o])
		}
		bias.Data[o] = float32(b*factor[o] + shift[o])
	}
	return bias
}

// normFactors are what a batch norm in inference amounts to: x*factor + shift.
func normFactors(norm BatchNorm, v *Value, w parameters) (factor, shift []float64) {
	gamma, beta := w.tensor(v.params[0].Name).Data, w.tensor(v.params[1].Name).Data
	mean, variance := w.tensor(v.params[2].Name).Data, w.tensor(v.params[3].Name).Data
	factor, shift = make([]float64, len(gamma)), make([]float64, len(gamma))
	for c := range gamma {
		factor[c] = float64(gamma[c]) / math.Sqrt(float64(variance[c])+norm.Eps)
		shift[c] = float64(beta[c]) - float64(mean[c])*factor[c]
	}
	return factor, shift
}
