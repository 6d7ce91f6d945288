package nn

import "fmt"

// The cases that passes over a graph could get wrong: chains that may be
// fused, values that several operations share, and blocks of real networks.

// norm is a batch norm as published: frozen, without eps.
func norm(g *Graph, name string, x *Value) *Value {
	return g.BatchNorm(name, x, BatchNorm{Frozen: true})
}

// live is a batch norm that trains.
func live(g *Graph, name string, x *Value) *Value {
	return g.BatchNorm(name, x, BatchNorm{Eps: 1e-5})
}

func chainCases() []graphCase {
	same := func(out int) Conv { return Conv{Out: out, Kernel: 3}.Same() }
	withBias := func(out int) Conv {
		c := same(out)
		c.Bias = true
		return c
	}
	return []graphCase{
		one("convolution, norm, ReLU", Shape{2, 3, 7, 9}, func(g *Graph, x *Value) *Value {
			return g.ReLU(norm(g, "bn", g.Conv("c", x, same(26))))
		}),
		one("convolution with bias, norm, ReLU", Shape{2, 5, 7, 9}, func(g *Graph, x *Value) *Value {
			return g.ReLU(norm(g, "bn", g.Conv("c", x, withBias(13))))
		}),
		one("convolution, live norm, ReLU", Shape{2, 5, 7, 9}, func(g *Graph, x *Value) *Value {
			return g.ReLU(live(g, "bn", g.Conv("c", x, same(13))))
		}),
		one("convolution, norm, hard-swish", Shape{1, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.Activate(HardSwish, norm(g, "bn", g.Conv("c", x, same(10))))
		}),
		one("depthwise, norm, ReLU6", Shape{2, 26, 7, 7}, func(g *Graph, x *Value) *Value {
			c := g.Conv("c", x, Conv{Out: 26, Kernel: 3, Stride: 2, Groups: 26, Pad: Padding{Bottom: 1, Right: 1}})
			return g.Activate(ReLU6, norm(g, "bn", c))
		}),
		one("convolution and sigmoid", Shape{1, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.Sigmoid(g.Conv("c", x, withBias(1)))
		}),
		one("convolution and softmax", Shape{2, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.Softmax(g.Conv("c", x, withBias(3)))
		}),
		one("two norms in a row", Shape{2, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return norm(g, "b", live(g, "a", g.Conv("c", x, same(7))))
		}),
		one("norm before the convolution", Shape{2, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.Conv("c", norm(g, "bn", x), same(7))
		}),
		one("ReLU before the norm", Shape{2, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return norm(g, "bn", g.ReLU(g.Conv("c", x, withBias(7))))
		}),
		one("norm of a concatenation", Shape{2, 6, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.ReLU(norm(g, "bn", g.Concat(g.Conv("a", x, same(5)), g.Conv("b", x, same(3)))))
		}),
		one("ReLU of a pool of a convolution", Shape{2, 6, 7, 6}, func(g *Graph, x *Value) *Value {
			return g.ReLU(g.AveragePool(g.Conv("c", x, same(5)), Pool{Kernel: 2, Ceil: true}))
		}),
		one("residual, then ReLU", Shape{2, 26, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.ReLU(g.Add(norm(g, "bn", g.Conv("c", x, same(26))), x))
		}),
		one("residual on the left, then ReLU", Shape{2, 26, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.ReLU(g.Add(x, norm(g, "bn", g.Conv("c", x, same(26)))))
		}),
		one("ReLU before the residual", Shape{2, 8, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.Add(g.ReLU(norm(g, "bn", g.Conv("c", x, same(8)))), x)
		}),
		one("residual of two convolutions", Shape{2, 8, 5, 6}, func(g *Graph, x *Value) *Value {
			a := norm(g, "an", g.Conv("a", x, same(16)))
			b := norm(g, "bn", g.Conv("b", x, Conv{Out: 16, Kernel: 1}))
			return g.ReLU(g.Add(a, b))
		}),
		one("residual of a convolution with itself", Shape{1, 8, 5, 6}, func(g *Graph, x *Value) *Value {
			c := g.Conv("c", x, same(8))
			return g.ReLU(g.Add(c, c))
		}),
		one("linear, ReLU, linear, softmax", Shape{3, 10}, func(g *Graph, x *Value) *Value {
			return g.Softmax(g.Linear("b", g.ReLU(g.Linear("a", x, Linear{Out: 6, Bias: true})), Linear{Out: 3}))
		}),
	}
}

