package nn

import (
	"slices"
	"strings"
	"testing"
)

// operationsLeft are the operations that are left, fused ones with what is in them.
func operationsLeft(s staged) []string {
	var out []string
	for _, v := range s.nodes {
		k := v.op.kind()
		switch op := v.op.(type) {
		case fusedConv:
			if op.residual {
				k += "+add"
			}
			if op.activated {
				k += "+" + op.after.kind()
			}
		case fusedLinear:
			k += "+" + op.after.kind()
		case activatedNorm:
			k += "+" + op.after.kind()
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

// block is a convolution with a norm, a residual and a ReLU behind it.
func block(g *Graph) *Value {
	x := g.Input("x", 1, 4, 5, 5)
	n := g.BatchNorm("n", g.Conv("c", x, same4), BatchNorm{Eps: 1e-5})
	return g.ReLU(g.Add(n, x))
}

func TestAllPassesMakeOneConvolutionOfABlock(t *testing.T) {
	for _, c := range []struct {
		name    string
		without []Pass
		want    []string
	}{
		{"with all passes", nil, []string{"convolution+add+ReLU"}},
		{"without folding", []Pass{FoldBatchNorm}, []string{"convolution", "batch norm", "add", "ReLU"}},
		{"without residuals", []Pass{FuseResidual}, []string{"convolution", "add", "ReLU"}},
		{"without activations", []Pass{FuseActivation}, []string{"convolution+add", "ReLU"}},
		{"without two of them", []Pass{FuseActivation, FuseResidual}, []string{"convolution", "add", "ReLU"}},
		{"without passes that are none of the graph's", []Pass{PlanMemory, ConcatInPlace}, []string{"convolution+add+ReLU"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewGraph()
			g.Output("y", block(g))
			g.Conv("unused", g.Inputs()[0], same4)
			s := stage(g, randomWeights(random("block"), g), g.Outputs(), Options{Without: c.without})
			if got := operationsLeft(s); !slices.Equal(got, c.want) {
				t.Errorf("left are %q, want %q", got, c.want)
			}
		})
	}
}

func TestAPassThatDoesNotExistCannotBeLeftOut(t *testing.T) {
	g := NewGraph()
	g.Output("y", block(g))
	w := randomWeights(random("block"), g)
	for _, e := range executors() {
		o := Options{Executor: e, Without: []Pass{FuseResidual, "fuse-everything"}}
		_, compiling := Compile(g, w, o)
		_, training := NewTrainer(g, w, o)
		for _, err := range []error{compiling, training} {
			if err == nil {
				t.Fatalf("%s takes a pass that does not exist", e)
			}
			for _, p := range Passes() {
				if !strings.Contains(err.Error(), string(p.Pass)) {
					t.Errorf("%q does not name %s", err, p.Pass)
				}
			}
			if !strings.Contains(err.Error(), "fuse-everything") {
				t.Errorf("%q does not say what is wrong", err)
			}
		}
	}
}

func TestEachPassHasANameAndASentence(t *testing.T) {
	seen := map[Pass]bool{}
	for _, p := range Passes() {
		if seen[p.Pass] || p.Pass == "" || !strings.HasSuffix(p.Does, ".") {
			t.Errorf("there is a pass %q that does %q", p.Pass, p.Does)
		}
		seen[p.Pass] = true
	}
}
