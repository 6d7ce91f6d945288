package nn

import (
	"math"
	"slices"
	"testing"
)

// parameter has a gradient of 1 everywhere.
func parameter(name string, value float32, shape ...int) *TrainedParameter {
	p := &TrainedParameter{Name: name, Shape: shape, Value: NewTensor(shape...).Data, Grad: NewTensor(shape...).Data}
	for i := range p.Value {
		p.Value[i], p.Grad[i] = value, 1
	}
	return p
}

// optimisers are all of them, each new at every call.
func optimisers(rule Rule) map[string]Optimiser {
	return map[string]Optimiser{
		"Adam":  NewAdam(AdamOptions{WeightDecay: 0.1, Rule: rule}),
		"AdamW": NewAdamW(AdamOptions{WeightDecay: 0.1, Rule: rule}),
		"SGD":   NewSGD(SGDOptions{Momentum: 0.9, WeightDecay: 0.1, Rule: rule}),
	}
}

func TestAnOptimiserGoesOnWithTheSameBits(t *testing.T) {
	for name := range optimisers(nil) {
		t.Run(name, func(t *testing.T) {
			r := random(name)
			run := func(resumeAt int) []float32 {
				r := random(name + " gradients")
				p := parameter("w", 0.5, 40000) // large enough to be split
				o := optimisers(nil)[name]
				for i := range 6 {
					if i == resumeAt {
						state := o.State()
						o = optimisers(nil)[name]
						if err := o.Restore(state, []*TrainedParameter{p}); err != nil {
							t.Fatal(err)
						}
						for _, v := range state { // the state given is not the state kept
							clear(v)
						}
					}
					for k := range p.Grad {
						p.Grad[k] = float32(r.NormFloat64())
					}
					o.Step([]*TrainedParameter{p}, 0.01)
				}
				return p.Value
			}
			if !slices.Equal(run(-1), run(1+r.IntN(4))) {
				t.Error("a restored optimiser goes another way")
			}
		})
	}
}

func TestAnOptimiserRefusesAnotherNetworksState(t *testing.T) {
	for name, o := range optimisers(nil) {
		t.Run(name, func(t *testing.T) {
			o.Step([]*TrainedParameter{parameter("w", 1, 3)}, 0.1)
			fresh := optimisers(nil)[name]
			saysAll(t, fresh.Restore(o.State(), []*TrainedParameter{parameter("w", 1, 4)}), []string{`"w.`, "3 values, not 4"})
			saysAll(t, fresh.Restore(o.State(), []*TrainedParameter{parameter("v", 1, 3)}), []string{"no \"w."})
		})
	}
}

func TestARuleFreezesSlowsAndSpares(t *testing.T) {
	frozen := func(p *TrainedParameter) (rate, decay float64) {
		if p.Name == "stem.weight" {
			return 0, 1
		}
		return 1, 1
	}
	for name, o := range optimisers(Rules(NoDecayOfVectors, RateUnder("encoder.", 0.25), frozen)) {
		t.Run(name, func(t *testing.T) {
			stem := parameter("stem.weight", 10, 2, 2)
			slow, fast := parameter("encoder.weight", 10, 2, 2), parameter("head.weight", 10, 2, 2)
			bias := parameter("head.bias", 10, 2)
			unspared := parameter("head.weight", 10, 2)
			o.Step([]*TrainedParameter{stem, slow, fast, bias}, 0.1)
			optimisers(nil)[name].Step([]*TrainedParameter{unspared}, 0.1)
			if stem.Value[0] != 10 {
				t.Errorf("the frozen one moved to %g", stem.Value[0])
			}
			if ratio := (10 - slow.Value[0]) / (10 - fast.Value[0]); math.Abs(float64(ratio)-0.25) > 1e-4 {
				t.Errorf("the slow one moved %g times as far", ratio)
			}
			if unspared.Value[0] != fast.Value[0] {
				t.Errorf("without a rule a vector moves to %g, a matrix to %g", unspared.Value[0], fast.Value[0])
			}
			// Adam's first step has the size of the rate, decayed or not.
			if name != "Adam" && math.Abs(float64(bias.Value[0])-9.9) > 1e-4 {
				t.Errorf("the bias moved to %g, without decay 9.9", bias.Value[0])
			}
		})
	}
}