// sharedCases are what a training step fuses and does in place, with and
// without another reader of the value between.
func sharedCases() []graphCase {
	same := func(out int) Conv { return Conv{Out: out, Kernel: 3}.Same() }
	excited := func(g *Graph, x *Value) *Value {
		return g.ScaleChannels(x, g.Sigmoid(g.Linear("se", g.GlobalAverage(x), Linear{Out: x.Shape()[1], Bias: true})))
	}
	var cases []graphCase
	for _, n := range []int{1, 2} {
		for _, a := range []Activation{ReLU, ReLU6} {
			cases = append(cases,
				one(fmt.Sprintf("live norm and %s that three read, batch of %d", a.kind(), n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
					y := g.Activate(a, live(g, "bn", g.Conv("c", x, same(26))))
					return g.Concat(g.Conv("d", y, same(16)), g.Conv("e", y, same(16)), y)
				}),
				one(fmt.Sprintf("live norm that its %s and an addition read, batch of %d", a.kind(), n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
					y := live(g, "bn", g.Conv("c", x, same(26)))
					return g.Conv("d", g.Add(g.Activate(a, y), y), same(3))
				}),
				one(fmt.Sprintf("frozen norm and %s between convolutions, batch of %d", a.kind(), n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
					return g.Conv("d", g.Activate(a, norm(g, "bn", g.Conv("c", x, same(26)))), same(16))
				}),
				one(fmt.Sprintf("convolution and %s that two read, batch of %d", a.kind(), n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
					y := g.Activate(a, g.Conv("c", x, same(17)))
					return g.Add(g.Conv("d", y, same(17)), y)
				}))
		}
		cases = append(cases,
			one(fmt.Sprintf("squeeze and excitation behind a ReLU, batch of %d", n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
				return g.Conv("d", excited(g, g.ReLU(g.Conv("c", x, same(20)))), same(4))
			}),
			one(fmt.Sprintf("squeeze and excitation added to what it scales, batch of %d", n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
				y := g.ReLU(live(g, "bn", g.Conv("c", x, same(16))))
				return g.Add(excited(g, y), y)
			}),
			one(fmt.Sprintf("squeeze and excitation of an input, batch of %d", n), Shape{n, 20, 7, 6}, excited),
			one(fmt.Sprintf("squeeze and excitation of channels in parts, batch of %d", n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
				y := g.ReLU(g.Conv("c", x, same(40)))
				return g.Concat(excited(g, y), g.ReLU(g.Slice(y, 3, 21)), g.Slice(y, 0, 16))
			}),
			graphCase{fmt.Sprintf("channels scaled by an input, batch of %d", n), func(g *Graph) {
				x, s := g.Input("x", n, 5, 7, 6), g.Input("s", n, 20)
				y := g.ScaleChannels(g.ReLU(g.Conv("c", x, same(20))), s)
				g.Output("y", g.ReLU(g.Conv("d", g.ReLU(y), same(7))))
			}},
			graphCase{fmt.Sprintf("an input scaled by what is trained, batch of %d", n), func(g *Graph) {
				x, s := g.Input("x", n, 20, 7, 6), g.Input("s", n, 6)
				y := g.ScaleChannels(x, g.Sigmoid(g.Linear("l", s, Linear{Out: 20})))
				g.Output("y", g.Conv("d", g.ReLU(y), same(7)))
			}},
			one(fmt.Sprintf("a global average and nothing else of a convolution, batch of %d", n), Shape{n, 5, 7, 6}, func(g *Graph, x *Value) *Value {
				return g.Linear("l", g.GlobalAverage(g.ReLU(g.Conv("c", x, same(20)))), Linear{Out: 3})
			}))
	}
	return cases
}

