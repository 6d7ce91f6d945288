package nn

import (
	"math"
	"testing"
)

// TestOperationsByHand holds every executor against small sums that can be
// done in the head: finite differences and agreement between executors cannot
// see a forward pass that is wrong everywhere.
func TestOperationsByHand(t *testing.T) {
	ramp := []float32{1, 2, 3, 4}
	for name, c := range map[string]struct {
		shape Shape
		in    []float32
		op    func(g *Graph, x *Value) *Value
		want  []float32
		grad  []float32 // by the input, when each output's is 1; nil: not looked at
	}{
		"a split takes the channels that it names": {
			Shape{1, 4, 1, 1}, ramp,
			func(g *Graph, x *Value) *Value { return g.Slice(x, 1, 3) },
			[]float32{2, 3}, []float32{0, 1, 1, 0},
		},
		"a split takes them from every item": {
			Shape{2, 2, 1, 1}, ramp,
			func(g *Graph, x *Value) *Value { return g.Slice(x, 0, 1) },
			[]float32{1, 3}, []float32{1, 0, 1, 0},
		},
		"a concatenation keeps the order": {
			Shape{2, 2, 1, 1}, ramp,
			func(g *Graph, x *Value) *Value { return g.Concat(g.Slice(x, 1, 2), x, g.Slice(x, 0, 1)) },
			[]float32{2, 1, 2, 1, 4, 3, 4, 3}, []float32{2, 2, 2, 2},
		},
		"ReLU": {
			Shape{1, 3}, []float32{-2, 0, 2},
			func(g *Graph, x *Value) *Value { return g.ReLU(x) },
			[]float32{0, 0, 2}, []float32{0, 0, 1},
		},
		"ReLU6": {
			Shape{1, 5}, []float32{-2, 0, 2, 6, 7},
			func(g *Graph, x *Value) *Value { return g.Activate(ReLU6, x) },
			[]float32{0, 0, 2, 6, 6}, []float32{0, 0, 1, 0, 0},
		},
		"hard-swish": {
			Shape{1, 4}, []float32{-4, 0, 1.5, 4},
			func(g *Graph, x *Value) *Value { return g.Activate(HardSwish, x) },
			[]float32{0, 0, 1.125, 4}, []float32{0, 0.5, 1, 1},
		},
		"softmax over channels, not over places": {
			Shape{1, 2, 1, 2}, []float32{0, 5, float32(math.Log(3)), 5},
			func(g *Graph, x *Value) *Value { return g.Softmax(x) },
			[]float32{0.25, 0.5, 0.75, 0.5}, []float32{0, 0, 0, 0},
		},
		"add": {
			Shape{1, 2}, []float32{1, 2},
			func(g *Graph, x *Value) *Value { return g.Add(x, x) },
			[]float32{2, 4}, []float32{2, 2},
		},
		"scaling by the channel's mean": {
			Shape{1, 2, 1, 2}, ramp,
			func(g *Graph, x *Value) *Value { return g.ScaleChannels(x, g.GlobalAverage(x)) },
			[]float32{1.5, 3, 10.5, 14}, []float32{3, 3, 7, 7},
		},
		"an average pool that counts padding, but no cells beyond it": {
			// Windows begin at -1, 1 and 3; the last has 2 columns, each 3 rows.
			Shape{1, 1, 1, 4}, ramp,
			func(g *Graph, x *Value) *Value {
				return g.AveragePool(x, Pool{Kernel: 3, Stride: 2, Pad: 1, Ceil: true, CountPadding: true})
			},
			[]float32{3. / 9, 9. / 9, 4. / 6}, []float32{1. / 9, 2. / 9, 1. / 9, 1./9 + 1./6},
		},
		"an average pool that counts no padding": {
			Shape{1, 1, 1, 4}, ramp,
			func(g *Graph, x *Value) *Value {
				return g.AveragePool(x, Pool{Kernel: 3, Stride: 2, Pad: 1, Ceil: true})
			},
			[]float32{3. / 2, 9. / 3, 4}, []float32{1. / 2, 1./2 + 1./3, 1. / 3, 1./3 + 1},
		},
		"a max pool with ceil looks at what there is": {
			Shape{1, 1, 1, 3}, []float32{-1, -2, -3},
			func(g *Graph, x *Value) *Value { return g.MaxPool(x, Pool{Kernel: 2, Ceil: true}) },
			[]float32{-1, -3}, []float32{1, 0, 1},
		},
		"a max pool takes no padding for a value": {
			Shape{1, 1, 1, 3}, []float32{-1, -2, -3},
			func(g *Graph, x *Value) *Value { return g.MaxPool(x, Pool{Kernel: 3, Stride: 2, Pad: 1}) },
			[]float32{-1, -2}, []float32{1, 1, 0},
		},
		"a resize to twice the width": {
			Shape{1, 1, 1, 2}, []float32{0, 4},
			func(g *Graph, x *Value) *Value { return g.Resize(x, 1, 4) },
			[]float32{0, 1, 3, 4}, []float32{2, 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachExecutor(t, func(t *testing.T, e Executor) {
				g := NewGraph()
				g.Output("y", c.op(g, g.Input("x", c.shape...)))
				if err := g.Err(); err != nil {
					t.Fatal(err)
				}
				shape := g.Outputs()[0].Value.Shape()
				in := []Tensor{{c.shape, c.in}}
				near(t, "output", infer(t, g, nil, Options{Executor: e}, in)[0], Tensor{shape, c.want}, 1e-6)
				ones := NewTensor(shape...)
				for i := range ones.Data {
					ones.Data[i] = 1
				}
				s := trainStep(t, g, nil, e, in, []Tensor{ones})
				near(t, "output in training", s.outputs[0], Tensor{shape, c.want}, 1e-6)
				for i, want := range c.grad {
					if got := s.inputGrads[0].Data[i]; math.Abs(float64(got-want)) > 1e-6 {
						t.Errorf("gradient %g at %d, want %g", got, i, want)
					}
				}
			})
		})
	}
}

