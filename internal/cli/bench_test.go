package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/nn"
)

func TestPercentilesByHand(t *testing.T) {
	four := []time.Duration{10, 20, 30, 50}
	for _, c := range []struct {
		sorted []time.Duration
		share  float64
		want   time.Duration
	}{
		{four, 0, 10}, {four, 0.1, 13}, {four, 0.5, 25}, {four, 0.9, 44}, {four, 1, 50},
		{[]time.Duration{7}, 0.1, 7}, {[]time.Duration{7}, 0.9, 7},
		{[]time.Duration{1, 2, 300}, 0.5, 2},
	} {
		if got := percentile(c.sorted, c.share); got != c.want {
			t.Errorf("%g of %v is %v, want %v", c.share, c.sorted, got, c.want)
		}
	}
}

func TestTimesAreOfASlice(t *testing.T) {
	f := benchFigures{Batch: 4, Operations: 6e9}
	f.setTimes([]time.Duration{50 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond})
	want := benchFigures{Batch: 4, Operations: 6e9, Runs: 4, MedianRunMS: 25, MedianMS: 6.25, Tenth: 3.25, Ninetieth: 11, FastestMS: 2.5, GFLOPS: 240}
	if f.Runs != want.Runs || f.MedianRunMS != want.MedianRunMS || f.MedianMS != want.MedianMS || f.Tenth != want.Tenth ||
		f.Ninetieth != want.Ninetieth || f.FastestMS != want.FastestMS || f.GFLOPS != want.GFLOPS {
		t.Errorf("got %+v, want %+v", f, want)
	}
	if !strings.Contains(f.unsteady(), "124 %") {
		t.Errorf("of a large spread it says %q", f.unsteady())
	}
	f.setTimes([]time.Duration{20, 21, 22, 23})
	if w := f.unsteady(); w != "" {
		t.Errorf("of a small spread it says %q", w)
	}
}

func TestRunsAreHeldAgainstTheLimitOfTheirArithmetic(t *testing.T) {
	d := benchResult{Limits: benchLimits{Float32: 100, Winograd: 300, Int8: 400}, Runs: []benchRun{
		{Precision: "exact", benchFigures: benchFigures{GFLOPS: 50}},
		{Precision: "f32", benchFigures: benchFigures{GFLOPS: 150}},
		{Precision: "bf16", benchFigures: benchFigures{GFLOPS: 150}},
		{Precision: "auto", benchFigures: benchFigures{GFLOPS: 100, Chosen: "int8"}},
		{Precision: "auto", benchFigures: benchFigures{GFLOPS: 100, Chosen: "f32"}},
		{Precision: "int8", Unavailable: "no"},
	}}
	d.compare()
	for i, want := range []float64{0.5, 1.5, 0, 0.25, 1, 0} {
		if got := d.Runs[i].ShareOfLimit; got != want {
			t.Errorf("run %d has %g of the limit, want %g", i, got, want)
		}
	}
	if len(d.Warnings) != 0 {
		t.Errorf("it warns of %q", d.Warnings)
	}
}

func TestAProfileSumsItsLayers(t *testing.T) {
	step := func(kind, kernel string, backward bool, operations int64, ms time.Duration) nn.LayerTime {
		return nn.LayerTime{Layer: "l", Kind: kind, Implementation: kernel, Backward: backward, Operations: operations, Time: ms * time.Millisecond}
	}
	runs := [][]nn.LayerTime{
		{step("convolution", "a", false, 4e6, 1), step("reorder", "", false, 0, 2), step("convolution", "b", false, 8e6, 3), step("convolution", "a", true, 8e6, 4)},
		{step("convolution", "a", false, 4e6, 9), step("reorder", "", false, 0, 9), step("convolution", "b", false, 8e6, 3), step("convolution", "a", true, 8e6, 4)},
		{step("convolution", "a", false, 4e6, 2), step("reorder", "", false, 0, 1), step("convolution", "b", false, 8e6, 3), step("convolution", "a", true, 8e6, 4)},
	}
	p := newProfile(runs, map[string][]time.Duration{"loss": {9 * time.Millisecond}, "forward": {time.Hour}})
	sum := 0.0
	for _, l := range p.Layers {
		sum += l.Share
	}
	if len(p.Layers) != 5 || p.Layers[0].MS != 2 || p.Layers[0].GFLOPS != 2 || math.Abs(sum-1) > 1e-9 {
		t.Errorf("the layers are %+v", p.Layers)
	}
	if k := p.Kinds; len(k) != 4 || k[0].Kind != "loss" || k[1].Kind != "convolution" || k[1].MS != 5 || k[1].Steps != 2 || k[1].Operations != 12e6 || !k[2].Backward {
		t.Errorf("the kinds are %+v", k)
	}
	if k := p.Kernels; len(k) != 3 || k[0].Kernel != "a" || !k[0].Backward || k[1].Kernel != "b" {
		t.Errorf("the kernels are %+v", k)
	}
}

// The layers of a network do its operations. That they take its time is held in
// nn, within one run: here another program may come between the runs.
func TestAProfileIsThatOfItsNetwork(t *testing.T) {
	if !strings.HasPrefix(first(engineVersion()), "oneDNN") {
		t.Skip("the plain executor has no profile")
	}
	for _, what := range []string{benchInference, benchTraining} {
		task := benchTask{Network: "compact-joint", What: what, Precision: "exact", Size: 96, Threads: 1, For: time.Millisecond, Profile: true}
		r, err := task.measure(context.Background(), &terminal{})
		if err != nil {
			t.Fatal(err)
		}
		var operations int64
		for _, l := range r.Profile.Layers {
			operations += l.Operations
		}
		if operations != r.Operations {
			t.Errorf("%s: the layers have %d operations, the network %d", what, operations, r.Operations)
		}
	}
}

// The passes are described once, in nn; the help and the page are made of that.
func TestThePassesOfTheHelpThePageAndTheSchemaAreTheEngines(t *testing.T) {
	page, err := os.ReadFile("../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Passes struct{ Items struct{ Enum []nn.Pass } }
		} `json:"$defs"`
	}
	text, err := os.ReadFile("../../docs/schema/bench.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	help, rows := benchCommand{}.Help(), ""
	var names []nn.Pass
	for _, p := range nn.Passes() {
		rows += fmt.Sprintf("| `%s` | %s |\n", p.Pass, p.Does)
		names = append(names, p.Pass)
		if !strings.Contains(help, string(p.Pass)) || !strings.Contains(help, p.Does) {
			t.Errorf("the help says nothing of %s", p.Pass)
		}
	}
	if !strings.Contains(string(page), "|---|---|\n"+rows+"\n") {
		t.Errorf("docs/bench.md has another table than\n%s", rows)
	}
	if !slices.Equal(schema.Defs.Passes.Items.Enum, names) {
		t.Errorf("the schema has the passes %q, the engine %q", schema.Defs.Passes.Items.Enum, names)
	}
}

func first(engine, _ string) string { return engine }
