package nn

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// fixture is one case of testdata/ops: what PyTorch computed.
type fixture struct {
	Params     json.RawMessage
	Inputs     map[string]fixtureTensor
	Output     fixtureTensor
	OutGrad    fixtureTensor            `json:"out_grad"`
	InputGrads map[string]fixtureTensor `json:"input_grads"`

	RunningMeanAfter fixtureTensor `json:"running_mean_after"`
	RunningVarAfter  fixtureTensor `json:"running_var_after"`
}

type fixtureTensor struct {
	Shape Shape
	Data  []float32
}

func (f fixtureTensor) tensor() Tensor { return Tensor(f) }

func readFixture[T any](t *testing.T, name string) map[string]T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "ops", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]T{}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatalf("reading the fixture %s: %v", name, err)
	}
	return cases
}

// eachFixture runs every case of a file on every executor.
func eachFixture(t *testing.T, file string, f func(t *testing.T, e Executor, name string, c fixture)) {
	for name, c := range readFixture[fixture](t, file) {
		t.Run(name, func(t *testing.T) {
			eachExecutor(t, func(t *testing.T, e Executor) { f(t, e, name, c) })
		})
	}
}

// params decodes a case's parameters.
func params[T any](t *testing.T, c fixture) (p T) {
	t.Helper()
	if err := json.Unmarshal(c.Params, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// holdAgainst runs a graph of one input and one output as a program and as a
// trainer and compares everything with the fixture. names maps parameters of
// the graph to inputs of the fixture.
func holdAgainst(t *testing.T, e Executor, g *Graph, c fixture, input string, names map[string]string, tolerance float64) {
	t.Helper()
	w := Weights{}
	for param, name := range names {
		w[param] = c.Inputs[name].tensor()
	}
	in := []Tensor{c.Inputs[input].tensor()}
	near(t, "output", infer(t, g, w, Options{Executor: e}, in)[0], c.Output.tensor(), tolerance)

	s := trainStep(t, g, w, e, in, []Tensor{c.OutGrad.tensor()})
	near(t, "output in training", s.outputs[0], c.Output.tensor(), tolerance)
	near(t, "input gradient", s.inputGrads[0], c.InputGrads[input].tensor(), tolerance)
	for param, name := range names {
		near(t, "gradient of "+param, s.paramGrads[param], c.InputGrads[name].tensor(), tolerance)
	}
}

func TestConvolutionAsPublished(t *testing.T) {
	eachFixture(t, "conv", func(t *testing.T, e Executor, _ string, c fixture) {
		p := params[struct{ Stride, Pad, Dilation int }](t, c)
		_, bias := c.Inputs["bias"]
		weight := c.Inputs["weight"].Shape
		g := NewGraph()
		x := g.Input("x", c.Inputs["x"].Shape...)
		g.Output("y", g.Conv("c", x, Conv{Out: weight[0], Kernel: weight[2], Stride: p.Stride, Dilation: p.Dilation, Pad: Pad(p.Pad), Bias: bias}))
		names := map[string]string{"c.weight": "weight"}
		if bias {
			names["c.bias"] = "bias"
		}
		holdAgainst(t, e, g, c, "x", names, 3e-6)
	})
}

func TestSqueezeExcitationAsPublished(t *testing.T) {
	eachFixture(t, "seblock", func(t *testing.T, e Executor, _ string, c fixture) {
		g := NewGraph()
		x := g.Input("x", c.Inputs["x"].Shape...)
		hidden := c.Inputs["linear1.weight"].Shape[0]
		s := g.ReLU(g.Linear("linear1", g.GlobalAverage(x), Linear{Out: hidden, Bias: true}))
		s = g.Sigmoid(g.Linear("linear2", s, Linear{Out: x.Shape()[1], Bias: true}))
		g.Output("y", g.ScaleChannels(x, s))
		names := map[string]string{}
		for _, p := range g.Parameters() {
			names[p.Name] = p.Name
		}
		holdAgainst(t, e, g, c, "x", names, 3e-6)
	})
}

// poolParams are the parameters of a pool in the fixtures.
type poolParams struct {
	Kernel, Stride, Pad int
	Ceil                bool `json:"ceil_mode"`
	CountPadding        bool `json:"count_include_pad"`
}

func TestMaxPoolIsExact(t *testing.T) {
	eachFixture(t, "maxpool", func(t *testing.T, e Executor, _ string, c fixture) {
		g := NewGraph()
		x := g.Input("x", c.Inputs["input"].Shape...)
		p := params[poolParams](t, c)
		g.Output("y", g.MaxPool(x, Pool{Kernel: p.Kernel, Stride: p.Stride, Pad: p.Pad, Ceil: p.Ceil}))
		holdAgainst(t, e, g, c, "input", nil, 0)
	})
}

func TestAveragePoolAsPublished(t *testing.T) {
	for _, file := range []string{"avgpool_pad", "avgpool_ceil_nopad"} {
		eachFixture(t, file, func(t *testing.T, e Executor, _ string, c fixture) {
			g := NewGraph()
			x := g.Input("x", c.Inputs["input"].Shape...)
			g.Output("y", g.AveragePool(x, Pool(params[poolParams](t, c))))
			holdAgainst(t, e, g, c, "input", nil, 1e-6)
		})
	}
}

func TestBilinearResizeAsPublished(t *testing.T) {
	eachFixture(t, "bilinear", func(t *testing.T, e Executor, _ string, c fixture) {
		size := params[struct{ Size [2]int }](t, c).Size
		g := NewGraph()
		x := g.Input("x", c.Inputs["x"].Shape...)
		g.Output("y", g.Resize(x, size[0], size[1]))
		holdAgainst(t, e, g, c, "x", nil, 1e-6)
	})
}

func TestBatchNormAsPublished(t *testing.T) {
	eachFixture(t, "batchnorm", func(t *testing.T, e Executor, name string, c fixture) {
		p := params[struct {
			Weight, Bias []float32
			Mean         []float32 `json:"running_mean"`
			Var          []float32 `json:"running_var"`
			Eps          float64
		}](t, c)
		channels := Shape{len(p.Weight)}
		w := Weights{
			"bn.weight": {channels, p.Weight}, "bn.bias": {channels, p.Bias},
			"bn.running_mean": {channels, p.Mean}, "bn.running_var": {channels, p.Var},
		}
		in := []Tensor{c.Inputs["x"].tensor()}
		outGrad := []Tensor{c.OutGrad.tensor()}
		graph := func(frozen bool) *Graph {
			g := NewGraph()
			x := g.Input("x", c.Inputs["x"].Shape...)
			g.Output("y", g.BatchNorm("bn", x, BatchNorm{Frozen: frozen, Eps: p.Eps}))
			return g
		}
		if name == "live_train" {
			s := trainStep(t, graph(false), w, e, in, outGrad)
			near(t, "output", s.outputs[0], c.Output.tensor(), 1e-6)
			near(t, "input gradient", s.inputGrads[0], c.InputGrads["x"].tensor(), 1e-6)
			near(t, "gradient of weight", s.paramGrads["bn.weight"], c.InputGrads["weight"].tensor(), 1e-6)
			near(t, "gradient of bias", s.paramGrads["bn.bias"], c.InputGrads["bias"].tensor(), 1e-6)
			near(t, "running mean", s.weights["bn.running_mean"], c.RunningMeanAfter.tensor(), 1e-6)
			near(t, "running variance", s.weights["bn.running_var"], c.RunningVarAfter.tensor(), 1e-6)
			return
		}
		// In evaluation a live norm is a frozen one with eps.
		live := infer(t, graph(name == "frozen"), w, Options{Executor: e}, in)
		near(t, "output", live[0], c.Output.tensor(), 1e-6)
		s := trainStep(t, graph(true), w, e, in, outGrad)
		near(t, "output in training", s.outputs[0], c.Output.tensor(), 1e-6)
		near(t, "input gradient", s.inputGrads[0], c.InputGrads["x"].tensor(), 1e-6)
		near(t, "running variance", s.weights["bn.running_var"], w["bn.running_var"], 0)
	})
}

func TestSmallOperationsAsPublished(t *testing.T) {
	eachFixture(t, "misc", func(t *testing.T, e Executor, name string, c fixture) {
		row := func(f fixtureTensor) fixtureTensor { // a vector is a batch of one
			if len(f.Shape) == 1 {
				f.Shape = Shape{1, f.Shape[0]}
			}
			return f
		}
		c.Output, c.OutGrad = row(c.Output), row(c.OutGrad)
		for _, m := range []map[string]fixtureTensor{c.Inputs, c.InputGrads} {
			m["x"] = row(m["x"])
		}
		shape := c.Inputs["x"].Shape
		g := NewGraph()
		x := g.Input("x", shape...)
		names := map[string]string{}
		switch name {
		case "global_avgpool":
			g.Output("y", g.GlobalAverage(x))
		case "linear_nobias":
			g.Output("y", g.Linear("l", x, Linear{Out: c.Output.Shape[1]}))
			names["l.weight"] = "weight"
		case "softmax_dim1":
			g.Output("y", g.Softmax(x))
		case "sigmoid":
			g.Output("y", g.Sigmoid(x))
		default:
			t.Fatalf("no operation stands for %q", name)
		}
		holdAgainst(t, e, g, c, "x", names, 1e-6)
	})
}

func TestLossesAsPublished(t *testing.T) {
	cases := readFixture[fixture](t, "loss")
	compare := func(t *testing.T, c fixture, loss float64, grad Tensor, input string) {
		t.Helper()
		want := float64(c.Output.Data[0])
		if math.Abs(loss-want) > 1e-6*math.Abs(want) {
			t.Errorf("loss %.9g, want %.9g", loss, want)
		}
		for i := range grad.Data {
			grad.Data[i] *= c.OutGrad.Data[0]
		}
		grad.Shape = c.InputGrads[input].Shape
		near(t, "gradient", grad, c.InputGrads[input].tensor(), 1e-6)
	}
	target := func(t *testing.T, c fixture) []float32 {
		return params[struct{ Target []float32 }](t, c).Target
	}
	t.Run("five heads share the batch's target", func(t *testing.T) {
		c := cases["bce_dice_5heads"]
		in := c.Inputs["inputs"].tensor()
		grad := NewTensor(in.Shape...)
		loss, err := BCEDice(in, Tensor{Shape{2, 1, 4, 6}, target(t, c)}, grad, BCEDiceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c, loss, grad, "inputs")
	})
	t.Run("probabilities of 0 and 1 stay finite", func(t *testing.T) {
		c := cases["bce_extreme"]
		in := c.Inputs["inputs"].tensor()
		grad := NewTensor(in.Shape...)
		loss, err := BCEDice(in, Tensor{in.Shape, target(t, c)}, grad, BCEDiceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c, loss, grad, "inputs")
	})
	t.Run("an empty target has a Dice", func(t *testing.T) {
		c := cases["bce_dice_empty_target"]
		in := c.Inputs["inputs"].tensor()
		grad := NewTensor(in.Shape...)
		loss, err := BCEDice(in, NewTensor(in.Shape...), grad, BCEDiceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c, loss, grad, "inputs")
	})
	t.Run("cross entropy takes soft labels", func(t *testing.T) {
		c := cases["soft_cross_entropy"]
		in := c.Inputs["logits"].tensor()
		grad := NewTensor(in.Shape...)
		loss, err := CrossEntropy(in, Tensor{in.Shape, target(t, c)}, grad, CrossEntropyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c, loss, grad, "logits")
	})
}

func TestOptimisersAsPublished(t *testing.T) {
	type trace struct {
		Start []float32
		Steps []struct {
			Grad  []float32
			After []float32 `json:"param_after"`
		}
	}
	cases := readFixture[trace](t, "optimiser")
	for name, o := range map[string]struct {
		optimiser Optimiser
		lr        float64
	}{
		"adam_wd1e-4_lr1e-4":     {NewAdam(AdamOptions{WeightDecay: 1e-4}), 1e-4},
		"sgd_lr0.01_m0.9_wd1e-4": {NewSGD(SGDOptions{Momentum: 0.9, WeightDecay: 1e-4}), 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			c, ok := cases[name]
			if !ok {
				t.Fatal("the fixture is missing")
			}
			shape := Shape{len(c.Start)}
			p := &TrainedParameter{Name: "p", Shape: shape, Value: c.Start}
			for i, s := range c.Steps {
				p.Grad = s.Grad
				before := append([]float32(nil), p.Value...)
				o.optimiser.Step([]*TrainedParameter{p}, o.lr)
				near(t, "parameter", Tensor{shape, p.Value}, Tensor{shape, s.After}, 1e-6)
				for k := range before { // the move itself, not only where it ends
					move, want := p.Value[k]-before[k], s.After[k]-before[k]
					if math.Abs(float64(move-want)) > 5e-3*math.Abs(float64(want))+3e-7 {
						t.Errorf("step %d moves value %d by %g, want %g", i, k, move, want)
					}
				}
			}
		})
	}
}

func TestPublishedLearningRates(t *testing.T) {
	type table struct {
		LR         float64
		MaxEpochs  int `json:"max_epochs"`
		MaxBatches int `json:"max_batches"`
		Rows       []struct {
			Iter int
			LR   float64
		}
	}
	cases := readFixture[table](t, "learning_rate")
	for _, name := range []string{"poly", "poly_long_first_epoch"} {
		c := cases[name]
		rate := PublishedPoly(c.LR, c.MaxEpochs, c.MaxBatches)
		for _, row := range c.Rows {
			if got := rate(row.Iter); math.Abs(got-row.LR) > 1e-12*row.LR {
				t.Errorf("%s: rate %g at step %d, want %g", name, got, row.Iter, row.LR)
			}
		}
	}
}
