package nn

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGradientsAgainstFiniteDifferences holds the reference executor, whose
// values are float64, against central differences of itself, for inputs and
// parameters of every case.
func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	for _, c := range graphCases() {
		t.Run(c.name, func(t *testing.T) {
			g := c.graph(t)
			checkGradients(t, g, random(c.name+" differences"))
		})
	}
}

// checkGradients compares some entries of every gradient of sum(outputs * u),
// where u is random.
func checkGradients(t *testing.T, g *Graph, r *rand.Rand) {
	t.Helper()
	const h, tolerance, entries = 1e-6, 1e-6, 8
	wanted := valuesOf(g.Outputs())
	e, err := newEngine(g, wanted, true)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range randomWeights(r, g) {
		e.params[name] = widen(w)
		if g.byName[name].Trained {
			e.grads[name] = make([]float64, len(w.Data))
		}
	}
	inputs := widenInputs(g.Inputs(), randomInputs(r, g))
	wantInputs := map[*Value]bool{}
	for v := range inputs {
		wantInputs[v] = true
	}
	directions := map[*Value][]float64{}
	for _, v := range wanted {
		directions[v] = widen(randomTensor(r, v.Shape())).data
	}
	loss := func() float64 {
		if err := e.forward(context.Background(), inputs); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for v, u := range directions {
			sum += dot(e.values[v].data, u)
		}
		return sum
	}
	loss()
	inputGrads, err := e.backward(context.Background(), directions, wantInputs)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(what string, at, grad []float64) {
		t.Helper()
		largest := 1.0
		for _, d := range grad {
			largest = max(largest, math.Abs(d))
		}
		for range entries {
			i := r.IntN(len(at))
			was := at[i]
			at[i] = was + h
			up := loss()
			at[i] = was - h
			down := loss()
			at[i] = was
			if want := (up - down) / (2 * h); math.Abs(grad[i]-want) > tolerance*largest {
				t.Errorf("%s[%d]: gradient %.9g, differences say %.9g", what, i, grad[i], want)
			}
		}
	}
	for i, v := range g.Inputs() {
		compare(fmt.Sprintf("input %d", i), inputs[v].data, inputGrads[v])
	}
	for name, grad := range e.grads {
		compare(name, e.params[name].data, append([]float64(nil), grad...))
	}
}

// TestLossGradientsAgainstFiniteDifferences moves one float32 of the output.
func TestLossGradientsAgainstFiniteDifferences(t *testing.T) {
	soft := func(r *rand.Rand, shape Shape) Tensor {
		x := NewTensor(shape...)
		for i := range x.Data {
			x.Data[i] = r.Float32()
		}
		return x
	}
	masks := Shape{3, 2, 5, 4}
	for name, c := range map[string]struct {
		output func(r *rand.Rand) Tensor
		target func(r *rand.Rand) Tensor
		loss   func(output, target, grad Tensor) (float64, error)
	}{
		"cross entropy with smoothing and class weights": {
			func(r *rand.Rand) Tensor { return randomTensor(r, Shape{4, 3}) },
			func(r *rand.Rand) Tensor { return soft(r, Shape{4, 3}) },
			func(output, target, grad Tensor) (float64, error) {
				return CrossEntropy(output, target, grad, CrossEntropyOptions{Smoothing: 0.1, ClassWeights: []float64{1, 2, 0.5}})
			},
		},
		"published mask loss": {
			func(r *rand.Rand) Tensor {
				p := soft(r, masks)
				for i := range p.Data { // near 0 and 1 the logarithm bends too much for a difference
					p.Data[i] = 0.2 + 0.6*p.Data[i]
				}
				return p
			},
			func(r *rand.Rand) Tensor { return soft(r, masks) },
			func(output, target, grad Tensor) (float64, error) {
				return BCEDice(output, target, grad, BCEDiceOptions{})
			},
		},
		"mask loss of logits, Dice per item, weighted heads": {
			func(r *rand.Rand) Tensor { return randomTensor(r, masks) },
			func(r *rand.Rand) Tensor { return soft(r, Shape{3, 1, 5, 4}) },
			func(output, target, grad Tensor) (float64, error) {
				return BCEDiceLogits(output, target, grad, BCEDiceOptions{DicePerItem: true, HeadWeights: []float64{1, 0.3}})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := random(name)
			output, target := c.output(r), c.target(r)
			grad, scrap := NewTensor(output.Shape...), NewTensor(output.Shape...)
			loss := func(grad Tensor) float64 {
				l, err := c.loss(output, target, grad)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			loss(grad)
			for i, x := range output.Data {
				up, down := x+1e-3, x-1e-3
				output.Data[i] = up
				high := loss(scrap)
				output.Data[i] = down
				low := loss(scrap)
				output.Data[i] = x
				want := (high - low) / (float64(up) - float64(down))
				if math.Abs(float64(grad.Data[i])-want) > 1e-4*max(math.Abs(want), 0.1) {
					t.Errorf("gradient %g at %d, differences say %g", grad.Data[i], i, want)
				}
			}
		})
	}
}
