package nn

import "testing"

func TestFuseForTraining(t *testing.T) {
	checkPass(t, fuseForTraining, []passCase{
		{"a ReLU goes into the norm before it", func(g *Graph, x *Value) {
			g.Output("y", g.ReLU(g.BatchNorm("n", g.Conv("c", x, same4), BatchNorm{})))
		}, []string{"convolution", "batch norm+ReLU"}},
		{"a ReLU6 goes into the convolution before it", func(g *Graph, x *Value) {
			g.Output("y", g.Activate(ReLU6, g.Conv("c", x, same4)))
		}, []string{"convolution+ReLU6"}},
		{"only the first of two activations does", func(g *Graph, x *Value) {
			g.Output("y", g.ReLU(g.Activate(ReLU6, g.BatchNorm("n", x, BatchNorm{}))))
		}, []string{"batch norm+ReLU6", "ReLU"}},
		{"a hard-swish stays, as its derivative is not told by its result", func(g *Graph, x *Value) {
			g.Output("y", g.Activate(HardSwish, g.Conv("c", x, same4)))
		}, []string{"convolution", "hard-swish"}},
		{"a norm that is read twice stays bare", func(g *Graph, x *Value) {
			n := g.BatchNorm("n", x, BatchNorm{})
			g.Output("y", g.Add(g.ReLU(n), n))
		}, []string{"batch norm", "ReLU", "add"}},
		{"a norm that is an output stays bare", func(g *Graph, x *Value) {
			n := g.BatchNorm("n", x, BatchNorm{})
			g.Output("n", n)
			g.Output("y", g.ReLU(n))
		}, []string{"batch norm", "ReLU"}},
		{"a ReLU behind an addition stays", func(g *Graph, x *Value) {
			g.Output("y", g.ReLU(g.Add(g.Conv("c", x, same4), x)))
		}, []string{"convolution", "add", "ReLU"}},
	})
}