func branchCases() []graphCase {
	same := func(out int) Conv { return Conv{Out: out, Kernel: 3}.Same() }
	return []graphCase{
		{"a value that three operations use", func(g *Graph) {
			x := g.Conv("c", g.Input("x", 2, 5, 7, 6), same(9))
			g.Output("a", g.ReLU(x))
			g.Output("b", g.Sigmoid(x))
			g.Output("c", g.MaxPool(x, Pool{Kernel: 2}))
		}},
		{"a value that is output and goes on", func(g *Graph) {
			x := g.Conv("c", g.Input("x", 2, 5, 7, 6), same(9))
			g.Output("before", x)
			y := norm(g, "bn", x)
			g.Output("normal", y)
			g.Output("after", g.ReLU(y))
		}},
		{"one value under two names", func(g *Graph) {
			y := g.ReLU(g.Conv("c", g.Input("x", 1, 5, 4, 6), same(3)))
			g.Output("a", y)
			g.Output("b", y)
		}},
		{"an operand of a residual that is used again", func(g *Graph) {
			x := g.Input("x", 1, 6, 5, 7)
			a := g.ReLU(g.Conv("a", x, same(8)))
			b := g.ReLU(g.Add(norm(g, "bn", g.Conv("b", a, same(8))), a))
			g.Output("y", g.Concat(a, b, g.Conv("c", a, same(2))))
		}},
		{"a residual from elsewhere that is used again", func(g *Graph) {
			x := g.Input("x", 1, 6, 5, 7)
			a := g.Conv("a", x, same(16))
			b := g.Add(g.Conv("b", x, same(16)), a)
			g.Output("y", g.Conv("c", g.Concat(a, g.ReLU(b)), same(4)))
		}},
		{"two residuals from one input", func(g *Graph) {
			x, z := g.Input("x", 1, 32, 6, 7), g.Input("z", 1, 16, 6, 7)
			first := g.Add(g.Conv("a", z, same(32)), x)
			second := g.ReLU(g.Add(g.Conv("b", z, same(32)), x))
			g.Output("first", first)
			g.Output("second", second)
			g.Output("third", g.Conv("c", x, same(16)))
		}},
		{"a convolution before its ReLU is used again", func(g *Graph) {
			c := g.Conv("c", g.Input("x", 1, 6, 5, 7), same(8))
			g.Output("y", g.Add(g.ReLU(c), c))
		}},
		{"a slice that is output", func(g *Graph) {
			c := g.Conv("c", g.Input("x", 2, 6, 5, 7), same(26))
			g.Output("part", g.Slice(c, 13, 26))
			g.Output("rest", g.ReLU(g.Slice(c, 0, 13)))
		}},
		{"a concatenation whose parts are used again", func(g *Graph) {
			x := g.Input("x", 2, 6, 5, 7)
			a, b := g.ReLU(g.Conv("a", x, same(5))), g.ReLU(g.Conv("b", x, same(11)))
			g.Output("y", g.Conv("c", g.Concat(a, b), same(4)))
			g.Output("a", g.Resize(a, 9, 4))
			g.Output("b", g.Add(b, g.Concat(a, g.Slice(b, 0, 6))))
		}},
		{"a long wait between making and using", func(g *Graph) {
			x := g.Input("x", 1, 8, 6, 6)
			early := g.ReLU(g.Conv("early", x, same(8)))
			y := early
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				y = g.ReLU(norm(g, name+"n", g.Conv(name, y, same(8))))
			}
			g.Output("y", g.Add(y, early))
		}},
		{"sums whose operands and results are all used again", func(g *Graph) {
			x := g.Input("x", 2, 5, 4, 3)
			a, b := g.Conv("a", x, same(7)), g.Conv("b", x, same(7))
			first := g.Add(a, b)
			second := g.Add(first, a)
			third := g.Add(second, first)
			g.Output("first", first)
			g.Output("second", g.ReLU(second))
			g.Output("third", third)
			g.Output("a", g.Sigmoid(a))
			g.Output("b", g.MaxPool(b, Pool{Kernel: 2}))
		}},
		{"a value that twenty operations use", func(g *Graph) {
			x := g.Conv("c", g.Input("x", 1, 5, 4, 5), same(20))
			parts := make([]*Value, 20)
			for i := range parts {
				parts[i] = g.ReLU(g.Slice(x, i, 20))
			}
			g.Output("y", g.Concat(parts...))
		}},
		{"planes of one pixel", func(g *Graph) {
			x := g.Input("x", 2, 18, 1, 1)
			y := g.Resize(g.GlobalAverage(g.AveragePool(x, Pool{Kernel: 1})), 3, 1)
			g.Output("y", g.Conv("c", y, same(5)))
		}},
		{"two operations with one set of weights", func(g *Graph) {
			x := g.Input("x", 2, 4, 6, 5)
			g.Output("y", g.Conv("c", g.ReLU(g.Conv("c", x, same(4))), same(4)))
		}},
		{"two networks side by side", func(g *Graph) {
			a, b := g.Input("a", 1, 3, 6, 5), g.Input("b", 2, 7)
			g.Output("picture", g.ReLU(g.Conv("c", a, same(4))))
			g.Output("vector", g.Linear("l", b, Linear{Out: 2, Bias: true}))
		}},
		{"an operation that no output needs", func(g *Graph) {
			x := g.Input("x", 1, 3, 6, 5)
			g.ReLU(g.Conv("unused", x, same(4)))
			g.Output("y", g.Conv("c", x, same(4)))
		}},
		{"an input that no output needs", func(g *Graph) {
			g.Input("unused", 1, 3, 2, 2)
			g.Output("y", g.ReLU(g.Input("x", 1, 3, 6, 5)))
		}},
	}
}

