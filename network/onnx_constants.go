package network

import (
	"math"

	"github.com/jcs-ct/jcs/nn"
)

// kernel is a convolution with the batch norm behind it, if any, multiplied
// into it.
type kernel struct {
	weight nn.Tensor // [Out, C/Groups, Kernel, Kernel]
	bias   nn.Tensor // [Out]; no data: none
}

// kernelOf is the kernel of a convolution, whose norm may be nil. Products are
// rounded once, from float64.
func kernelOf(w nn.Weights, conv nn.Node, norm *nn.Node) kernel {
	k := kernel{weight: w[conv.Parameters[0].Name]}
	if len(conv.Parameters) > 1 {
		k.bias = w[conv.Parameters[1].Name]
	}
	if norm == nil {
		return k
	}
	factor, shift := normFactors(w, *norm)
	folded := kernel{nn.NewTensor(k.weight.Shape...), nn.NewTensor(len(factor))}
	each := len(k.weight.Data) / len(factor)
	for o := range factor {
		for i := o * each; i < (o+1)*each; i++ {
			folded.weight.Data[i] = float32(float64(k.weight.Data[i]) * factor[o])
		}
		bias := 0.0
		if len(k.bias.Data) > 0 {
			bias = float64(k.bias.Data[o])
		}
		folded.bias.Data[o] = float32(bias*factor[o] + shift[o])
	}
	return folded
}

// normFactors are what a batch norm in inference amounts to: x*factor + shift.
func normFactors(w nn.Weights, norm nn.Node) (factor, shift []float64) {
	data := func(i int) []float32 { return w[norm.Parameters[i].Name].Data }
	gamma, beta, mean, variance := data(0), data(1), data(2), data(3)
	eps := norm.Attributes.(nn.BatchNorm).Eps
	factor, shift = make([]float64, len(gamma)), make([]float64, len(gamma))
	for c := range gamma {
		factor[c] = float64(gamma[c]) / math.Sqrt(float64(variance[c])+eps)
		shift[c] = float64(beta[c]) - float64(mean[c])*factor[c]
	}
	return factor, shift
}
