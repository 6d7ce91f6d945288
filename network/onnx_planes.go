package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// A graph is built for one size, and the sizes in it are numbers. ONNX can
// compute them from the input's. What a size follows is found by building the
// graph for many: two values are of one plane when they are in all of them.

// planes are the same graph for several sizes of its input.
type planes struct {
	graph   *nn.Graph
	outputs []nn.Output   // of the first graph
	values  [][]*nn.Value // of each graph: its inputs, then its operations' results
	nodes   [][]nn.Node
	inputs  []*nn.Value
	indices map[*nn.Value]int // of the first graph's values
}

// period is what all strides of our networks divide. Sizes that leave every
// remainder of it show every way in which rounding can go.
const period = 64

// anySize builds the graph for sizes that leave every remainder, on both axes.
func (p Plan) anySize(o GraphOptions) (*planes, error) {
	s := &planes{}
	for i := range period {
		g, err := p.GraphWith(o, 1, 4*period+i, 4*period+(27*i+5)%period)
		if err != nil {
			return nil, err
		}
		if err := s.add(g); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// oneSize builds the graph for one size alone.
func (p Plan) oneSize(o GraphOptions, batch, height, width int) (*planes, error) {
	g, err := p.GraphWith(o, batch, height, width)
	if err != nil {
		return nil, err
	}
	s := &planes{}
	return s, s.add(g)
}

func (s *planes) add(g *nn.Graph) error {
	nodes := g.Nodes()
	values := append([]*nn.Value(nil), g.Inputs()...)
	for i, n := range nodes {
		values = append(values, n.Output)
		if len(s.nodes) > 0 && (len(nodes) != len(s.nodes[0]) || n.Kind != s.nodes[0][i].Kind) {
			return fmt.Errorf("the network's operations depend on the size of its input: give a height and a width to export it for")
		}
	}
	if s.indices == nil {
		s.graph, s.outputs, s.inputs = g, g.Outputs(), g.Inputs()
		s.indices = map[*nn.Value]int{}
		for i, v := range values {
			s.indices[v] = i
		}
	}
	s.values, s.nodes = append(s.values, values), append(s.nodes, nodes)
	return nil
}

// alike reports whether two values of the first graph have one plane whatever
// the input's size.
func (s *planes) alike(a, b *nn.Value) bool {
	i, k := s.indices[a], s.indices[b]
	for _, values := range s.values {
		x, y := values[i].Shape(), values[k].Shape()
		if len(x) != 4 || len(y) != 4 || x[2] != y[2] || x[3] != y[3] {
			return false
		}
	}
	return true
}

// padding is that of the first graph's node i, a convolution. same says that
// it follows the size, as TensorFlow's "same" does (ONNX's SAME_UPPER).
func (s *planes) padding(i int) (pad nn.Padding, same bool, err error) {
	pad = s.nodes[0][i].Attributes.(nn.Conv).Pad
	for _, nodes := range s.nodes {
		if nodes[i].Attributes.(nn.Conv).Pad != pad {
			same = true
		}
	}
	if !same {
		return pad, false, nil
	}
	for _, nodes := range s.nodes {
		c := nodes[i].Attributes.(nn.Conv)
		if c.Dilation != 1 || c.Pad != samePadding(nodes[i].Inputs[0], c) {
			return pad, false, fmt.Errorf("%s %q: its padding follows the size in a way that ONNX cannot say", nodes[i].Kind, nodes[i].Output.Name())
		}
	}
	return pad, true, nil
}
