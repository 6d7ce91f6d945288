package nn

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// One suite holds every executor: the published fixtures (fixtures_test.go),
// graphs against the reference in float64 (graphs_test.go), and behaviour from
// several goroutines (concurrency_test.go). The reference itself is held by
// finite differences (gradient_test.go).

// executors are those that this build has.
func executors() []Executor {
	if haveOneDNN {
		return []Executor{Reference, OneDNN}
	}
	return []Executor{Reference}
}

// eachExecutor runs a test once for every executor.
func eachExecutor(t *testing.T, f func(t *testing.T, e Executor)) {
	for _, e := range executors() {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

// random returns a generator that depends on the name alone.
func random(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// randomTensor holds normal values.
func randomTensor(r *rand.Rand, shape Shape) Tensor {
	t := NewTensor(shape...)
	for i := range t.Data {
		t.Data[i] = float32(r.NormFloat64())
	}
	return t
}

// randomWeights fits the graph: weights that keep the size of values, norms
// near 1, variances above 0.
func randomWeights(r *rand.Rand, g *Graph) Weights {
	w := Weights{}
	for _, p := range g.Parameters() {
		t := NewTensor(p.Shape...)
		scale, centre := 0.2, 0.0
		if len(p.Shape) > 1 {
			scale = math.Sqrt(2 / float64(p.Shape[1:].Elements()))
		} else if hasSuffix(p.Name, ".weight") || hasSuffix(p.Name, ".running_var") {
			centre = 1
		}
		for i := range t.Data {
			t.Data[i] = float32(centre + scale*math.Tanh(r.NormFloat64()))
		}
		w[p.Name] = t
	}
	return w
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

func randomInputs(r *rand.Rand, g *Graph) []Tensor {
	var in []Tensor
	for _, v := range g.Inputs() {
		in = append(in, randomTensor(r, v.Shape()))
	}
	return in
}

// infer compiles and runs once.
func infer(t *testing.T, g *Graph, w Weights, o Options, in []Tensor) []Tensor {
	t.Helper()
	p, err := Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := p.NewOutputs()
	if err := p.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// step is what one forward and one backward pass give.
type step struct {
	outputs, inputGrads []Tensor
	paramGrads          map[string]Tensor
	weights             Weights // after the forward pass
}

func trainStep(t *testing.T, g *Graph, w Weights, e Executor, in, outGrads []Tensor) step {
	t.Helper()
	return trainStepWith(t, g, w, Options{Executor: e}, in, outGrads)
}

func trainStepWith(t *testing.T, g *Graph, w Weights, o Options, in, outGrads []Tensor) step {
	t.Helper()
	tr, err := NewTrainer(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	s := step{outputs: tr.NewOutputs(), paramGrads: map[string]Tensor{}}
	if err := tr.Forward(context.Background(), in, s.outputs); err != nil {
		t.Fatal(err)
	}
	for _, x := range in {
		s.inputGrads = append(s.inputGrads, NewTensor(x.Shape...))
	}
	if err := tr.Backward(context.Background(), outGrads, s.inputGrads); err != nil {
		t.Fatal(err)
	}
	for _, p := range tr.Parameters() {
		s.paramGrads[p.Name] = Tensor{p.Shape, append([]float32(nil), p.Grad...)}
	}
	s.weights = tr.Weights()
	return s
}

// distance is the largest difference, as a share of want's largest magnitude.
func distance(got, want []float32) float64 {
	worst, largest := 0.0, 0.0
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = max(worst, d)
		largest = max(largest, math.Abs(float64(want[i])))
	}
	if worst == 0 {
		return 0
	}
	return worst / largest
}

// near fails unless got is want within tolerance of want's largest magnitude.
func near(t *testing.T, what string, got, want Tensor, tolerance float64) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Errorf("%s is %v, want %v", what, got.Shape, want.Shape)
		return
	}
	if d := distance(got.Data, want.Data); d > tolerance {
		t.Errorf("%s differs by %.3g of the largest magnitude, at most %.3g allowed", what, d, tolerance)
	}
}
