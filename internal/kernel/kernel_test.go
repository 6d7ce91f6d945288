package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// sizes end within lanes, at their end, and within a block.
var sizes = []int{0, 1, 15, 16, 17, 33, 511, 512, 513, 5000}

func random(seed uint64, n int, f func(r *rand.Rand) float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(f(r))
	}
	return x
}

func normal(r *rand.Rand) float64 { return r.NormFloat64() }

// wide has all sizes of numbers, and those that are none.
func wide(r *rand.Rand) float64 {
	switch r.IntN(40) {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1 - 2*r.IntN(2))
	case 2:
		return 0
	case 3:
		return 1e-40 * r.NormFloat64() // denormal
	}
	return r.NormFloat64() * math.Exp(20*r.NormFloat64())
}

func unit(r *rand.Rand) float64 {
	switch r.IntN(10) {
	case 0:
		return 0
	case 1:
		return 1
	}
	return r.Float64()
}

func copied(x []float32) []float32 { return append([]float32(nil), x...) }

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		g, w := math.Float32bits(got[i]), math.Float32bits(want[i])
		if g != w && !(got[i] != got[i] && want[i] != want[i]) {
			t.Fatalf("%s[%d] is %g, in plain Go %g", what, i, got[i], want[i])
		}
	}
}

func sameSum(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Float64bits(got) != math.Float64bits(want) && !(got != got && want != want) {
		t.Errorf("%s is %v, in plain Go %v", what, got, want)
	}
}

// TestLoopsGiveTheBitsOfPlainGo holds what this build computes with to the twins.
func TestLoopsGiveTheBitsOfPlainGo(t *testing.T) {
	for name, values := range map[string]func(*rand.Rand) float64{"usual values": normal, "all values": wide} {
		for _, n := range sizes {
			t.Run(fmt.Sprint(name, ", ", n), func(t *testing.T) {
				x, g := random(1, n, values), random(2, n, values)
				y := random(5, n, unit)
				sameSum(t, "sum of squares", SquareSum(x), squareSum(x))

				got, want := copied(x), copied(x)
				Scale(got, 0.3)
				scale(want, 0.3)
				same(t, "scaled value", got, want)

				got, want = copied(x), copied(x)
				MoveTowards(got, g, 0.07)
				moveTowards(want, g, 0.07)
				same(t, "average", got, want)

				adam := Adam{Size: 1e-3, Spread: 0.7, Eps: 1e-8, Beta1: 0.9, Beta2: 0.999, Shrink: 0.999, Added: 0.01}
				mean, square := random(3, n, normal), random(4, n, unit)
				got, gotMean, gotSquare := copied(x), copied(mean), copied(square)
				want, wantMean, wantSquare := copied(x), copied(mean), copied(square)
				adam.Move(got, g, gotMean, gotSquare)
				adamMove(want, g, wantMean, wantSquare, adam)
				same(t, "moved value", got, want)
				same(t, "mean", gotMean, wantMean)
				same(t, "mean square", gotSquare, wantSquare)

				slope := MaskSlope{Entropy: 0.01, Overlap: 0.003, Dice: 0.4}
				got, want = make([]float32, n), make([]float32, n)
				a, b := LogitSums(x, y, got), logitSums(x, y, want)
				sameSum(t, "cross entropy of logits", a.Entropy, b.Entropy)
				sameSum(t, "overlap of logits", a.Overlap, b.Overlap)
				sameSum(t, "areas of logits", a.Both, b.Both)
				same(t, "exponential", got, want)
				LogitSlopes(x, y, got, slope)
				logitSlopes(x, y, want, slope)
				same(t, "gradient by logits", got, want)

				p := random(6, n, unit)
				a, b = ProbabilitySums(p, y), probabilitySums(p, y)
				sameSum(t, "cross entropy of probabilities", a.Entropy, b.Entropy)
				sameSum(t, "overlap of probabilities", a.Overlap, b.Overlap)
				sameSum(t, "areas of probabilities", a.Both, b.Both)
				ProbabilitySlopes(p, y, got, slope)
				probabilitySlopes(p, y, want, slope)
				same(t, "gradient by probabilities", got, want)
			})
		}
	}
}

func TestASumOfSquaresIsOne(t *testing.T) {
	x := random(1, 70000, normal)
	want := 0.0
	for _, v := range x {
		want += float64(v) * float64(v)
	}
	if got := SquareSum(x); math.Abs(got-want) > 1e-12*want {
		t.Errorf("sum of squares is %v, want %v", got, want)
	}
}

func TestTheExponentialIsThatOfTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200000 {
		a := r.Float64() * 700
		if i%2 == 0 {
			a = r.Float64() * math.Exp(-20*r.Float64())
		}
		if got, want := expMinus(a), math.Exp(-a); math.Abs(got-want) > 4e-16*want {
			t.Fatalf("exp(-%v) is %v, want %v", a, got, want)
		}
	}
	if expMinus(0) != 1 {
		t.Errorf("exp(0) is %v", expMinus(0))
	}
}

func TestTheLogarithmIsThatOfTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for i := range 200000 {
		x := math.Exp(140 * (r.Float64() - 1))
		if i%2 == 0 {
			x = 1 + (r.Float64()-0.5)*math.Exp(-30*r.Float64())
		}
		// Near 1 a logarithm loses digits to the rounding of x alone, not of itself.
		if got, want := logOf(x), math.Log(x); math.Abs(got-want) > 8e-16*max(math.Abs(want), 1e-3) {
			t.Fatalf("log(%v) is %v, want %v", x, got, want)
		}
	}
	if logOf(1) != 0 {
		t.Errorf("log(1) is %v", logOf(1))
	}
}

func BenchmarkAdam(b *testing.B) {
	x, g := random(1, 1<<22, normal), random(2, 1<<22, normal)
	mean, square := make([]float32, len(x)), make([]float32, len(x))
	adam := Adam{Size: 1e-9, Spread: 0.7, Eps: 1e-8, Beta1: 0.9, Beta2: 0.999, Shrink: 1}
	for b.Loop() {
		adam.Move(x, g, mean, square)
	}
}

func BenchmarkLogits(b *testing.B) {
	x, y := random(1, 1<<20, normal), random(2, 1<<20, unit)
	grad := make([]float32, len(x))
	for b.Loop() {
		LogitSums(x, y, grad)
		LogitSlopes(x, y, grad, MaskSlope{1, 1, 1})
	}
}
