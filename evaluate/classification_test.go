package evaluate_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/evaluate"
)

var noBootstrap = evaluate.Bootstrap{Resamples: -1}

func near(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is absent, want %v", what, want)
	} else if math.Abs(*got-want) > 1e-12 {
		t.Errorf("%s is %.15g, want %.15g", what, *got, want)
	}
}

func classify(t *testing.T, p []float64, labels []int, groups []string, o evaluate.ClassificationOptions) *evaluate.ClassificationResult {
	t.Helper()
	r, err := evaluate.Classification(p, labels, groups, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClassificationEqualsMetricsDoneByHand(t *testing.T) {
	p := []float64{0.4, 0.9, 0.6, 0.8, 0.2, 0.8}
	labels := []int{1, 1, 0, 0, 0, 1}
	r := classify(t, p, labels, nil, evaluate.ClassificationOptions{
		Specificities: []float64{0.6, 0.95},
		Bootstrap:     noBootstrap,
	})
	// Positives 0.9, 0.8, 0.4 against negatives 0.8, 0.6, 0.2: 3 + 2.5 + 1 of 9
	// pairs are in order.
	near(t, "AUC", r.AUC, 6.5/9)
	near(t, "sensitivity", r.Sensitivity, 2.0/3)
	near(t, "specificity", r.Specificity, 1.0/3)
	near(t, "accuracy", r.Accuracy, 3.0/6)
	near(t, "Brier score", r.Brier, (0.01+0.04+0.64+0.36+0.36+0.04)/6)
	// Bins at 0.9, 0.8, 0.6, 0.4, 0.2 are off by 0.1, 0.6, 0.6, 0.6, 0.2.
	near(t, "ECE", r.ECE, 2.1/6)
	want := []evaluate.OperatingPoint{
		{Specificity: 0.6, Sensitivity: 2.0 / 3, Threshold: 0.6},
		{Specificity: 0.95, Sensitivity: 1.0 / 3, Threshold: 0.8},
	}
	if !reflect.DeepEqual(r.SensitivityAt, want) {
		t.Errorf("operating points %v, want %v", r.SensitivityAt, want)
	}
	curve := []evaluate.ROCPoint{{0, 0}, {0, 1.0 / 3}, {1.0 / 3, 2.0 / 3}, {2.0 / 3, 2.0 / 3}, {2.0 / 3, 1}, {1, 1}}
	if !reflect.DeepEqual(r.ROC, curve) {
		t.Errorf("ROC %v, want %v", r.ROC, curve)
	}
	bin := evaluate.ReliabilityBin{Low: 0.8, High: 0.9, N: 2, Probability: 0.8, Positive: 0.5}
	if r.N != 6 || r.Positives != 3 || len(r.Reliability) != 5 || r.Reliability[3] != bin {
		t.Errorf("n %d, positives %d, reliability %v", r.N, r.Positives, r.Reliability)
	}
}

func TestAThresholdItselfIsNegative(t *testing.T) {
	r := classify(t, []float64{0.5, 0.5}, []int{0, 1}, nil, evaluate.ClassificationOptions{Bootstrap: noBootstrap})
	near(t, "specificity", r.Specificity, 1)
	near(t, "sensitivity", r.Sensitivity, 0)
	near(t, "AUC of a tie", r.AUC, 0.5)
	lower := classify(t, []float64{0.5, 0.5}, []int{0, 1}, nil, evaluate.ClassificationOptions{Threshold: 0.4, Bootstrap: noBootstrap})
	near(t, "sensitivity", lower.Sensitivity, 1)
}

func TestAUCEqualsTheShareOfOrderedPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 2 + rng.IntN(40)
		p, labels := make([]float64, n), make([]int, n)
		for i := range p {
			p[i], labels[i] = float64(rng.IntN(12))/11, rng.IntN(2) // many ties
		}
		labels[0], labels[1] = 0, 1
		pairs, ordered := 0.0, 0.0
		for i := range p {
			for j := range p {
				if labels[i] == 1 && labels[j] == 0 {
					pairs++
					switch {
					case p[i] > p[j]:
						ordered++
					case p[i] == p[j]:
						ordered += 0.5
					}
				}
			}
		}
		r := classify(t, p, labels, nil, evaluate.ClassificationOptions{Bootstrap: noBootstrap})
		near(t, "AUC", r.AUC, ordered/pairs)
		area := 0.0 // under the curve that is drawn
		for i := 1; i < len(r.ROC); i++ {
			area += (r.ROC[i].FalsePositiveRate - r.ROC[i-1].FalsePositiveRate) * (r.ROC[i].TruePositiveRate + r.ROC[i-1].TruePositiveRate) / 2
		}
		near(t, "AUC under the curve", r.AUC, area)
	}
}

func TestOperatingPointsHoldOnTheCasesTheyWereReadFrom(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		p, labels := make([]float64, 60), make([]int, 60)
		for i := range p {
			labels[i] = i % 2
			p[i] = float64(rng.IntN(30)+10*labels[i]) / 40
		}
		for _, at := range classify(t, p, labels, nil, evaluate.ClassificationOptions{Bootstrap: noBootstrap}).SensitivityAt {
			r := classify(t, p, labels, nil, evaluate.ClassificationOptions{Threshold: max(at.Threshold, 1e-9), Bootstrap: noBootstrap})
			near(t, "sensitivity at the threshold", r.Sensitivity, at.Sensitivity)
			if *r.Specificity < at.Specificity-1e-12 {
				t.Errorf("specificity %v at the threshold for %v", *r.Specificity, at.Specificity)
			}
		}
	}
}

func TestMetricsWithoutCasesAreAbsentFromTheJSON(t *testing.T) {
	r := classify(t, []float64{0.2, 0.7}, []int{0, 0}, nil, evaluate.ClassificationOptions{})
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"auc"`, `"sensitivity"`, "null", "NaN", "sensitivity_at"} {
		if strings.Contains(string(data), key) {
			t.Errorf("%s is in %s", key, data)
		}
	}
	for _, key := range []string{`"schema":"jcs.evaluation.classification/1"`, `"n":2`, `"positives":0`, `"threshold":0.5`, `"specificity":0.5`, `"accuracy":0.5`, `"ece":`, `"intervals":{`} {
		if !strings.Contains(string(data), key) {
			t.Errorf("%s is not in %s", key, data)
		}
	}
}

func TestClassificationRefusesWhatIsNoProbabilityOrLabel(t *testing.T) {
	for name, c := range map[string]struct {
		p      []float64
		labels []int
		groups []string
		o      evaluate.ClassificationOptions
	}{
		"nothing":          {},
		"a label too few":  {p: []float64{0.1, 0.2}, labels: []int{1}},
		"a group too few":  {p: []float64{0.1, 0.2}, labels: []int{1, 0}, groups: []string{"a"}},
		"NaN":              {p: []float64{math.NaN()}, labels: []int{1}},
		"a logit":          {p: []float64{1.5}, labels: []int{1}},
		"an unknown label": {p: []float64{0.5}, labels: []int{-1}},
		"specificity 0":    {p: []float64{0.5}, labels: []int{1}, o: evaluate.ClassificationOptions{Specificities: []float64{0}}},
	} {
		if r, err := evaluate.Classification(c.p, c.labels, c.groups, c.o); err == nil {
			t.Errorf("%s gave %+v", name, r)
		}
	}
}
