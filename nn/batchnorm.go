package nn

import (
	"fmt"
	"math"
)

// BatchNorm are the attributes of a batch norm.
//
// A live one normalises by the batch's statistics while training (and moves
// the running ones by Momentum towards them, with the unbiased variance), by
// the running ones in inference. A frozen one always takes the running ones,
// and its four tensors are buffers: with Eps 0 it is the published
// FrozenBatchNorm2d.
type BatchNorm struct {
	Frozen   bool
	Eps      float64
	Momentum float64 // 0: the usual 0.1
}

// BatchNorm adds a batch norm with the parameters name.weight, name.bias,
// name.running_mean and name.running_var, each [C].
func (g *Graph) BatchNorm(name string, x *Value, b BatchNorm) *Value {
	if b.Momentum == 0 {
		b.Momentum = 0.1
	}
	c := channels(x)
	params := []*Parameter{
		g.parameter(name+".weight", !b.Frozen, c),
		g.parameter(name+".bias", !b.Frozen, c),
		g.parameter(name+".running_mean", false, c),
		g.parameter(name+".running_var", false, c),
	}
	return g.add(b, name, params, x)
}

func (b BatchNorm) kind() string { return "batch norm" }

func (b BatchNorm) infer(in []Shape) (Shape, error) {
	if err := wantImage(in[0]); err != nil {
		return nil, err
	}
	if b.Eps < 0 || b.Momentum < 0 || b.Momentum > 1 {
		return nil, fmt.Errorf("eps %g or momentum %g is out of range", b.Eps, b.Momentum)
	}
	return in[0], nil
}

// forward moves the running statistics of a live norm while training. Of a
// single value per channel the unbiased variance does not exist; it counts as 0.
func (b BatchNorm) forward(c *call) {
	x := c.in[0]
	weight, bias := c.params[0].data, c.params[1].data
	runningMean, runningVar := c.params[2].data, c.params[3].data
	for ch := range x.shape[1] {
		mean, variance := runningMean[ch], runningVar[ch]
		if c.training && !b.Frozen {
			mean, variance = channelStatistics(x, ch)
			n := float64(x.shape[0] * x.shape[2] * x.shape[3])
			unbiased := variance * n / max(n-1, 1)
			runningMean[ch] += b.Momentum * (mean - runningMean[ch])
			runningVar[ch] += b.Momentum * (unbiased - runningVar[ch])
		}
		factor := weight[ch] / math.Sqrt(variance+b.Eps)
		eachOfChannel(x.shape, ch, func(i int) {
			c.out.data[i] = (x.data[i]-mean)*factor + bias[ch]
		})
	}
}

func (b BatchNorm) backward(c *call) {
	x := c.in[0]
	live := c.training && !b.Frozen
	for ch := range x.shape[1] {
		mean, variance := c.params[2].data[ch], c.params[3].data[ch]
		if live {
			mean, variance = channelStatistics(x, ch)
		}
		scale := 1 / math.Sqrt(variance+b.Eps)
		var sum, sumNormal float64 // of the gradient, and of it times the normalised input
		eachOfChannel(x.shape, ch, func(i int) {
			sum += c.outGrad[i]
			sumNormal += c.outGrad[i] * (x.data[i] - mean) * scale
		})
		if c.paramGrads[0] != nil {
			c.paramGrads[0][ch] += sumNormal
		}
		if c.paramGrads[1] != nil {
			c.paramGrads[1][ch] += sum
		}
		if c.inGrads[0] == nil {
			continue
		}
		factor := c.params[0].data[ch] * scale
		var meanGrad, meanNormal float64
		if live {
			n := float64(x.shape[0] * x.shape[2] * x.shape[3])
			meanGrad, meanNormal = sum/n, sumNormal/n
		}
		eachOfChannel(x.shape, ch, func(i int) {
			normal := (x.data[i] - mean) * scale
			c.inGrads[0][i] += factor * (c.outGrad[i] - meanGrad - normal*meanNormal)
		})
	}
}

// channelStatistics are the mean and the biased variance of a channel over the batch.
func channelStatistics(x array, ch int) (mean, variance float64) {
	n := float64(x.shape[0] * x.shape[2] * x.shape[3])
	eachOfChannel(x.shape, ch, func(i int) { mean += x.data[i] })
	mean /= n
	eachOfChannel(x.shape, ch, func(i int) { variance += (x.data[i] - mean) * (x.data[i] - mean) })
	return mean, variance / n
}

// eachOfChannel visits the places of a channel in all items.
func eachOfChannel(s Shape, ch int, f func(i int)) {
	plane := s[2] * s[3]
	for n := range s[0] {
		start := (n*s[1] + ch) * plane
		for i := start; i < start+plane; i++ {
			f(i)
		}
	}
}