func TestAdamWDecaysBesideTheGradient(t *testing.T) {
	// With no gradient Adam's decay is a gradient of its own and moves by the
	// rate; AdamW's shrinks the value by rate*decay.
	adam, adamW := parameter("w", 2, 1), parameter("w", 2, 1)
	adam.Grad[0], adamW.Grad[0] = 0, 0
	NewAdam(AdamOptions{WeightDecay: 0.1}).Step([]*TrainedParameter{adam}, 0.01)
	NewAdamW(AdamOptions{WeightDecay: 0.1}).Step([]*TrainedParameter{adamW}, 0.01)
	if math.Abs(float64(adam.Value[0])-1.99) > 1e-6 || math.Abs(float64(adamW.Value[0])-1.998) > 1e-6 {
		t.Errorf("Adam %g, want 1.99; AdamW %g, want 1.998", adam.Value[0], adamW.Value[0])
	}
}

func TestClippingScalesAllGradientsAlike(t *testing.T) {
	a, b := parameter("a", 0, 2), parameter("b", 0, 1)
	copy(a.Grad, []float32{3, 0})
	b.Grad[0] = 4
	params := []*TrainedParameter{a, b}
	if norm := ClipGradients(params, 10); norm != 5 || a.Grad[0] != 3 {
		t.Errorf("norm %g, gradient %g; below the limit nothing should change", norm, a.Grad[0])
	}
	if norm := ClipGradients(params, 1); norm != 5 {
		t.Errorf("norm %g, want the one before clipping", norm)
	}
	if math.Abs(float64(a.Grad[0])-0.6) > 1e-6 || math.Abs(float64(b.Grad[0])-0.8) > 1e-6 {
		t.Errorf("gradients %g and %g, want 0.6 and 0.8", a.Grad[0], b.Grad[0])
	}
	b.Grad[0] = float32(math.NaN())
	if norm := ClipGradients(params, 0.1); !math.IsNaN(norm) || math.Abs(float64(a.Grad[0])-0.6) > 1e-6 {
		t.Errorf("norm %g; with NaN nothing should change", norm)
	}
}

func TestTheMovingAverageFollows(t *testing.T) {
	p := parameter("w", 1, 2)
	m := NewMovingAverage(0.5)
	w := Weights{"w": {Shape{2}, p.Value}, "running_mean": {Shape{1}, []float32{7}}}
	if got := m.Weights(w)["w"].Data[0]; got != 1 {
		t.Errorf("before any update %g, want the weights themselves", got)
	}
	m.Update([]*TrainedParameter{p})
	p.Value[0] = 2
	m.Update([]*TrainedParameter{p}) // keeps 2/11 at the second update
	averaged := m.Weights(w)
	if got, want := float64(averaged["w"].Data[0]), 1+9.0/11; math.Abs(got-want) > 1e-6 {
		t.Errorf("average %g, want %g", got, want)
	}
	if averaged["running_mean"].Data[0] != 7 || w["w"].Data[0] != 2 {
		t.Error("buffers should stay, and the weights given too")
	}
	for range 30 { // by now it keeps half
		m.Update([]*TrainedParameter{p})
	}
	p.Value[0] = 4
	m.Update([]*TrainedParameter{p})
	if got := float64(m.Weights(w)["w"].Data[0]); math.Abs(got-3) > 1e-4 {
		t.Errorf("average %g, want halfway from 2 to 4", got)
	}
}

func BenchmarkAdam(b *testing.B) {
	p := parameter("w", 1, 1000, 5000)
	o := NewAdamW(AdamOptions{WeightDecay: 0.1})
	for b.Loop() {
		o.Step([]*TrainedParameter{p}, 1e-4)
	}
}
