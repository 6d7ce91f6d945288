package nn

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"
)

func TestBackwardNeedsAForwardOfItsOwn(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		r := random("no forward")
		tr, err := NewTrainer(g, randomWeights(r, g), Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		out := tr.NewOutputs()
		backward := func() error { return tr.Backward(context.Background(), out, nil) }
		if err := backward(); err == nil {
			t.Error("no error without any forward pass")
		}
		if err := tr.Forward(context.Background(), randomInputs(r, g), out); err != nil {
			t.Fatal(err)
		}
		if err := backward(); err != nil {
			t.Fatal(err)
		}
		if err := backward(); err == nil {
			t.Error("no error for a second backward pass")
		}
	})
}

func TestAParameterThatNoOutputNeedsGetsNoGradient(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := NewGraph()
		x := g.Input("x", 1, 3, 4, 4)
		g.Conv("unused", x, Conv{Out: 2, Kernel: 1})
		g.Output("y", g.Conv("used", x, Conv{Out: 2, Kernel: 1}))
		r := random("unused")
		s := trainStep(t, g, randomWeights(r, g), e, randomInputs(r, g), []Tensor{randomTensor(r, Shape{1, 2, 4, 4})})
		for _, d := range s.paramGrads["unused.weight"].Data {
			if d != 0 {
				t.Fatalf("gradient %g", d)
			}
		}
		if largest(s.paramGrads["used.weight"].Data) == 0 {
			t.Error("the used one has no gradient either")
		}
	})
}

func largest(x []float32) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}

func TestTrainerWeightsAreACopy(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		given := randomWeights(random("copy"), g)
		tr, err := NewTrainer(g, given, Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		p := tr.Parameters()[0]
		was := p.Value[0]
		given[p.Name].Data[0] = 99
		w := tr.Weights()
		if w[p.Name].Data[0] != was {
			t.Error("the trainer shares the weights that it was given")
		}
		w[p.Name].Data[0] = 99
		if p.Value[0] != was {
			t.Error("the trainer shares the weights that it gave")
		}
		p.Value[0] = 5
		if tr.Weights()[p.Name].Data[0] != 5 {
			t.Error("a step is not seen in the weights")
		}
		if want := slices.Sorted(maps.Keys(given)); !slices.Equal(slices.Sorted(maps.Keys(w)), want) {
			t.Errorf("weights hold %v, want %v", slices.Sorted(maps.Keys(w)), want)
		}
	})
}

// TestTrainingLearns fits a small network to a rule that needs both layers.
func TestTrainingLearns(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		first, last, _ := train(t, e, 60, nil)
		if last > first/5 {
			t.Errorf("the loss went from %g to %g only", first, last)
		}
	})
}

func TestAResumedTrainingGoesOnWithTheSameBits(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		_, _, whole := train(t, e, 12, nil)
		_, _, resumed := train(t, e, 12, func(step int) bool { return step == 5 })
		for name, w := range whole {
			if !slices.Equal(w.Data, resumed[name].Data) {
				t.Errorf("%s is not the same after a resume", name)
			}
		}
	})
}

// train runs some steps and returns the first and the last loss and, with
// "average." before them, the averaged weights beside the last ones. Where
// resume says so, everything is written out and set up anew before a step.
func train(t *testing.T, e Executor, steps int, resume func(step int) bool) (first, last float64, w Weights) {
	t.Helper()
	g := NewGraph()
	x := g.Input("x", 4, 3, 9, 8)
	y := g.ReLU(live(g, "bn", g.Conv("a", x, Conv{Out: 10, Kernel: 3}.Same())))
	g.Output("mask", g.Conv("b", y, Conv{Out: 1, Kernel: 3, Bias: true}.Same()))
	r := random("training")
	initial, in := randomWeights(r, g), randomInputs(r, g)
	target := NewTensor(4, 1, 9, 8)
	for n := range 4 {
		for i := range 72 {
			if in[0].Data[n*216+i]*in[0].Data[n*216+72+i] > 0 {
				target.Data[n*72+i] = 1
			}
		}
	}
	start := func(w Weights) *Trainer {
		tr, err := NewTrainer(g, w, Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	tr := start(initial)
	defer func() { tr.Close() }()
	options := AdamOptions{WeightDecay: 1e-3, Rule: NoDecayOfVectors}
	adam, average := NewAdamW(options), NewMovingAverage(0.9)
	rate := WarmUp(Cosine(0.03, 0.003, steps), 5, 0.1)
	out, grad := tr.NewOutputs(), tr.NewOutputs()
	for i := range steps {
		if resume != nil && resume(i) {
			w, state, averaged := tr.Weights(), adam.State(), average.State()
			tr.Close()
			tr, adam, average = start(w), NewAdamW(options), NewMovingAverage(0.9)
			if err := adam.Restore(state, tr.Parameters()); err != nil {
				t.Fatal(err)
			}
			if err := average.Restore(averaged, tr.Parameters()); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.Forward(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		loss, err := BCEDiceLogits(out[0], target, grad[0], BCEDiceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = loss
		}
		last = loss
		if err := tr.Backward(context.Background(), grad, nil); err != nil {
			t.Fatal(err)
		}
		ClipGradients(tr.Parameters(), 1)
		adam.Step(tr.Parameters(), rate(i))
		average.Update(tr.Parameters())
	}
	w = tr.Weights()
	for name, averaged := range average.Weights(w) {
		w["average."+name] = averaged
	}
	return first, last, w
}
