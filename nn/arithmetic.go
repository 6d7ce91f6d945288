package nn

import "fmt"

// Add adds a + b, both of one shape.
func (g *Graph) Add(a, b *Value) *Value { return g.add(add{}, nameOf(a), nil, a, b) }

// ScaleChannels adds x * s, where x is [N C H W] and s, one factor for each
// channel, is [N C] or [N C 1 1].
func (g *Graph) ScaleChannels(x, s *Value) *Value {
	return g.add(scaleChannels{}, nameOf(x), nil, x, s)
}

type add struct{}
type scaleChannels struct{}

func (add) kind() string           { return "add" }
func (scaleChannels) kind() string { return "channel scaling" }

func (add) infer(in []Shape) (Shape, error) {
	if !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("shapes %v and %v differ", in[0], in[1])
	}
	return in[0], nil
}

func (scaleChannels) infer(in []Shape) (Shape, error) {
	x, s := in[0], in[1]
	if err := wantImage(x); err != nil {
		return nil, err
	}
	if len(s) < 2 || s[0] != x[0] || s[1] != x[1] || s.Elements() != x[0]*x[1] {
		return nil, fmt.Errorf("factors %v do not fit the input %v", s, x)
	}
	return x, nil
}

func (add) forward(c *call) {
	a, b := c.in[0].data, c.in[1].data
	for i := range c.out.data {
		c.out.data[i] = a[i] + b[i]
	}
}

func (add) backward(c *call) {
	for _, grad := range c.inGrads {
		if grad == nil {
			continue
		}
		for i, d := range c.outGrad {
			grad[i] += d
		}
	}
}

func (scaleChannels) forward(c *call) {
	x, y := c.in[0], c.out.data
	plane := x.shape[2:].Elements()
	for k, factor := range c.in[1].data {
		for i := k * plane; i < (k+1)*plane; i++ {
			y[i] = x.data[i] * factor
		}
	}
}

func (scaleChannels) backward(c *call) {
	x := c.in[0]
	plane := x.shape[2:].Elements()
	for k, factor := range c.in[1].data {
		sum := 0.0
		for i := k * plane; i < (k+1)*plane; i++ {
			sum += c.outGrad[i] * x.data[i]
			if c.inGrads[0] != nil {
				c.inGrads[0][i] += c.outGrad[i] * factor
			}
		}
		if c.inGrads[1] != nil {
			c.inGrads[1][k] += sum
		}
	}
}
