//go:build cgo

package nn

import (
	"context"
	"slices"
	"testing"
	"time"
)

// profiled is a network of every kind of convolution whose work takes longer
// than what lies between its steps.
func profiled() graphCase {
	return one("profiled", Shape{1, 16, 40, 40}, func(g *Graph, x *Value) *Value {
		y := g.ReLU(g.BatchNorm("bn", g.Conv("a", x, Conv{Out: 32, Kernel: 3}.Same()), BatchNorm{Frozen: true}))
		z := g.Conv("groups", y, Conv{Out: 32, Kernel: 3, Groups: 4, Pad: Pad(1)})
		y = g.ReLU(g.Add(g.Conv("b", y, Conv{Out: 32, Kernel: 3, Dilation: 2, Bias: true}.Same()), z))
		g.Conv("unread", y, Conv{Out: 32, Kernel: 1})
		y = g.Conv("down", g.Concat(y, z), Conv{Out: 24, Kernel: 3, Stride: 2, Pad: Pad(1)})
		return g.Linear("l", g.GlobalAverage(y), Linear{Out: 2})
	})
}

// holdProfile compares a profile with the time that the run took in all and
// with the operations that the graph has.
func holdProfile(t *testing.T, layers []LayerTime, whole time.Duration, operations int64) {
	t.Helper()
	var sum time.Duration
	var done int64
	for _, l := range layers {
		sum += l.Time
		done += l.Operations
		if (l.Arithmetic != "") != (l.Kind == "convolution") {
			t.Errorf("%s %q is computed in %q", l.Kind, l.Layer, l.Arithmetic)
		}
	}
	if done != operations {
		t.Errorf("the layers have %d operations, the graph %d", done, operations)
	}
	if sum > whole || sum < whole/2 {
		t.Errorf("the layers take %v of %v", sum, whole)
	}
}

// quietest is the profile of the run whose steps take the largest share of it:
// on a busy machine another program comes between some, and none is that long.
func quietest(t *testing.T, run func() ([]LayerTime, error)) (best []LayerTime, whole time.Duration) {
	t.Helper()
	most := -1.0
	for n := 0; n < 200 && most < 0.5; n++ {
		begin := time.Now()
		layers, err := run()
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		var sum time.Duration
		for _, l := range layers {
			sum += l.Time
		}
		if share := sum.Seconds() / took.Seconds(); share > most {
			best, whole, most = layers, took, share
		}
	}
	return best, whole
}

func TestAProfileIsThatOfARun(t *testing.T) {
	g := profiled().graph(t)
	w, in, _ := profiled().values(t, g)
	limits, err := MeasureLimits(context.Background(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Precision{Exact, Auto, BFloat16} {
		program, err := Compile(g, w, Options{Precision: p, Threads: 1, Narrowest: true})
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		out := program.NewOutputs()
		layers, whole := quietest(t, func() ([]LayerTime, error) { return program.Profile(context.Background(), in, out) })
		holdProfile(t, layers, whole, g.Operations())
		half := slices.ContainsFunc(layers, func(l LayerTime) bool { return l.Arithmetic == "bf16" })
		if half != (p == BFloat16) && (p != BFloat16 || limits.BFloat16 > 0) {
			t.Errorf("%s: that some layer is in bf16 is %t", p, half)
		}
		f := program.Memory()
		if f.Arena <= 0 || f.Activations <= f.Arena || f.Weights < 2*32*32*9 {
			t.Errorf("%s: the memory is %+v", p, f)
		}
	}
}

func TestAProfileOfATrainerIsThatOfAStep(t *testing.T) {
	g := profiled().graph(t)
	w, in, outGrads := profiled().values(t, g)
	trainer, err := NewTrainer(g, w, Options{Precision: Auto, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	out := trainer.NewOutputs()
	layers, whole := quietest(t, func() ([]LayerTime, error) {
		return trainer.Profile(func() error {
			if err := trainer.Forward(context.Background(), in, out); err != nil {
				return err
			}
			return trainer.Backward(context.Background(), outGrads, nil)
		})
	})
	holdProfile(t, layers, whole, g.TrainingOperations())
	var forward int64
	for _, l := range layers {
		if !l.Backward {
			forward += l.Operations
		}
	}
	if forward != g.Operations() {
		t.Errorf("the forward pass has %d operations, want %d", forward, g.Operations())
	}
	if f := trainer.Memory(); f.Arena <= 0 || f.Weights < 2*4*32*32*9 {
		t.Errorf("the memory is %+v", f)
	}
}
