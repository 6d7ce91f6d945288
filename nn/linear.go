package nn

import "fmt"

// Linear are the attributes of a fully connected layer.
type Linear struct {
	Out  int
	Bias bool
}

// Linear adds a fully connected layer over [N F] or [N F 1 1], to [N Out].
// Its parameters are name.weight [Out, F] and, with Bias, name.bias [Out].
func (g *Graph) Linear(name string, x *Value, l Linear) *Value {
	params := []*Parameter{g.parameter(name+".weight", true, l.Out, channels(x))}
	if l.Bias {
		params = append(params, g.parameter(name+".bias", true, l.Out))
	}
	return g.add(l, name, params, x)
}

func (l Linear) kind() string { return "linear" }

func (l Linear) infer(in []Shape) (Shape, error) {
	s := in[0]
	if len(s) != 2 && (len(s) != 4 || s[2] != 1 || s[3] != 1) {
		return nil, fmt.Errorf("input %v is not [N F] or [N F 1 1]", s)
	}
	if l.Out < 1 {
		return nil, fmt.Errorf("needs at least one result, not %d", l.Out)
	}
	return Shape{s[0], l.Out}, nil
}

func (l Linear) forward(c *call) {
	x, weight := c.in[0].data, c.params[0].data
	features := c.in[0].shape[1]
	for i := range c.out.data {
		n, o := i/l.Out, i%l.Out
		sum := dot(x[n*features:(n+1)*features], weight[o*features:(o+1)*features])
		if l.Bias {
			sum += c.params[1].data[o]
		}
		c.out.data[i] = sum
	}
}

func (l Linear) backward(c *call) {
	x, weight := c.in[0].data, c.params[0].data
	features := c.in[0].shape[1]
	for i, d := range c.outGrad {
		n, o := i/l.Out, i%l.Out
		if c.inGrads[0] != nil {
			addScaled(c.inGrads[0][n*features:(n+1)*features], weight[o*features:], d)
		}
		if c.paramGrads[0] != nil {
			addScaled(c.paramGrads[0][o*features:(o+1)*features], x[n*features:], d)
		}
		if l.Bias && c.paramGrads[1] != nil {
			c.paramGrads[1][o] += d
		}
	}
}

// dot is the sum of products of two slices, as long as the first.
func dot(a, b []float64) float64 {
	sum := 0.0
	b = b[:len(a)]
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// addScaled adds f*src to dst, as long as dst.
func addScaled(dst, src []float64, f float64) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] += v * f
	}
}
