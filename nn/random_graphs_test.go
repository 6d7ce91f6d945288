package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomGraphCases draws networks in which any value may feed any later
// operation, several times: what fusion, in-place sums, planned memory and
// adding up of gradients must survive.
func randomGraphCases(n int) []graphCase {
	cases := make([]graphCase, n)
	for i := range cases {
		name := fmt.Sprintf("random graph %d", i)
		cases[i] = graphCase{name, func(g *Graph) { randomGraph(g, random(name)) }}
	}
	return cases
}

func randomGraph(g *Graph, r *rand.Rand) {
	shape := Shape{1 + r.IntN(2), 3 + r.IntN(20), 3 + r.IntN(6), 3 + r.IntN(6)}
	values := []*Value{g.Input("x", shape...)}
	for i := range 8 + r.IntN(10) {
		// Late values are taken more often: chains grow long.
		x := values[max(r.IntN(len(values)), r.IntN(len(values)))]
		values = append(values, randomOperation(g, r, fmt.Sprintf("op%d", i), x, values))
	}
	g.Output("last", values[len(values)-1])
	for i := range 1 + r.IntN(3) {
		g.Output(fmt.Sprintf("other%d", i), values[r.IntN(len(values))])
	}
}

func randomOperation(g *Graph, r *rand.Rand, name string, x *Value, values []*Value) *Value {
	s := x.Shape()
	sameShape := func(y *Value) []*Value {
		var fit []*Value
		for _, v := range values {
			if v.Shape().Equal(y.Shape()) {
				fit = append(fit, v)
			}
		}
		return fit
	}
	switch r.IntN(15) {
	case 0, 1, 2:
		kernel := 1 + 2*r.IntN(2)
		out := []int{s[1], 1 + r.IntN(20)}[r.IntN(2)]
		return g.Conv(name, x, Conv{Out: out, Kernel: kernel, Bias: r.IntN(2) == 0}.Same())
	case 3:
		return g.Conv(name, x, Conv{Out: s[1], Kernel: 3, Groups: s[1]}.Same())
	case 4:
		return g.BatchNorm(name, x, BatchNorm{Frozen: true, Eps: 1e-5})
	case 5:
		return g.Activate(Activation(r.IntN(4)), x)
	case 6:
		return g.ReLU(x)
	case 7, 8:
		fit := sameShape(x)
		return g.Add(x, fit[r.IntN(len(fit))])
	case 9:
		var fit []*Value
		for _, y := range values {
			if t := y.Shape(); t[1] < 30 && t[2] == s[2] && t[3] == s[3] {
				fit = append(fit, y)
			}
		}
		if len(fit) > 0 {
			return g.Concat(x, fit[r.IntN(len(fit))])
		}
		return g.ReLU(x)
	case 10:
		from := r.IntN(s[1])
		return g.Slice(x, from, from+1+r.IntN(s[1]-from))
	case 11, 12, 13: // what fusion looks for
		y := g.BatchNorm(name+"n", g.Conv(name, x, Conv{Out: s[1], Kernel: 3}.Same()), BatchNorm{Frozen: true})
		fit := sameShape(x)
		y = g.Add(y, fit[r.IntN(len(fit))])
		if r.IntN(2) == 0 {
			y = g.ReLU(y)
		}
		return y
	}
	if r.IntN(2) == 0 {
		return g.Resize(x, 3+r.IntN(6), 3+r.IntN(6))
	}
	return g.MaxPool(x, Pool{Kernel: 3, Stride: 1, Pad: 1})
}

// farFromKinks reports whether no activation sits so near to a bend that a
// float32 executor could fall on its other side and give another gradient.
func farFromKinks(t *testing.T, g *Graph, w Weights, in []Tensor) bool {
	t.Helper()
	const margin = 1e-5
	e, err := newEngine(g, valuesOf(g.Outputs()), true)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range w {
		e.params[name] = widen(p)
	}
	if err := e.forward(context.Background(), widenInputs(g.Inputs(), in)); err != nil {
		t.Fatal(err)
	}
	for _, v := range e.order {
		a, ok := v.op.(Activation)
		if !ok || a == Sigmoid || a == HardSwish {
			continue
		}
		for _, x := range e.values[v.inputs[0]].data {
			// Exactly 0 is what a ReLU before this one leaves, in any arithmetic.
			if x != 0 && math.Abs(x) < margin || a == ReLU6 && x != 6 && math.Abs(x-6) < margin {
				return false
			}
		}
	}
	return true
}
