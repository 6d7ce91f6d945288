package nn

import (
	"slices"
	"testing"
)

// operationsLeft are the operations that are left, fused ones with what is in them.
func operationsLeft(s staged) []string {
	var out []string
	for _, v := range s.nodes {
		k := v.op.kind()
		if c, ok := v.op.(fusedConv); ok {
			if c.residual {
				k += "+add"
			}
			if c.activated {
				k += "+" + c.after.kind()
			}
		}
		if n, ok := v.op.(activatedNorm); ok {
			k += "+" + n.after.kind()
		}
		if k != "input" {
			out = append(out, k)
		}
	}
	return out
}

// only applies one pass as Compile would, without the others.
func only(pass func(staged) staged, g *Graph) staged {
	r := random("pass")
	s := staged{nodes: g.nodes, wanted: g.outputs, weights: parameters{given: randomWeights(r, g)}}.prune()
	return pass(s).prune()
}

type passCase struct {
	name  string
	build func(g *Graph, x *Value)
	want  []string
}

func checkPass(t *testing.T, pass func(staged) staged, cases []passCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := NewGraph()
			c.build(g, g.Input("x", 1, 4, 5, 5))
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			before := len(g.nodes)
			if got := operationsLeft(only(pass, g)); !slices.Equal(got, c.want) {
				t.Errorf("left are %q, want %q", got, c.want)
			}
			if len(g.nodes) != before {
				t.Error("the pass changed the graph that it was given")
			}
		})
	}
}

var same4 = Conv{Out: 4, Kernel: 3}.Same()

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

func TestFuseResidual(t *testing.T) {
	checkPass(t, fuseResidual, []passCase{
		{"a convolution is added to what it skips", func(g *Graph, x *Value) {
			g.Output("y", g.Add(g.Conv("c", x, same4), x))
		}, []string{"convolution+add"}},
		{"from the right as well", func(g *Graph, x *Value) {
			g.Output("y", g.Add(x, g.Conv("c", x, same4)))
		}, []string{"convolution+add"}},
		{"of two convolutions one takes the other in", func(g *Graph, x *Value) {
			g.Output("y", g.Add(g.Conv("a", x, same4), g.Conv("b", x, same4)))
		}, []string{"convolution", "convolution+add"}},
		{"a convolution that is read twice is not touched", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("c", c)
			g.Output("y", g.Add(c, x))
		}, []string{"convolution", "add"}},
		{"a value added to itself is not touched", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("y", g.Add(c, c))
		}, []string{"convolution", "add"}},
	})
}

func TestFuseActivation(t *testing.T) {
	checkPass(t, fuseActivation, []passCase{
		{"a ReLU goes into the convolution before it", func(g *Graph, x *Value) {
			g.Output("y", g.ReLU(g.Conv("c", x, same4)))
		}, []string{"convolution+ReLU"}},
		{"only the first of two activations does", func(g *Graph, x *Value) {
			g.Output("y", g.Sigmoid(g.Activate(ReLU6, g.Conv("c", x, same4))))
		}, []string{"convolution+ReLU6", "sigmoid"}},
		{"a convolution that is an output stays bare", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("c", c)
			g.Output("y", g.ReLU(c))
		}, []string{"convolution", "ReLU"}},
	})
}

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

func TestAllPassesMakeOneConvolutionOfABlock(t *testing.T) {
	g := NewGraph()
	x := g.Input("x", 1, 4, 5, 5)
	n := g.BatchNorm("n", g.Conv("c", x, same4), BatchNorm{Eps: 1e-5})
	g.Output("y", g.ReLU(g.Add(n, x)))
	g.Conv("unused", x, same4)
	s := stage(g, randomWeights(random("block"), g), g.Outputs())
	if got, want := operationsLeft(s), []string{"convolution+add+ReLU"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}
