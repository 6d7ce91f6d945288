package nn

import "testing"

func TestFuseActivation(t *testing.T) {
	checkPass(t, fuseActivation, []passCase{
		{"a ReLU goes into the convolution before it", func(g *Graph, x *Value) {
			g.Output("y", g.ReLU(g.Conv("c", x, same4)))
		}, []string{"convolution+ReLU"}},
		{"only the first of two activations does", func(g *Graph, x *Value) {
			g.Output("y", g.Sigmoid(g.Activate(ReLU6, g.Conv("c", x, same4))))
		}, []string{"convolution+ReLU6", "sigmoid"}},
		{"a sigmoid goes into the linear layer before it", func(g *Graph, x *Value) {
			g.Output("y", g.Sigmoid(g.Linear("l", g.GlobalAverage(x), Linear{Out: 3})))
		}, []string{"global average", "linear+sigmoid"}},
		{"a linear layer that is read twice stays bare", func(g *Graph, x *Value) {
			l := g.Linear("l", g.GlobalAverage(x), Linear{Out: 3})
			g.Output("y", g.Sigmoid(l))
			g.Output("z", g.ReLU(l))
		}, []string{"global average", "linear", "sigmoid", "ReLU"}},
		{"a convolution that is an output stays bare", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("c", c)
			g.Output("y", g.ReLU(c))
		}, []string{"convolution", "ReLU"}},
	})
}
