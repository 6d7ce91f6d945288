package nn

import (
	"context"
	"strings"
	"testing"
)

func TestMistakesInAGraphAreNamed(t *testing.T) {
	image := func(g *Graph) *Value { return g.Input("x", 2, 6, 5, 7) }
	for name, c := range map[string]struct {
		build func(g *Graph)
		want  []string // what the sentence must hold
	}{
		"a convolution of a vector": {
			func(g *Graph) { g.Conv("stem", g.Input("x", 2, 6), Conv{Out: 4, Kernel: 3}) },
			[]string{"convolution", `"stem"`, "2x6", "[N C H W]"},
		},
		"a kernel larger than the plane": {
			func(g *Graph) { g.Conv("stem", image(g), Conv{Out: 4, Kernel: 3, Dilation: 4}) },
			[]string{"convolution", `"stem"`, "2x6x5x7", "spans 9"},
		},
		"groups that do not divide the channels": {
			func(g *Graph) { g.Conv("stem", image(g), Conv{Out: 4, Kernel: 1, Groups: 4}) },
			[]string{"convolution", `"stem"`, "4 groups", "6 channels in", "4 out"},
		},
		"a convolution without channels": {
			func(g *Graph) { g.Conv("stem", image(g), Conv{Kernel: 3}) },
			[]string{"convolution", `"stem"`, "one channel"},
		},
		"a convolution with negative padding": {
			func(g *Graph) { g.Conv("stem", image(g), Conv{Out: 1, Kernel: 3, Pad: Pad(-1)}) },
			[]string{"convolution", `"stem"`, "padding", "negative"},
		},
		"a parameter of two shapes": {
			func(g *Graph) { g.Conv("a", g.Conv("a", image(g), Conv{Out: 4, Kernel: 1}), Conv{Out: 4, Kernel: 1}) },
			[]string{`"a.weight"`, "4x6x1x1", "4x4x1x1"},
		},
		"a batch norm of a vector": {
			func(g *Graph) { g.BatchNorm("bn1", g.Input("x", 2, 6), BatchNorm{}) },
			[]string{"batch norm", `"bn1"`, "2x6"},
		},
		"a batch norm with a negative eps": {
			func(g *Graph) { g.BatchNorm("bn1", image(g), BatchNorm{Eps: -1}) },
			[]string{"batch norm", `"bn1"`, "eps -1"},
		},
		"a linear layer of a plane": {
			func(g *Graph) { g.Linear("fc", image(g), Linear{Out: 2}) },
			[]string{"linear", `"fc"`, "2x6x5x7"},
		},
		"an add of two shapes": {
			func(g *Graph) { g.Add(g.Input("a", 1, 3, 4, 4), g.Input("b", 1, 3, 4, 5)) },
			[]string{"add", "1x3x4x4", "1x3x4x5"},
		},
		"a concatenation of two planes": {
			func(g *Graph) { g.Concat(g.Input("a", 1, 3, 4, 4), g.Input("b", 1, 3, 4, 5)) },
			[]string{"concatenation", "1x3x4x4", "1x3x4x5"},
		},
		"a concatenation of nothing": {
			func(g *Graph) { g.Concat() },
			[]string{"concatenation", "no inputs"},
		},
		"a slice beyond the channels": {
			func(g *Graph) { g.Slice(image(g), 4, 7) },
			[]string{"slice", "4 to 7", "2x6x5x7"},
		},
		"a scaling by the wrong number of factors": {
			func(g *Graph) { g.ScaleChannels(image(g), g.Input("s", 2, 5)) },
			[]string{"channel scaling", "2x5", "2x6x5x7"},
		},
		"a resize to nothing": {
			func(g *Graph) { g.Resize(image(g), 0, 7) },
			[]string{"resize", "2x6x5x7", "0 x 7"},
		},
		"a pool larger than the plane": {
			func(g *Graph) { g.MaxPool(image(g), Pool{Kernel: 6}) },
			[]string{"max pool", "window of 6", "2x6x5x7"},
		},
		"a pool with more padding than window": {
			func(g *Graph) { g.AveragePool(image(g), Pool{Kernel: 3, Pad: 2}) },
			[]string{"average pool", "window of 3", "padding 2"},
		},
		"a pool with a negative stride": {
			func(g *Graph) { g.AveragePool(image(g), Pool{Kernel: 3, Stride: -1}) },
			[]string{"average pool", "stride -1"},
		},
		"an activation that there is not": {
			func(g *Graph) { g.Activate(Activation(9), image(g)) },
			[]string{"activation 9", "no such"},
		},
		"an input with an axis of nothing": {
			func(g *Graph) { g.Input("x", 1, 0, 5, 5) },
			[]string{`input "x"`, "1x0x5x5"},
		},
		"a value of another graph": {
			func(g *Graph) { g.ReLU(image(NewGraph())) },
			[]string{"not of this graph"},
		},
		"no value at all": {
			func(g *Graph) { g.Output("y", nil) },
			[]string{"not of this graph"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGraph()
			c.build(g)
			saysAll(t, g.Err(), c.want)
			_, compileErr := Compile(g, Weights{}, Options{Executor: Reference})
			saysAll(t, compileErr, c.want)
		})
	}
}

