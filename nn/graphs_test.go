package nn

import (
	"fmt"
	"strings"
	"testing"
)

// graphCase is a small network. The sizes are odd and the channels no
// multiples of 8 or 16 wherever an executor might like them to be.
type graphCase struct {
	name  string
	build func(g *Graph)
}

func (c graphCase) graph(t *testing.T) *Graph {
	t.Helper()
	g := NewGraph()
	c.build(g)
	if err := g.Err(); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return g
}

// graphCases are all small networks of the suite.
func graphCases() []graphCase {
	var cases []graphCase
	cases = append(cases, convCases()...)
	cases = append(cases, randomConvCases(24)...)
	cases = append(cases, pointwiseCases()...)
	cases = append(cases, poolCases()...)
	cases = append(cases, shapeCases()...)
	cases = append(cases, chainCases()...)
	cases = append(cases, sharedCases()...)
	cases = append(cases, branchCases()...)
	cases = append(cases, blockCases()...)
	return append(cases, randomGraphCases(60)...)
}

// one is a case of a single operation on a single input.
func one(name string, shape Shape, op func(g *Graph, x *Value) *Value) graphCase {
	return graphCase{name, func(g *Graph) { g.Output("y", op(g, g.Input("x", shape...))) }}
}

func convCases() []graphCase {
	conv := func(name string, shape Shape, c Conv) graphCase {
		return one("convolution, "+name, shape, func(g *Graph, x *Value) *Value { return g.Conv("c", x, c) })
	}
	return []graphCase{
		conv("3x3 of 26 channels", Shape{1, 26, 9, 11}, Conv{Out: 26, Kernel: 3}.Same()),
		conv("3x3 from 3 channels", Shape{2, 3, 13, 10}, Conv{Out: 32, Kernel: 3, Stride: 2, Pad: Pad(1)}),
		conv("1x1 of 52 channels with bias", Shape{3, 52, 5, 7}, Conv{Out: 104, Kernel: 1, Bias: true}),
		conv("1x1 to one channel", Shape{2, 16, 7, 5}, Conv{Out: 1, Kernel: 1, Bias: true}),
		conv("1x1 from one channel", Shape{2, 1, 7, 5}, Conv{Out: 5, Kernel: 1}),
		conv("1x1 of stride 2", Shape{1, 24, 9, 8}, Conv{Out: 17, Kernel: 1, Stride: 2}),
		conv("7x7 of stride 2", Shape{1, 3, 21, 18}, Conv{Out: 16, Kernel: 7, Stride: 2, Pad: Pad(3), Bias: true}),
		conv("5x5 without padding", Shape{2, 6, 9, 8}, Conv{Out: 4, Kernel: 5}),
		conv("dilation 3 wider than the plane", Shape{1, 8, 5, 4}, Conv{Out: 8, Kernel: 3, Dilation: 3, Bias: true}.Same()),
		conv("dilation 9 on a plane of 7", Shape{1, 16, 7, 7}, Conv{Out: 16, Kernel: 3, Dilation: 9, Bias: true}.Same()),
		conv("two groups", Shape{2, 12, 6, 7}, Conv{Out: 10, Kernel: 3, Groups: 2, Pad: Pad(1)}),
		conv("depthwise", Shape{2, 26, 8, 7}, Conv{Out: 26, Kernel: 3, Groups: 26}.Same()),
		conv("depthwise of stride 2 with bias", Shape{1, 19, 9, 9}, Conv{Out: 19, Kernel: 3, Stride: 2, Groups: 19, Pad: Pad(1), Bias: true}),
		conv("depthwise with two results per channel", Shape{1, 5, 6, 6}, Conv{Out: 10, Kernel: 3, Groups: 5, Pad: Pad(1)}),
		conv("padding right and below only", Shape{2, 3, 12, 10}, Conv{Out: 8, Kernel: 3, Stride: 2, Pad: Padding{Bottom: 1, Right: 1}}),
		conv("padding different on all sides", Shape{1, 4, 6, 7}, Conv{Out: 6, Kernel: 4, Stride: 2, Pad: Padding{Top: 1, Left: 2, Bottom: 3}}),
		conv("depthwise padded right and below", Shape{1, 20, 8, 10}, Conv{Out: 20, Kernel: 3, Stride: 2, Groups: 20, Pad: Padding{Bottom: 1, Right: 1}}),
		conv("plane of one pixel", Shape{2, 18, 1, 1}, Conv{Out: 9, Kernel: 3, Pad: Pad(1), Bias: true}),
		conv("stride beyond the kernel", Shape{1, 3, 11, 8}, Conv{Out: 5, Kernel: 2, Stride: 3}),
	}
}

