package nn

import "fmt"

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
