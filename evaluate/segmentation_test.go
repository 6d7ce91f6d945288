package evaluate_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/evaluate"
)

// grid makes a slice of the given rows: truth is 1 where the mark is '#'.
func grid(name, group string, truth []string, probability ...float32) evaluate.Slice {
	s := evaluate.Slice{Name: name, Group: group, Width: len(truth[0]), Height: len(truth), Probability: probability}
	for _, row := range truth {
		for _, mark := range row {
			s.Truth = append(s.Truth, mark == '#')
		}
	}
	return s
}

func segment(t *testing.T, o evaluate.SegmentationOptions, slices ...evaluate.Slice) *evaluate.SegmentationResult {
	t.Helper()
	e := evaluate.NewSegmentation(o)
	for _, s := range slices {
		if _, err := e.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	r, err := e.Result()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSegmentationEqualsMetricsDoneByHand(t *testing.T) {
	r := segment(t, evaluate.SegmentationOptions{Bootstrap: noBootstrap},
		// Truth 2, mask 3, both 1.
		grid("half", "", []string{"##.", "..."}, 0.75, 0.25, 0.75, 0, 0.75, 0),
		// No truth, no mask.
		grid("clear", "", []string{"...", "..."}, 0, 0, 0, 0, 0.5, 0),
		// No truth, one pixel.
		grid("false alarm", "", []string{"...", "..."}, 0, 0, 0, 0, 0, 1),
	)
	near(t, "Dice", &r.Dice, (2.0/5+1+0)/3)
	near(t, "pooled Dice", &r.DicePooled, 2.0/6)
	near(t, "IoU", &r.IoU, (1.0/4+1+0)/3)
	near(t, "sensitivity", r.Sensitivity, 1.0/2)
	near(t, "specificity", r.Specificity, (2.0/4+1+5.0/6)/3)
	near(t, "MAE", &r.MAE, (2.5/6+0.5/6+1.0/6)/3)
	if r.N != 3 || r.Threshold != 0.5 || r.Slices[1].Name != "clear" || r.Slices[1].Sensitivity != nil || r.Slices[0].Overlap != 1 {
		t.Errorf("got %+v", r)
	}
}

type reference struct {
	Predict struct {
		Shape []int     `json:"shape"`
		Data  []float32 `json:"data"`
	} `json:"predict"`
	Truth struct {
		Data []float32 `json:"data"`
	} `json:"gt"`
	IoU *float64 `json:"iou"` // null stands for NaN
	MAE float64  `json:"mae"`
}

func references(t *testing.T) map[string]reference {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "ops", "ioueval.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]reference
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// slices cuts a case of one or more images of 6 x 7 into slices.
func (r reference) slices() []evaluate.Slice {
	var all []evaluate.Slice
	for start := 0; start < len(r.Predict.Data); start += 42 {
		s := evaluate.Slice{Width: 7, Height: 6, Probability: r.Predict.Data[start:][:42]}
		for _, v := range r.Truth.Data[start:][:42] {
			s.Truth = append(s.Truth, v > 0.5)
		}
		all = append(all, s)
	}
	return all
}

func TestIoUEvalEqualsThePublishedScript(t *testing.T) {
	cases := references(t)
	if len(cases) < 6 {
		t.Fatalf("%d cases", len(cases))
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := segment(t, evaluate.SegmentationOptions{IoUEval: true, Bootstrap: noBootstrap}, c.slices()...)
			if math.Abs(r.MAE-c.MAE) > 1e-7 {
				t.Errorf("MAE %v, want %v", r.MAE, c.MAE)
			}
			switch {
			case (r.IoUEval == nil) != (c.IoU == nil):
				t.Errorf("got %v, want %v", r.IoUEval, c.IoU)
			case c.IoU != nil && math.Abs(*r.IoUEval-*c.IoU) > 1e-7:
				t.Errorf("got %v, want %v", *r.IoUEval, *c.IoU)
			}
		})
	}
}

func TestOneUndefinedSliceLeavesThePublishedMeanUndefined(t *testing.T) {
	cases := references(t)
	r := segment(t, evaluate.SegmentationOptions{IoUEval: true, Bootstrap: noBootstrap},
		cases["sparse"].slices()[0], cases["both_empty_is_nan"].slices()[0])
	if r.IoUEval != nil {
		t.Errorf("got %v, the script's mean would be NaN", *r.IoUEval)
	}
}

// The wanted values come from a plain transcription of the authors' MATLAB
// files (StructureMeasure.m, Enhancedmeasure.m with the paper's number of
// pixels as divisor), pixel by pixel and threshold by threshold.
func TestStructureAndAlignmentEqualTheAuthorsCode(t *testing.T) {
	cases := references(t)
	corner := func(in, out float32) evaluate.Slice {
		s := evaluate.Slice{Width: 7, Height: 6, Truth: make([]bool, 42), Probability: make([]float32, 42)}
		for i := range s.Truth {
			s.Truth[i] = i >= 40
			s.Probability[i] = out
			if s.Truth[i] {
				s.Probability[i] = in
			}
		}
		return s
	}
	everywhere := cases["sparse"].slices()[0]
	everywhere.Truth = make([]bool, 42)
	for i := range everywhere.Truth {
		everywhere.Truth[i] = true
	}
	for _, c := range []struct {
		name   string
		slice  evaluate.Slice
		sWants float64
		eWants float64
	}{
		{"a sparse truth", cases["sparse"].slices()[0], 0.4202159141351129, 0.5189809895800259},
		{"a map of high mean", cases["high_mean_threshold_above_one"].slices()[0], 0.25905109908360113, 0.33405007423049526},
		{"a constant map", cases["constant"].slices()[0], 0.43273783820488276, 0.25},
		{"an empty truth", cases["empty_gt"].slices()[0], 0.7476959726390705, 0.7466517857142873},
		{"a truth everywhere", everywhere, 0.2523040273609295, 0.2533482142857143},
		// Of the 256 masks the lowest threshold's is the whole slice.
		{"a perfect map", corner(1, 0), 1, 255.25 / 256},
		{"a map that is all wrong", corner(0, 1), 0, 0.25 / 256},
		{"four pixels", grid("", "", []string{"#.", ".."}, 0.8, 0.2, 0.1, 0), 0.9753543608734516, 0.7445492788461537},
		{"a centroid between pixels", grid("", "", []string{".#.##", ".#..#", "...##"}, 0.1, 0.7, 0.2, 0.4, 0.9, 0.3, 0.6, 0.8, 0.2, 0.5, 0, 0.1, 0.4, 1, 0.3), 0.6482709372520645, 0.5670749166995166},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := segment(t, evaluate.SegmentationOptions{Bootstrap: noBootstrap}, c.slice)
			if math.Abs(r.SMeasure-c.sWants) > 1e-7 {
				t.Errorf("S-measure %.12g, want %.12g", r.SMeasure, c.sWants)
			}
			if math.Abs(r.EMeasure-c.eWants) > 1e-7 {
				t.Errorf("E-measure %.12g, want %.12g", r.EMeasure, c.eWants)
			}
		})
	}
}

