package evaluate

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestALogisticCurveIsFoundAgain(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	want := Logistic{Slope: 0.5, Intercept: 0.8}
	var ps []float64
	var ys []int
	for range 40000 {
		p := rng.Float64()
		y := 0
		if rng.Float64() < want.At(p) {
			y = 1
		}
		ps, ys = append(ps, p), append(ys, y)
	}
	got, err := FitLogistic(ps, ys)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Slope-want.Slope) > 0.03 || math.Abs(got.Intercept-want.Intercept) > 0.05 {
		t.Errorf("%+v, want %+v", got, want)
	}
	said := make([]float64, len(ps))
	for i, p := range ps {
		said[i] = got.At(p)
	}
	before, after := ReliabilityOf(ps, ys, 10), ReliabilityOf(said, ys, 10)
	if after.ECE > 0.02 || before.ECE < 0.1 || after.Brier >= before.Brier || after.LogLoss >= before.LogLoss {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestSeparableLabelsGiveAFiniteCurve(t *testing.T) {
	l, err := FitLogistic([]float64{0, 0.1, 0.2, 0.8, 1, 1}, []int{0, 0, 0, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	if !(l.At(0) > 0 && l.At(0) < 0.3 && l.At(1) > 0.7 && l.At(1) < 1) {
		t.Errorf("%+v: %g at 0, %g at 1", l, l.At(0), l.At(1))
	}
	if _, err := FitLogistic([]float64{0.1, 0.9}, []int{1, 1}); err == nil {
		t.Error("fitted to one label")
	}
}

func TestReliabilityOfWhatIsKnown(t *testing.T) {
	r := ReliabilityOf([]float64{0.25, 0.25, 0.75, 1}, []int{0, 1, 1, 1}, 2)
	if r.N != 4 || r.Positives != 3 || len(r.Bins) != 2 {
		t.Fatalf("%+v", r)
	}
	if math.Abs(r.Brier-(0.0625+0.5625+0.0625)/4) > 1e-12 || math.Abs(r.ECE-(2*0.25+2*0.125)/4) > 1e-12 {
		t.Errorf("%+v", r)
	}
	if b := r.Bins[1]; b.N != 2 || b.Said != 0.875 || b.Happened != 1 {
		t.Errorf("%+v", b)
	}
}