func blockCases() []graphCase {
	relu := func(g *Graph, name string, x *Value, c Conv) *Value {
		c.Bias = true
		return g.ReLU(g.Conv(name, x, c))
	}
	squeeze := func(g *Graph, name string, x *Value, hidden int) *Value {
		s := g.ReLU(g.Linear(name+".1", g.GlobalAverage(x), Linear{Out: hidden, Bias: true}))
		return g.ScaleChannels(x, g.Sigmoid(g.Linear(name+".2", s, Linear{Out: x.Shape()[1], Bias: true})))
	}
	return []graphCase{
		{"a Res2Net block, first of its stage", func(g *Graph) { g.Output("y", res2netBlock(g, g.Input("x", 1, 10, 9, 7), true)) }},
		{"a Res2Net block, later", func(g *Graph) { g.Output("y", res2netBlock(g, g.Input("x", 2, 24, 6, 7), false)) }},
		{"an inverted bottleneck", func(g *Graph) {
			x := g.Input("x", 2, 12, 7, 6)
			y := g.Activate(HardSwish, live(g, "an", g.Conv("a", x, Conv{Out: 40, Kernel: 1})))
			y = g.Activate(HardSwish, live(g, "bn", g.Conv("b", y, Conv{Out: 40, Kernel: 5, Groups: 40}.Same())))
			y = live(g, "cn", g.Conv("c", squeeze(g, "se", y, 10), Conv{Out: 12, Kernel: 1}))
			g.Output("y", g.Add(x, y))
		}},
		{"an enhanced feature module", func(g *Graph) {
			x := relu(g, "in", g.Input("x", 1, 12, 9, 10), Conv{Out: 24, Kernel: 1})
			var parts []*Value
			for i, d := range []int{1, 3, 6, 9} {
				parts = append(parts, g.Conv([]string{"d1", "d3", "d6", "d9"}[i], g.Slice(x, 6*i, 6*i+6), Conv{Out: 6, Kernel: 3, Dilation: d, Bias: true}.Same()))
			}
			y := squeeze(g, "se", g.ReLU(g.Concat(parts...)), 6)
			g.Output("y", relu(g, "out", relu(g, "mix", y, Conv{Out: 12, Kernel: 1}), Conv{Out: 12, Kernel: 3}.Same()))
		}},
		{"an attentive feature fusion with heads", func(g *Graph) {
			x := g.Input("x", 2, 3, 15, 17)
			fine := relu(g, "fine", x, Conv{Out: 10, Kernel: 3}.Same())
			coarse := relu(g, "coarse", g.MaxPool(fine, Pool{Kernel: 2}), Conv{Out: 14, Kernel: 3}.Same())
			lateral := relu(g, "lateral", fine, Conv{Out: 5, Kernel: 1})
			down := g.Resize(relu(g, "down", coarse, Conv{Out: 5, Kernel: 1}), 15, 17)
			y := relu(g, "fuse1", squeeze(g, "se1", g.Concat(lateral, down), 1), Conv{Out: 5, Kernel: 3}.Same())
			y = relu(g, "fuse2", squeeze(g, "se2", g.Concat(y, down), 1), Conv{Out: 10, Kernel: 1})
			g.Output("fine", g.Sigmoid(g.Conv("head1", y, Conv{Out: 1, Kernel: 1, Bias: true})))
			g.Output("coarse", g.Sigmoid(g.Resize(g.Conv("head2", coarse, Conv{Out: 1, Kernel: 1, Bias: true}), 15, 17)))
		}},
	}
}

// res2netBlock is a small block of scale 4: the first of a stage pools its
// fourth part and does not add the previous one.
func res2netBlock(g *Graph, x *Value, first bool) *Value {
	const width = 6
	stride := 1
	if first {
		stride = 2
	}
	y := g.ReLU(norm(g, "bn1", g.Conv("conv1", x, Conv{Out: 4 * width, Kernel: 1})))
	var parts []*Value
	for i, name := range []string{"convs.0", "convs.1", "convs.2"} {
		part := g.Slice(y, i*width, (i+1)*width)
		if i > 0 && !first {
			part = g.Add(parts[i-1], part)
		}
		parts = append(parts, g.ReLU(norm(g, name+"n", g.Conv(name, part, Conv{Out: width, Kernel: 3, Stride: stride, Pad: Pad(1)}))))
	}
	last := g.Slice(y, 3*width, 4*width)
	if first {
		last = g.AveragePool(last, Pool{Kernel: 3, Stride: stride, Pad: 1, CountPadding: true})
		x = g.AveragePool(x, Pool{Kernel: stride, Ceil: true})
		x = norm(g, "downsample.2", g.Conv("downsample.1", x, Conv{Out: 24, Kernel: 1}))
	}
	y = norm(g, "bn3", g.Conv("conv3", g.Concat(append(parts, last)...), Conv{Out: 24, Kernel: 1}))
	return g.ReLU(g.Add(y, x))
}
