package nn

import "testing"

// One float32 sum over such a plane errs by 2e-5.
func TestTheMeanOfALargePlaneIsExact(t *testing.T) {
	g := NewGraph()
	g.Output("y", g.GlobalAverage(g.Input("x", 1, 3, 512, 512)))
	x := NewTensor(1, 3, 512, 512)
	r := random("large plane")
	for i := range x.Data {
		x.Data[i] = 1 + r.Float32()
	}
	want := infer(t, g, Weights{}, Options{Executor: Reference}, []Tensor{x})
	eachExecutor(t, func(t *testing.T, e Executor) {
		near(t, "mean", infer(t, g, Weights{}, Options{Executor: e}, []Tensor{x})[0], want[0], 1e-6)
	})
}
