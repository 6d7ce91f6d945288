package nn

import (
	"slices"
	"testing"
)

// TestAnActivationInANormStopsGradients on both sides: most values lie below 0
// or above 6.
func TestAnActivationInANormStopsGradients(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		for _, frozen := range []bool{false, true} {
			for _, a := range []Activation{ReLU, ReLU6} {
				c := one(a.kind()+" in a norm", Shape{2, 20, 9, 8}, func(g *Graph, x *Value) *Value {
					return g.Activate(a, g.BatchNorm("bn", x, BatchNorm{Frozen: frozen, Eps: 1e-3}))
				})
				g := c.graph(t)
				w, in, outGrads := c.values(t, g)
				for i := range w["bn.weight"].Data {
					w["bn.weight"].Data[i], w["bn.bias"].Data[i] = 8, 3
				}
				want := trainStep(t, g, w, Reference, in, outGrads)
				below, above := 0, 0
				for _, y := range want.outputs[0].Data {
					if y == 0 {
						below++
					}
					if y >= 6 {
						above++
					}
				}
				if n := len(want.outputs[0].Data); below < n/5 || above < n/5 {
					t.Fatalf("%d of %d values below 0 and %d above 6 prove little", below, n, above)
				}
				compareSteps(t, trainStep(t, g, w, e, in, outGrads), want, 1)
			}
		}
	})
}

// TestAStepWithoutConvolutionsIsTheSameOnAnyThreads: the loops that are not
// oneDNN's cut their sums by the tensors alone.
func TestAStepWithoutConvolutionsIsTheSameOnAnyThreads(t *testing.T) {
	if !haveOneDNN {
		t.Skip("plain Go has no threads to set")
	}
	g := NewGraph()
	x, s := g.Input("x", 2, 20, 50, 40), g.Input("s", 2, 20)
	y := g.Activate(ReLU6, live(g, "bn", x))
	y = g.Add(g.ScaleChannels(y, s), y)
	g.Output("y", g.Resize(g.ReLU(live(g, "again", y)), 70, 90))
	g.Output("mean", g.GlobalAverage(y))
	r := random("threads")
	w, in := randomWeights(r, g), randomInputs(r, g)
	var outGrads []Tensor
	for _, o := range g.Outputs() {
		outGrads = append(outGrads, randomTensor(r, o.Value.Shape()))
	}
	want := trainStepWith(t, g, w, Options{Threads: 1}, in, outGrads)
	for _, threads := range []int{2, 3} {
		got := trainStepWith(t, g, w, Options{Threads: threads}, in, outGrads)
		for name, grad := range want.paramGrads {
			if !slices.Equal(got.paramGrads[name].Data, grad.Data) {
				t.Errorf("the gradient of %s has other bits on %d threads", name, threads)
			}
		}
		for i := range in {
			if !slices.Equal(got.inputGrads[i].Data, want.inputGrads[i].Data) {
				t.Errorf("the gradient of input %d has other bits on %d threads", i, threads)
			}
		}
	}
}
