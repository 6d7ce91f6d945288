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
