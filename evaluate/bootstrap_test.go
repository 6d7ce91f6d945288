package evaluate_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/jcs-ct/jcs/evaluate"
)

// coin makes n cases of which every other one is called right.
func coin(n int) (p []float64, labels []int) {
	for i := range n {
		p = append(p, float64(i%2))
		labels = append(labels, i/2%2)
	}
	return p, labels
}

func TestIntervalOfAShareIsTheBinomialOne(t *testing.T) {
	p, labels := coin(400)
	r := classify(t, p, labels, nil, evaluate.ClassificationOptions{Bootstrap: evaluate.Bootstrap{Seed: 1}})
	interval := r.Intervals["accuracy"]
	half := 1.96 * math.Sqrt(0.25/400)
	for i, want := range []float64{0.5 - half, 0.5 + half} {
		if math.Abs(interval[i]-want) > 0.1*half {
			t.Errorf("end %d of %v, want about %v", i, interval, want)
		}
	}
	if r.Bootstrap.Groups != 400 || r.Bootstrap.Resamples != 2000 {
		t.Errorf("recorded as %+v", r.Bootstrap)
	}
}

// Sixteen slices of a patient that are all alike tell no more than one.
func TestGroupsAreDrawnWhole(t *testing.T) {
	p, labels := coin(25)
	alone := classify(t, p, labels, nil, evaluate.ClassificationOptions{Bootstrap: evaluate.Bootstrap{Seed: 7}})
	var manyP []float64
	var manyLabels []int
	var groups []string
	for i := range p {
		for range 16 {
			manyP, manyLabels = append(manyP, p[i]), append(manyLabels, labels[i])
			groups = append(groups, fmt.Sprint("patient ", i))
		}
	}
	grouped := classify(t, manyP, manyLabels, groups, evaluate.ClassificationOptions{Bootstrap: evaluate.Bootstrap{Seed: 7}})
	for metric, want := range alone.Intervals {
		got := grouped.Intervals[metric]
		if math.Abs(got[0]-want[0]) > 1e-9 || math.Abs(got[1]-want[1]) > 1e-9 {
			t.Errorf("%s: %v by patient, %v with one slice each", metric, got, want)
		}
	}
}

func TestIntervalsDependOnTheSeedAlone(t *testing.T) {
	p, labels := coin(60)
	by := func(seed uint64) map[string]evaluate.Interval {
		return classify(t, p, labels, nil, evaluate.ClassificationOptions{Bootstrap: evaluate.Bootstrap{Resamples: 200, Seed: seed}}).Intervals
	}
	if !reflect.DeepEqual(by(1), by(1)) {
		t.Error("the same seed gave two results")
	}
	if reflect.DeepEqual(by(1), by(2)) {
		t.Error("two seeds gave the same result")
	}
}

func TestOneGroupHasNoInterval(t *testing.T) {
	p, labels := coin(4)
	r := classify(t, p, labels, []string{"a", "a", "a", "a"}, evaluate.ClassificationOptions{})
	if r.Intervals != nil || r.Bootstrap != nil {
		t.Errorf("intervals %v by %+v", r.Intervals, r.Bootstrap)
	}
}