// TestConvolutionIsItsDefinition works every result out from the sum that
// defines it, place by place.
func TestConvolutionIsItsDefinition(t *testing.T) {
	for _, c := range append(convCases(), randomConvCases(24)...) {
		t.Run(c.name, func(t *testing.T) {
			g := c.graph(t)
			r := random(c.name + " definition")
			w, in := randomWeights(r, g), randomInputs(r, g)
			want := definition(g.Outputs()[0].Value, w, in[0])
			eachExecutor(t, func(t *testing.T, e Executor) {
				near(t, "output", infer(t, g, w, Options{Executor: e}, in)[0], want, 1e-5)
			})
		})
	}
}

func definition(v *Value, w Weights, x Tensor) Tensor {
	c := v.op.(Conv)
	out, weight := NewTensor(v.shape...), w[v.params[0].Name]
	inGroup, outGroup := x.Shape[1]/c.Groups, c.Out/c.Groups
	at := func(t Tensor, n, ch, row, column int) *float32 {
		return &t.Data[((n*t.Shape[1]+ch)*t.Shape[2]+row)*t.Shape[3]+column]
	}
	for n := range v.shape[0] {
		for o := range c.Out {
			for row := range v.shape[2] {
				for column := range v.shape[3] {
					sum := 0.0
					if c.Bias {
						sum = float64(w[v.params[1].Name].Data[o])
					}
					for i := range inGroup {
						for ky := range c.Kernel {
							for kx := range c.Kernel {
								y, x0 := row*c.Stride+ky*c.Dilation-c.Pad.Top, column*c.Stride+kx*c.Dilation-c.Pad.Left
								if y < 0 || y >= x.Shape[2] || x0 < 0 || x0 >= x.Shape[3] {
									continue
								}
								sum += float64(*at(x, n, o/outGroup*inGroup+i, y, x0)) * float64(*at(weight, o, i, ky, kx))
							}
						}
					}
					*at(out, n, o, row, column) = float32(sum)
				}
			}
		}
	}
	return out
}

func TestGradientsOfOneValueUnderTwoNamesAddUp(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := NewGraph()
		y := g.Sigmoid(g.Input("x", 1, 3))
		g.Output("a", y)
		g.Output("b", y)
		r := random("two names")
		in := randomInputs(r, g)
		a, b, both := randomTensor(r, Shape{1, 3}), randomTensor(r, Shape{1, 3}), NewTensor(1, 3)
		for i := range both.Data {
			both.Data[i] = a.Data[i] + b.Data[i]
		}
		got := trainStep(t, g, nil, e, in, []Tensor{a, b})
		want := trainStep(t, g, nil, Reference, in, []Tensor{both, NewTensor(1, 3)})
		near(t, "input gradient", got.inputGrads[0], want.inputGrads[0], 1e-6)
	})
}

// TestLiveNormsOfOneValueStayFinite: a plane of one pixel in a batch of one
// has no variance to divide by, nor an unbiased one.
func TestLiveNormsOfOneValueStayFinite(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := NewGraph()
		g.Output("y", live(g, "bn", g.Input("x", 1, 3, 1, 1)))
		r := random("one value")
		w := randomWeights(r, g)
		s := trainStep(t, g, w, e, randomInputs(r, g), []Tensor{randomTensor(r, Shape{1, 3, 1, 1})})
		for i, bias := range w["bn.bias"].Data {
			if got := s.outputs[0].Data[i]; math.Abs(float64(got-bias)) > 1e-5 {
				t.Errorf("output %g, want the bias %g", got, bias)
			}
			want := 0.9 * w["bn.running_var"].Data[i]
			if got := s.weights["bn.running_var"].Data[i]; math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("running variance %g, want %g", got, want)
			}
		}
		for name, grad := range s.paramGrads {
			for _, d := range grad.Data {
				if math.IsNaN(float64(d)) {
					t.Errorf("gradient of %s is NaN", name)
				}
			}
		}
	})
}

// TestResizeTakesPyTorchsCoordinate: PyTorch works out the place in the source
// in float32. On a wide plane of alternating values that differs by 1e-5 from
// the exact place.
func TestResizeTakesPyTorchsCoordinate(t *testing.T) {
	const in, out = 187, 701
	x, want := NewTensor(1, 1, 1, in), NewTensor(1, 1, 1, out)
	for i := range x.Data {
		x.Data[i] = float32(1 - i%2*2)
	}
	scale := float32(in) / float32(out)
	for i := range want.Data {
		product := scale * (float32(i) + 0.5)
		place := max(product-0.5, 0)
		left := int(place)
		share := float64(place - float32(left))
		right := min(left+1, in-1)
		want.Data[i] = float32(float64(x.Data[left])*(1-share) + float64(x.Data[right])*share)
	}
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := NewGraph()
		g.Output("y", g.Resize(g.Input("x", 1, 1, 1, in), 1, out))
		tolerance := 1e-7
		if e != Reference {
			tolerance = 4e-5 // a library's own coordinate, within the networks' bound on smooth planes
		}
		near(t, "output", infer(t, g, nil, Options{Executor: e}, []Tensor{x})[0], want, tolerance)
	})
}