// randomConvCases draws attributes, the same ones in every run.
func randomConvCases(n int) []graphCase {
	r := random("convolutions")
	var cases []graphCase
	for len(cases) < n {
		groups := []int{1, 1, 1, 2, 3}[r.IntN(5)]
		in, out := groups*(1+r.IntN(18)), groups*(1+r.IntN(18))
		c := Conv{
			Out: out, Kernel: 1 + r.IntN(5), Stride: 1 + r.IntN(3), Dilation: 1 + r.IntN(3), Groups: groups, Bias: r.IntN(2) == 0,
			Pad: Padding{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)},
		}
		shape := Shape{1 + r.IntN(3), in, 1 + r.IntN(12), 1 + r.IntN(12)}
		if _, err := c.infer([]Shape{shape}); err != nil {
			continue
		}
		name := fmt.Sprintf("convolution, random: %v %+v", shape, c)
		cases = append(cases, one(name, shape, func(g *Graph, x *Value) *Value { return g.Conv("c", x, c) }))
	}
	return cases
}

func pointwiseCases() []graphCase {
	var cases []graphCase
	for _, shape := range []Shape{{2, 13, 5, 7}, {1, 1, 3, 3}, {3, 26}} {
		for a := ReLU; a <= Sigmoid; a++ {
			cases = append(cases, one(fmt.Sprintf("%s of %v", a.kind(), shape), shape,
				func(g *Graph, x *Value) *Value { return g.Activate(a, g.Add(x, g.Add(x, x))) })) // 3x reaches 6
		}
		cases = append(cases,
			one(fmt.Sprintf("softmax of %v", shape), shape, func(g *Graph, x *Value) *Value { return g.Softmax(x) }))
	}
	for _, frozen := range []bool{false, true} {
		for _, eps := range []float64{0, 1e-5, 1e-3} {
			for _, shape := range []Shape{{3, 5, 4, 7}, {2, 26, 3, 3}, {1, 1, 5, 2}} {
				name := fmt.Sprintf("batch norm of %v, frozen %v, eps %g", shape, frozen, eps)
				cases = append(cases, one(name, shape, func(g *Graph, x *Value) *Value {
					return g.BatchNorm("bn", x, BatchNorm{Frozen: frozen, Eps: eps})
				}))
			}
		}
	}
	return append(cases,
		one("batch norm of another momentum", Shape{4, 6, 3, 3}, func(g *Graph, x *Value) *Value {
			return g.BatchNorm("bn", x, BatchNorm{Eps: 1e-5, Momentum: 0.4})
		}),
		one("linear with bias", Shape{3, 26}, func(g *Graph, x *Value) *Value {
			return g.Linear("l", x, Linear{Out: 7, Bias: true})
		}),
		one("linear without bias to two classes", Shape{1, 52}, func(g *Graph, x *Value) *Value {
			return g.Linear("l", x, Linear{Out: 2})
		}),
		one("linear of a global average", Shape{2, 20, 5, 3}, func(g *Graph, x *Value) *Value {
			return g.Linear("l", g.GlobalAverage(x), Linear{Out: 3, Bias: true})
		}),
		one("two linear layers with ReLU between", Shape{2, 9}, func(g *Graph, x *Value) *Value {
			return g.Linear("b", g.ReLU(g.Linear("a", x, Linear{Out: 1, Bias: true})), Linear{Out: 9})
		}),
	)
}

