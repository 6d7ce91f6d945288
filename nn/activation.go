package nn

import "fmt"

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

// nameOf is the name that an operation without parameters takes over.
func nameOf(x *Value) string {
	if x == nil {
		return ""
	}
	return x.name
}
