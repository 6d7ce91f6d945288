package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestARangeSpansWhatLosesLeast(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := func(n int, f func() float64) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(f())
		}
		return out
	}
	for _, c := range []struct {
		name      string
		values    []float32
		low, high float64 // of the limit
		signed    bool
	}{
		{"even values are not cut", values(10000, r.Float64), 0.97, 1.001, false},
		{"values of both signs", values(10000, func() float64 { return 2*r.Float64() - 1 }), 0.97, 1.001, true},
		{"one value far out is cut", append(values(1000000, r.Float64), 30), 1, 22, false},
		{"a long tail is cut", values(1000000, r.ExpFloat64), 4, 12, false},
		{"a single value", []float32{0, 3}, 2.9, 3.1, false},
		{"nothing but zeros", make([]float32, 10), 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h histogram
			h.add(c.values[:len(c.values)/2])
			h.add(c.values[len(c.values)/2:])
			got := h.span()
			if got.Signed != c.signed || float64(got.Limit) < c.low || float64(got.Limit) > c.high {
				t.Errorf("spans %+v, want %g to %g", got, c.low, c.high)
			}
			if got.usable() != (c.high > 0) {
				t.Error("usable is wrong")
			}
		})
	}
}

func TestTheSpanIsTheBestOfTheLimitsTried(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	values := make([]float32, 20000)
	for i := range values {
		values[i] = float32(math.Abs(r.NormFloat64()) * math.Exp(r.NormFloat64()))
	}
	var h histogram
	h.add(values)
	lost := func(limit float32) float64 {
		step, sum := float64(Range{Limit: limit}.step()), 0.0
		for _, v := range values {
			q := math.Min(math.RoundToEven(float64(v)/step), 255) * step
			sum += (float64(v) - q) * (float64(v) - q)
		}
		return sum
	}
	best := lost(h.span().Limit)
	for share := 0.2; share < 1; share += 0.05 {
		if other := lost(h.high * float32(share)); other < 0.97*best {
			t.Errorf("a limit of %g loses %g, the one chosen (%g) %g", h.high*float32(share), other, h.span().Limit, best)
		}
	}
}