func poolCases() []graphCase {
	var cases []graphCase
	for _, p := range []Pool{
		{Kernel: 2}, {Kernel: 2, Ceil: true}, {Kernel: 3, Stride: 2, Pad: 1}, {Kernel: 3, Stride: 2, Pad: 1, Ceil: true},
		{Kernel: 3, Stride: 1, Pad: 1}, {Kernel: 3, Stride: 3, Ceil: true}, {Kernel: 1}, {Kernel: 2, Stride: 3, Pad: 1, Ceil: true},
	} {
		for _, shape := range []Shape{{2, 3, 7, 9}, {1, 26, 8, 5}, {1, 17, 6, 6}} {
			cases = append(cases, one(fmt.Sprintf("max pool of %v %+v", shape, p), shape,
				func(g *Graph, x *Value) *Value { return g.MaxPool(x, p) }))
			for _, count := range []bool{false, true} {
				p.CountPadding = count
				cases = append(cases, one(fmt.Sprintf("average pool of %v %+v", shape, p), shape,
					func(g *Graph, x *Value) *Value { return g.AveragePool(x, p) }))
			}
		}
	}
	return append(cases, one("global average", Shape{2, 26, 5, 7}, func(g *Graph, x *Value) *Value { return g.GlobalAverage(x) }))
}

func shapeCases() []graphCase {
	resize := func(shape Shape, h, w int) graphCase {
		return one(fmt.Sprintf("resize of %v to %d x %d", shape, h, w), shape,
			func(g *Graph, x *Value) *Value { return g.Resize(x, h, w) })
	}
	// Convolutions have the library's order.
	behind := func(shape Shape, h, w int) graphCase {
		return one(fmt.Sprintf("resize of %v to %d x %d between convolutions", shape, h, w), shape, func(g *Graph, x *Value) *Value {
			x = g.Resize(g.Conv("a", x, Conv{Out: shape[1], Kernel: 1}), h, w)
			return g.Conv("b", x, Conv{Out: 3, Kernel: 1})
		})
	}
	return []graphCase{
		behind(Shape{1, 8, 1, 1}, 2, 2), behind(Shape{2, 5, 1, 1}, 3, 4), behind(Shape{2, 16, 1, 1}, 1, 1), behind(Shape{3, 7, 2, 3}, 1, 1),
		behind(Shape{2, 9, 1, 4}, 1, 8), behind(Shape{2, 9, 4, 1}, 8, 1), behind(Shape{2, 9, 1, 1}, 1, 8), behind(Shape{2, 9, 1, 8}, 1, 1),
		resize(Shape{2, 3, 5, 7}, 11, 13), resize(Shape{1, 26, 9, 8}, 4, 3), resize(Shape{1, 1, 4, 4}, 8, 8),
		resize(Shape{1, 17, 1, 1}, 5, 3), resize(Shape{3, 5, 6, 7}, 1, 1), resize(Shape{1, 4, 12, 5}, 3, 10), resize(Shape{1, 2, 3, 3}, 3, 3),
		{"concatenation of 26, 1 and 3 channels", func(g *Graph) {
			a, b, c := g.Input("a", 2, 26, 3, 5), g.Input("b", 2, 1, 3, 5), g.Input("c", 2, 3, 3, 5)
			g.Output("y", g.Concat(a, b, c))
		}},
		one("concatenation of a value with itself", Shape{2, 5, 3, 4}, func(g *Graph, x *Value) *Value { return g.Concat(x, x) }),
		one("concatenation of one value", Shape{2, 5, 3, 4}, func(g *Graph, x *Value) *Value { return g.Concat(x) }),
		one("split in four and joined in another order", Shape{2, 52, 5, 3}, func(g *Graph, x *Value) *Value {
			return g.Concat(g.Slice(x, 39, 52), g.Slice(x, 0, 13), g.Slice(x, 26, 39), g.Slice(x, 13, 26))
		}),
		one("slice of a slice", Shape{2, 26, 4, 3}, func(g *Graph, x *Value) *Value { return g.Slice(g.Slice(x, 3, 20), 5, 6) }),
		one("overlapping slices", Shape{1, 9, 4, 3}, func(g *Graph, x *Value) *Value {
			return g.Add(g.Slice(x, 0, 5), g.Slice(x, 3, 8))
		}),
		{"add of two inputs", func(g *Graph) {
			g.Output("y", g.Add(g.Input("a", 2, 13, 3, 5), g.Input("b", 2, 13, 3, 5)))
		}},
		one("add of a value to itself", Shape{2, 7, 3, 3}, func(g *Graph, x *Value) *Value { return g.Add(x, x) }),
		{"channel scaling by [N C 1 1]", func(g *Graph) {
			g.Output("y", g.ScaleChannels(g.Input("x", 2, 26, 3, 5), g.Input("s", 2, 26, 1, 1)))
		}},
		{"channel scaling by [N C]", func(g *Graph) {
			g.Output("y", g.ScaleChannels(g.Input("x", 3, 5, 4, 5), g.Input("s", 3, 5)))
		}},
		one("an input that is the output", Shape{1, 3, 2, 2}, func(g *Graph, x *Value) *Value { return x }),
	}
}

