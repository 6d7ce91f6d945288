package network

import (
	"math"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// The tests' own weights must be the reference's before anything is compared.

func TestWeightRuleEqualsItsCheckValues(t *testing.T) {
	var checks map[string]struct {
		Kind        string
		Shape       []int
		First       []float64
		Last        float64
		Sum, Sumabs float64
	}
	readJSON(t, "testdata/weights.json", &checks)
	for name, c := range checks {
		isNorm := c.Kind == "bn_bias" || c.Kind == "bn_weight"
		w := ruleTensor(nn.Parameter{Name: name, Shape: c.Shape}, isNorm)
		for i, want := range c.First {
			if w.Data[i] != float32(want) {
				t.Errorf("%s: value %d is %.9g, want %.9g", name, i, w.Data[i], want)
			}
		}
		if last := w.Data[len(w.Data)-1]; last != float32(c.Last) {
			t.Errorf("%s: the last value is %.9g, want %.9g", name, last, c.Last)
		}
		sum, sumabs := sums(w)
		if !near(sum, c.Sum) || !near(sumabs, c.Sumabs) {
			t.Errorf("%s: sums %.9g and %.9g, want %.9g and %.9g", name, sum, sumabs, c.Sum, c.Sumabs)
		}
	}
}

func TestRuleWeightsEqualTheReferencesTotals(t *testing.T) {
	var models map[string]struct {
		Tensors, Floats, Parameters int
		ParameterTensors            int `json:"parameter_tensors"`
		Sum, Sumabs                 float64
	}
	readJSON(t, "testdata/models.json", &models)
	for name, want := range models {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("makes up to 118 million weights")
			}
			plan := published()[name]
			all, err := plan.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			w, err := ruleWeights(plan)
			if err != nil {
				t.Fatal(err)
			}
			var floats, trained, trainedTensors int
			var sum, sumabs float64
			for _, p := range all {
				if len(p.Shape) == 0 {
					continue
				}
				floats += p.Shape.Elements()
				if p.Trained {
					trained += p.Shape.Elements()
					trainedTensors++
				}
				s, a := sums(w[p.Name])
				sum, sumabs = sum+s, sumabs+a
			}
			if len(all) != want.Tensors || floats != want.Floats || trained != want.Parameters || trainedTensors != want.ParameterTensors {
				t.Errorf("%d tensors, %d floats, %d trained in %d, want %+v", len(all), floats, trained, trainedTensors, want)
			}
			if !near(sum, want.Sum) || !near(sumabs, want.Sumabs) {
				t.Errorf("sums %.9g and %.9g, want %.9g and %.9g", sum, sumabs, want.Sum, want.Sumabs)
			}
		})
	}
}

func sums(t nn.Tensor) (sum, magnitudes float64) {
	for _, v := range t.Data {
		sum += float64(v)
		magnitudes += math.Abs(float64(v))
	}
	return sum, magnitudes
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-8*max(1, math.Abs(want)) }
