package nn

import (
	"fmt"
	"math"
)

// Activation is a function of each value alone.
type Activation int

// The activations. ReLU6 is min(max(x,0),6); HardSwish x*ReLU6(x+3)/6.
const (
	ReLU Activation = iota
	ReLU6
	HardSwish
	Sigmoid
)

// ReLU adds max(x, 0).
func (g *Graph) ReLU(x *Value) *Value { return g.Activate(ReLU, x) }

// Sigmoid adds 1/(1+exp(-x)).
func (g *Graph) Sigmoid(x *Value) *Value { return g.Activate(Sigmoid, x) }

// Activate adds an activation.
func (g *Graph) Activate(a Activation, x *Value) *Value { return g.add(a, nameOf(x), nil, x) }

func (a Activation) kind() string {
	names := [...]string{"ReLU", "ReLU6", "hard-swish", "sigmoid"}
	if a < 0 || int(a) >= len(names) {
		return fmt.Sprintf("activation %d", int(a))
	}
	return names[a]
}

func (a Activation) infer(in []Shape) (Shape, error) {
	if a < ReLU || a > Sigmoid {
		return nil, fmt.Errorf("there is no such activation")
	}
	return in[0], nil
}

func (a Activation) forward(c *call) {
	out := c.out.data
	for i, x := range c.in[0].data {
		out[i] = a.at(x)
	}
}

func (a Activation) backward(c *call) {
	grad := c.inGrads[0]
	if grad == nil {
		return
	}
	for i, x := range c.in[0].data {
		grad[i] += c.outGrad[i] * a.slope(x)
	}
}

func (a Activation) at(x float64) float64 {
	switch a {
	case ReLU:
		return max(x, 0)
	case ReLU6:
		return min(max(x, 0), 6)
	case HardSwish:
		return x * min(max(x+3, 0), 6) / 6
	}
	return 1 / (1 + math.Exp(-x))
}

// slope is the derivative; at a kink the one that PyTorch takes.
func (a Activation) slope(x float64) float64 {
	switch a {
	case ReLU:
		if x > 0 {
			return 1
		}
		return 0
	case ReLU6:
		if x > 0 && x < 6 {
			return 1
		}
		return 0
	case HardSwish:
		switch {
		case x < -3:
			return 0
		case x <= 3:
			return x/3 + 0.5
		}
		return 1
	}
	p := a.at(x)
	return p * (1 - p)
}

// nameOf is the name that an operation without parameters takes over.
func nameOf(x *Value) string {
	if x == nil {
		return ""
	}
	return x.name
}