// TestGraphsAgreeWithTheReference runs every case on every executor, forward
// as a program and both ways as a trainer.
func TestGraphsAgreeWithTheReference(t *testing.T) {
	for _, c := range graphCases() {
		t.Run(strings.ReplaceAll(c.name, "/", " "), func(t *testing.T) {
			g := c.graph(t)
			w, in, outGrads := c.values(t, g)
			want := infer(t, g, w, Options{Executor: Reference}, in)
			wantStep := trainStep(t, g, w, Reference, in, outGrads)
			for _, e := range executors() {
				if e == Reference {
					continue
				}
				t.Run(string(e), func(t *testing.T) {
					for i, out := range infer(t, g, w, Options{Executor: e}, in) {
						near(t, fmt.Sprintf("output %d", i), out, want[i], 1e-5)
					}
					compareSteps(t, trainStep(t, g, w, e, in, outGrads), wantStep, 1)
				})
			}
		})
	}
}

// values are weights, inputs and gradients for a case, the same in every run.
func (c graphCase) values(t *testing.T, g *Graph) (w Weights, in, outGrads []Tensor) {
	t.Helper()
	r := random(c.name)
	w, in = randomWeights(r, g), randomInputs(r, g)
	for range 20 {
		if farFromKinks(t, g, w, in) {
			break
		}
		in = randomInputs(r, g)
	}
	for _, o := range g.Outputs() {
		outGrads = append(outGrads, randomTensor(r, o.Value.Shape()))
	}
	return w, in, outGrads
}

// compareSteps allows slack times what direct convolutions are held to.
func compareSteps(t *testing.T, got, want step, slack float64) {
	t.Helper()
	for i := range want.outputs {
		near(t, fmt.Sprintf("output %d in training", i), got.outputs[i], want.outputs[i], slack*1e-5)
	}
	for i := range want.inputGrads {
		near(t, fmt.Sprintf("gradient of input %d", i), got.inputGrads[i], want.inputGrads[i], slack*1e-4)
	}
	for name, grad := range want.paramGrads {
		near(t, "gradient of "+name, got.paramGrads[name], grad, slack*1e-4)
	}
	if len(got.paramGrads) != len(want.paramGrads) {
		t.Errorf("%d parameters are trained, want %d", len(got.paramGrads), len(want.paramGrads))
	}
	for name, w := range want.weights {
		near(t, name+" after the pass", got.weights[name], w, slack*1e-5)
	}
}
