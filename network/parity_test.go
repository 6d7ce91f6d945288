package network

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

const reference = "../../shared/reference/"

// tolerance is the greatest deviation from the published code's tensors, by
// their largest magnitude. At 1e-4 a wrong eps in a batch norm goes unseen.
const tolerance = 2e-5

// summary is what a fixture keeps of a tensor.
type summary struct {
	Shape                       []int
	Min, Max, Mean, Std, Absmax float64
	Samples                     map[string]float64
}

type tapFixture struct {
	Meta map[string]string
	Taps map[string]summary
}

// readJSON reads a fixture. One that belongs to the reference folder may be
// missing: the test is then skipped.
func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if os.IsNotExist(err) && strings.HasPrefix(name, reference) {
		t.Skipf("%s is not here: the reference folder is not part of the repository", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// deviation is the largest difference of data from a summary, by the summary's
// largest magnitude, and where it is.
func (s summary) deviation(data []float32) (float64, string, error) {
	if n := nn.Shape(s.Shape).Elements(); n != len(data) {
		return 0, "", fmt.Errorf("%d values, want shape %v", len(data), s.Shape)
	}
	worst, where := 0.0, ""
	hold := func(what string, got, want float64) {
		if d := math.Abs(got-want) / s.Absmax; d > worst || math.IsNaN(d) {
			worst, where = d, fmt.Sprintf("%s is %.9g, want %.9g", what, got, want)
		}
	}
	low, high, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0
	for _, v := range data {
		v := float64(v)
		low, high, sum, squares = min(low, v), max(high, v), sum+v, squares+v*v
	}
	mean := sum / float64(len(data))
	hold("the minimum", low, s.Min)
	hold("the maximum", high, s.Max)
	hold("the mean", mean, s.Mean)
	for index, want := range s.Samples {
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= len(data) {
			return 0, "", fmt.Errorf("there is no value %s", index)
		}
		hold("value "+index, float64(data[i]), want)
	}
	return worst, where, nil
}

// ruleInput is the portable fixtures' input.
func ruleInput(name string, scale float64, shape ...int) nn.Tensor {
	t := nn.NewTensor(shape...)
	seed := seedOf(name)
	for i := range t.Data {
		t.Data[i] = float32(scale * uniform(seed, i))
	}
	return t
}

// hold reports a tensor that is too far from its summary.
func (s summary) hold(t *testing.T, name string, data []float32, tolerance float64) {
	t.Helper()
	if d, where, err := s.deviation(data); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if !(d <= tolerance) {
		t.Errorf("%s deviates by %.2g of its largest magnitude: %s", name, d, where)
	}
}

// hasOneDNN reports whether this build can run the large networks in seconds.
func hasOneDNN() bool {
	g := nn.NewGraph()
	g.Output("y", g.ReLU(g.Input("x", 1, 1, 1, 1)))
	p, err := nn.Compile(g, nil, nn.Options{Executor: nn.OneDNN})
	if err != nil {
		return false
	}
	p.Close()
	return true
}

// compareTaps runs a graph and holds every tap of the fixture against it, but
// those that a function says are looked at elsewhere.
func compareTaps(t *testing.T, g *nn.Graph, w nn.Weights, inputs []nn.Tensor, f tapFixture, elsewhere func(string) bool) {
	t.Helper()
	var names []string
	for name := range f.Taps {
		if !elsewhere(name) {
			names = append(names, name)
		}
	}
	program, err := nn.Compile(g, w, nn.Options{Precision: nn.Exact, Taps: names})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	outputs := program.NewOutputs()
	if err := program.Run(context.Background(), inputs, outputs); err != nil {
		t.Fatal(err)
	}
	taps := outputs[len(outputs)-len(names):]
	worst, worstName := 0.0, ""
	for i, name := range names {
		d, where, err := f.Taps[name].deviation(taps[i].Data)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !(d <= tolerance):
			t.Errorf("%s deviates by %.2g of its largest magnitude: %s", name, d, where)
		}
		if d > worst {
			worst, worstName = d, name
		}
	}
	t.Logf("%d taps, the worst is %s with %.2g", len(names), worstName, worst)
}

func isInput(name string) bool {
	return name == "input" || name == "input.vgg" || name == "input.res2net"
}

func isMapOrInput(name string) bool {
	return isInput(name) || len(name) > 4 && name[:4] == "cam."
}

// Every network is held against the published code with one set of weights:
// from made-up input, which needs nothing but this folder, and from real slices
// where the reference folder is there.
func TestTapsEqualThePublishedOnes(t *testing.T) {
	for _, name := range []string{"cls50", "cls101", "single", "joint"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() || name != "cls50" && !hasOneDNN() && !long {
				t.Skip("takes long without oneDNN: run with -tags long")
			}
			plan := published()[name]
			w, err := ruleWeights(plan)
			if err != nil {
				t.Fatal(err)
			}
			t.Run("made-up input", func(t *testing.T) { portableTaps(t, name, plan, w) })
			t.Run("real slice of 187x250", func(t *testing.T) { realTaps(t, name, "187x250", plan, w) })
			t.Run("real slice of 224x224", func(t *testing.T) { realTaps(t, name, "224x224", plan, w) })
			if name == "joint" {
				t.Run("features", func(t *testing.T) { featureTaps(t, plan, w) })
			}
			if plan.segments() {
				t.Run("at the source's size", func(t *testing.T) { sourceSize(t, name, plan, w) })
			}
		})
	}
}

func portableTaps(t *testing.T, name string, plan Plan, w nn.Weights) {
	var f tapFixture
	readJSON(t, "testdata/portable/"+name+"_187x250.json", &f)
	g, err := plan.Graph(1, 187, 250)
	if err != nil {
		t.Fatal(err)
	}
	input := ruleInput("input", 2, 1, 3, 187, 250)
	f.Taps["input"].hold(t, "input", input.Data, 1e-6)
	compareTaps(t, g, w, []nn.Tensor{input}, f, isMapOrInput)
}
