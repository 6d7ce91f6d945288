package nn

import "testing"

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
