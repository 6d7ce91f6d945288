package nn

import (
	"fmt"
	"math"
)

// Softmax adds the softmax over the channels of [N C] or [N C H W].
func (g *Graph) Softmax(x *Value) *Value { return g.add(softmax{}, nameOf(x), nil, x) }

type softmax struct{}

func (softmax) kind() string { return "softmax" }

func (softmax) infer(in []Shape) (Shape, error) {
	if len(in[0]) < 2 {
		return nil, fmt.Errorf("input %v has no channels", in[0])
	}
	return in[0], nil
}

func (softmax) forward(c *call) {
	x, y := c.in[0], c.out.data
	eachPixel(x.shape, func(start, stride, channels int) {
		end := start + stride*channels
		top := math.Inf(-1)
		for i := start; i < end; i += stride {
			top = max(top, x.data[i])
		}
		sum := 0.0
		for i := start; i < end; i += stride {
			y[i] = math.Exp(x.data[i] - top)
			sum += y[i]
		}
		for i := start; i < end; i += stride {
			y[i] /= sum
		}
	})
}

func (softmax) backward(c *call) {
	y, grad := c.out.data, c.inGrads[0]
	if grad == nil {
		return
	}
	eachPixel(c.out.shape, func(start, stride, channels int) {
		end := start + stride*channels
		mean := 0.0
		for i := start; i < end; i += stride {
			mean += c.outGrad[i] * y[i]
		}
		for i := start; i < end; i += stride {
			grad[i] += y[i] * (c.outGrad[i] - mean)
		}
	})
}

// eachPixel visits every place of [N C ...]: its channels are stride apart.
func eachPixel(s Shape, f func(start, stride, channels int)) {
	plane := s[2:].Elements()
	for n := range s[0] {
		for i := range plane {
			f(n*s[1]*plane+i, plane, s[1])
		}
	}
}
