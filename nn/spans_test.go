package nn

import (
	"math"
	"runtime"
	"slices"
	"testing"
)

func TestSpansCoverEveryValueOnce(t *testing.T) {
	sizes := []int{0, 1, spanSize - 1, spanSize, spanSize + 1, 3*spanSize + 5}
	seen := make([][]int, len(sizes))
	for i, n := range sizes {
		seen[i] = make([]int, n)
	}
	spans := spansOf(len(sizes), func(i int) int { return sizes[i] })
	places := make([]int, len(spans))
	eachSpan(spans, func(i int, s span) {
		places[i]++
		for k := s.from; k < s.to; k++ {
			seen[s.item][k]++
		}
	})
	for i, times := range append(seen, places) {
		if slices.ContainsFunc(times, func(n int) bool { return n != 1 }) {
			t.Errorf("slice %d was not covered once", i)
		}
	}
}

// TestAStepIsTheSameOnOneProcessor: sums are cut by their length alone.
func TestAStepIsTheSameOnOneProcessor(t *testing.T) {
	type result struct {
		norm, loss     float64
		value, average []float32
		grad           []float32
	}
	step := func() result {
		r := random("processors")
		a, b := parameter("a", 0.5, 3*spanSize+7), parameter("b", 0.5, 100)
		params := []*TrainedParameter{a, b}
		optimiser, average := NewAdam(AdamOptions{}), NewMovingAverage(0.5)
		var norm float64
		for range 3 {
			for i := range a.Grad {
				a.Grad[i] = float32(r.NormFloat64())
			}
			norm = ClipGradients(params, 1)
			optimiser.Step(params, 0.01)
			average.Update(params)
		}
		shape := Shape{2, 1, 300, 200}
		logits, target, grad := randomTensor(r, shape), targets(r, shape), NewTensor(shape...)
		loss, err := BCEDiceLogits(logits, target, grad, BCEDiceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return result{norm, loss, a.Value, average.State()["a"], grad.Data}
	}
	several := step()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := step()
	if math.Float64bits(one.norm) != math.Float64bits(several.norm) || math.Float64bits(one.loss) != math.Float64bits(several.loss) {
		t.Errorf("norm %v and loss %v on one processor, %v and %v on several", one.norm, one.loss, several.norm, several.loss)
	}
	if !slices.Equal(one.value, several.value) || !slices.Equal(one.average, several.average) || !slices.Equal(one.grad, several.grad) {
		t.Error("one processor gives other bits than several")
	}
}
