package nn

import "testing"

func TestFoldBatchNorm(t *testing.T) {
	checkPass(t, foldBatchNorm, []passCase{
		{"a norm behind a convolution goes into it", func(g *Graph, x *Value) {
			g.Output("y", g.BatchNorm("n", g.Conv("c", x, same4), BatchNorm{Eps: 1e-5}))
		}, []string{"convolution"}},
		{"a convolution that is read twice keeps its norm", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("y", g.Add(g.BatchNorm("n", c, BatchNorm{}), c))
		}, []string{"convolution", "batch norm", "add"}},
		{"a convolution that is an output keeps its norm", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("c", c)
			g.Output("y", g.BatchNorm("n", c, BatchNorm{}))
		}, []string{"convolution", "batch norm"}},
		{"a norm behind a ReLU stays", func(g *Graph, x *Value) {
			g.Output("y", g.BatchNorm("n", g.ReLU(g.Conv("c", x, same4)), BatchNorm{}))
		}, []string{"convolution", "ReLU", "batch norm"}},
		{"one kernel under two norms is folded twice", func(g *Graph, x *Value) {
			a := g.BatchNorm("n", g.Conv("c", x, same4), BatchNorm{})
			b := g.BatchNorm("m", g.Conv("c", x, same4), BatchNorm{})
			g.Output("y", g.Add(a, b))
		}, []string{"convolution", "convolution", "add"}},
	})
}

func TestFoldedWeightsAreThoseOfTheFormula(t *testing.T) {
	g := NewGraph()
	g.Output("y", g.BatchNorm("n", g.Conv("c", g.Input("x", 1, 1, 1, 1), Conv{Out: 1, Kernel: 1, Bias: true}), BatchNorm{Eps: 0.75}))
	one := func(x float32) Tensor { return Tensor{Shape{1}, []float32{x}} }
	w := Weights{
		"c.weight": {Shape{1, 1, 1, 1}, []float32{3}}, "c.bias": one(2),
		"n.weight": one(5), "n.bias": one(7), "n.running_mean": one(1), "n.running_var": one(0.25),
	}
	s := foldBatchNorm(staged{nodes: g.nodes, wanted: g.outputs, weights: parameters{given: w}}).prune()
	conv := s.wanted[0].Value
	// 5 * (3x + 2 - 1) / sqrt(0.25 + 0.75) + 7 = 15x + 12
	if k, b := s.weights.tensor(conv.params[0].Name).Data[0], s.weights.tensor(conv.params[1].Name).Data[0]; k != 15 || b != 12 {
		t.Errorf("folded to %gx + %g, want 15x + 12", k, b)
	}
	if w["c.weight"].Data[0] != 3 {
		t.Error("the weights that were given have changed")
	}
}