func saysAll(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range want {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not hold %q", err, s)
		}
	}
}

func TestTheFirstMistakeStays(t *testing.T) {
	g := NewGraph()
	x := g.Conv("first", g.Input("x", 2, 6), Conv{Out: 4, Kernel: 3})
	g.Output("y", g.Linear("second", g.MaxPool(x, Pool{Kernel: 9}), Linear{}))
	saysAll(t, g.Err(), []string{`"first"`})
}

func TestWeightsThatDoNotFitAreNamed(t *testing.T) {
	g := NewGraph()
	g.Output("y", g.Linear("fc", g.Input("x", 1, 3), Linear{Out: 2}))
	for name, c := range map[string]struct {
		weights Weights
		want    []string
	}{
		"missing":   {Weights{}, []string{`"fc.weight"`, "2x3", "missing"}},
		"misshapen": {Weights{"fc.weight": NewTensor(3, 2)}, []string{`"fc.weight"`, "3x2", "2x3"}},
		"too short": {Weights{"fc.weight": {Shape{2, 3}, make([]float32, 5)}}, []string{`"fc.weight"`, "2x3", "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(g, c.weights, Options{})
			saysAll(t, err, c.want)
			_, err = NewTrainer(g, c.weights, Options{})
			saysAll(t, err, c.want)
		})
	}
}

func TestTensorsThatDoNotFitARunAreNamed(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := NewGraph()
		g.Output("y", g.ReLU(g.Input("x", 1, 3, 4, 5)))
		p, err := Compile(g, nil, Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		ctx := context.Background()
		saysAll(t, p.Run(ctx, nil, p.NewOutputs()), []string{"0 inputs", "1"})
		saysAll(t, p.Run(ctx, []Tensor{NewTensor(1, 3, 5, 4)}, p.NewOutputs()), []string{"input 0", "1x3x5x4", "1x3x4x5"})
		saysAll(t, p.Run(ctx, []Tensor{NewTensor(1, 3, 4, 5)}, []Tensor{NewTensor(1)}), []string{"output 0", "1x3x4x5"})
		saysAll(t, p.Run(ctx, []Tensor{{Shape{1, 3, 4, 5}, nil}}, p.NewOutputs()), []string{"input 0", "60 values, not 0"})
	})
}

func TestTapsThatAreNotThereAreNamed(t *testing.T) {
	g := NewGraph()
	g.Output("y", g.ReLU(g.Input("x", 1, 3)))
	_, err := Compile(g, nil, Options{Taps: []string{"layer9"}})
	saysAll(t, err, []string{`"layer9"`})
}