func TestSegmentationMetricsStayWithinTheirRange(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for range 300 {
		w, h := 1+rng.IntN(9), 1+rng.IntN(9)
		s := evaluate.Slice{Width: w, Height: h}
		dense, sharp := rng.Float64(), rng.IntN(2) == 0
		for range w * h {
			s.Truth = append(s.Truth, rng.Float64() < dense)
			p := rng.Float32()
			if sharp {
				p = float32(math.Round(float64(p)))
			}
			s.Probability = append(s.Probability, p)
		}
		r := segment(t, evaluate.SegmentationOptions{IoUEval: true}, s)
		scores := r.Slices[0]
		for name, v := range map[string]float64{"Dice": scores.Dice, "IoU": scores.IoU, "S": scores.SMeasure, "E": scores.EMeasure, "MAE": scores.MAE, "pooled": r.DicePooled} {
			if !(v >= 0 && v <= 1+1e-9) {
				t.Fatalf("%s is %v for %+v", name, v, s)
			}
		}
		if scores.MaskPixels+scores.TruthPixels > 0 {
			near(t, "Dice by IoU", &scores.Dice, 2*scores.IoU/(1+scores.IoU))
		}
		if r.Intervals != nil {
			t.Fatalf("one slice has intervals %v", r.Intervals)
		}
	}
}

func TestSegmentationIntervalsHoldTheMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	e := evaluate.NewSegmentation(evaluate.SegmentationOptions{Bootstrap: evaluate.Bootstrap{Resamples: 400, Seed: 3}})
	for i := range 60 {
		s := evaluate.Slice{Group: string(rune('a' + i%12)), Width: 8, Height: 8}
		for j := range 64 {
			s.Truth = append(s.Truth, j < 20)
			s.Probability = append(s.Probability, rng.Float32()/2)
			if j < 20 {
				s.Probability[j] += 0.4
			}
		}
		if _, err := e.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	r, err := e.Result()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	if keys["schema"] != "jcs.evaluation.segmentation/1" || r.Bootstrap.Groups != 12 {
		t.Errorf("schema %v, bootstrap %+v", keys["schema"], r.Bootstrap)
	}
	for _, name := range []string{"dice", "dice_pooled", "iou", "sensitivity", "specificity", "s_measure", "e_measure", "mae"} {
		v, ok := keys[name].(float64)
		interval, has := r.Intervals[name]
		if !ok || !has || v < interval[0] || v > interval[1] || interval[0] >= interval[1] && name != "specificity" {
			t.Errorf("%s is %v with interval %v", name, keys[name], interval)
		}
	}
}

func TestSegmentationRefusesWhatIsNoMap(t *testing.T) {
	for name, s := range map[string]evaluate.Slice{
		"nothing":         {},
		"a pixel too few": {Width: 2, Height: 2, Probability: make([]float32, 3), Truth: make([]bool, 4)},
		"a truth too few": {Width: 2, Height: 2, Probability: make([]float32, 4), Truth: make([]bool, 3)},
		"a negative size": {Width: -1, Height: -1, Probability: make([]float32, 1), Truth: make([]bool, 1)},
		"a grey level":    {Width: 1, Height: 1, Probability: []float32{255}, Truth: make([]bool, 1)},
		"NaN":             {Width: 1, Height: 1, Probability: []float32{float32(math.NaN())}, Truth: make([]bool, 1)},
	} {
		s.Name = "slice.png"
		e := evaluate.NewSegmentation(evaluate.SegmentationOptions{})
		if _, err := e.Add(s); err == nil || !strings.Contains(err.Error(), "slice.png") {
			t.Errorf("%s: %v", name, err)
		}
		if r, err := e.Result(); err == nil {
			t.Errorf("%s: %+v without slices", name, r)
		}
	}
}

func BenchmarkSegmentationAdd(b *testing.B) {
	s := evaluate.Slice{Width: 512, Height: 512, Probability: make([]float32, 512*512), Truth: make([]bool, 512*512)}
	for i := range s.Truth {
		s.Probability[i] = float32(i%1000) / 1000
		s.Truth[i] = i%37 == 0
	}
	e := evaluate.NewSegmentation(evaluate.SegmentationOptions{})
	for b.Loop() {
		if _, err := e.Add(s); err != nil {
			b.Fatal(err)
		}
	}
}
