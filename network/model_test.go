package network

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// tiny are models of a few thousand weights: a classifier, and a segmenter
// that shares its encoder with one.
func tinyClassifier(t testing.TB) *Model {
	p := CompactClassifier()
	p.Name, p.Height, p.Width = "tiny classifier", 64, 64
	p.MobileNet.Width = 0.125
	return initialised(t, p)
}

func tinySegmenter(t testing.TB) *Model {
	p := CompactJoint()
	p.Name, p.Height, p.Width = "tiny segmenter", 64, 64
	p.MobileNet.Width = 0.125
	p.Decoder.Widths = [5]int{4, 4, 8, 8, 8}
	p.SharedHead, p.Classes, p.Positive = true, classes(), 1
	return initialised(t, p)
}

func initialised(t testing.TB, p Plan) *Model {
	t.Helper()
	w, err := p.Initial(5)
	if err != nil {
		t.Fatal(err)
	}
	return &Model{Plan: p, Weights: w, Manifest: json.RawMessage(`{"seed":5}`)}
}

func TestModelsComeBackFromTheirFile(t *testing.T) {
	for _, m := range []*Model{tinyClassifier(t), tinySegmenter(t)} {
		path := filepath.Join(t.TempDir(), "model.safetensors")
		if err := m.Save(path, weights.F32); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.SHA256 != m.SHA256 || len(got.SHA256) != 64 || string(got.Manifest) != string(m.Manifest) || got.Plan.Name != m.Plan.Name {
			t.Errorf("%s comes back as %s %s %s", m.Plan.Name, got.Plan.Name, got.SHA256, got.Manifest)
		}
		for name, want := range m.Weights {
			for i, v := range got.Weights[name].Data {
				if v != want.Data[i] {
					t.Fatalf("%s differs", name)
				}
			}
		}
		left, err := filepath.Glob(filepath.Dir(path) + "/*")
		if err != nil || len(left) != 1 {
			t.Errorf("files %v are left (%v)", left, err)
		}
	}
}

func TestModelsKeepBiasesAndNormsInFullPrecision(t *testing.T) {
	m := tinyClassifier(t)
	delete(m.Weights, "encoder.conv1.bn."+batchCounter) // need not be there
	var b bytes.Buffer
	if err := m.Write(&b, weights.BF16); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Read(&b, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range f.Tensors {
		want := weights.BF16
		switch {
		case strings.HasSuffix(name, batchCounter):
			want = weights.I64
		case len(x.Shape) == 1:
			want = weights.F32
		}
		if x.DType != want {
			t.Errorf("%s is kept as %s, want %s", name, x.DType, want)
		}
	}
	all, err := m.Plan.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range all {
		if f.Order[i] != q.Name {
			t.Fatalf("tensor %d is %s, want %s", i, f.Order[i], q.Name)
		}
	}
}

func TestModelsThatDoNotFitTheirPlanAreRefused(t *testing.T) {
	cases := map[string]func(*weights.File){
		"no plan":             func(f *weights.File) { delete(f.Metadata, planKey) },
		"reading a network's": func(f *weights.File) { f.Metadata[planKey] = "{" },
		"manifest":            func(f *weights.File) { f.Metadata[manifestKey] = "{" },
		"missing: fc.weight":  func(f *weights.File) { rename(f, "fc.weight", "fc.gone") },
		`unknown: "extra" (1`: func(f *weights.File) { _ = f.Add("extra", weights.Tensor{Shape: []int{1}, Data: []float32{1}}) },
		"is 1x256, the network has 2x128": func(f *weights.File) {
			f.Tensors["fc.weight"] = weights.Tensor{Shape: []int{1, 256}, Data: make([]float32, 256)}
		},
		"not finite": func(f *weights.File) { f.Tensors["fc.weight"].Data[3] = float32(math.NaN()) },
	}
	for want, change := range cases {
		var b bytes.Buffer
		if err := tinyClassifier(t).Write(&b, weights.F32); err != nil {
			t.Fatal(err)
		}
		f, err := weights.Read(&b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		var changed bytes.Buffer
		if err := weights.Write(&changed, f, weights.F32); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&changed, 1<<20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

func rename(f *weights.File, from, to string) {
	f.Tensors[to] = f.Tensors[from]
	delete(f.Tensors, from)
	for i, name := range f.Order {
		if name == from {
			f.Order[i] = to
		}
	}
}

func TestSaveLeavesNothingWhereItFails(t *testing.T) {
	m := tinyClassifier(t)
	m.Weights["fc.weight"] = nn.NewTensor(1)
	dir := t.TempDir()
	if err := m.Save(filepath.Join(dir, "model"), weights.F32); err == nil || !strings.Contains(err.Error(), "fc.weight") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if err := m.Save(filepath.Join(dir, "none", "model"), weights.F32); err == nil {
		t.Error("a model is saved into a folder that is not there")
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// slice is a picture with something in it.
func slice(width, height int) *image.Gray {
	src := image.NewGray(image.Rect(0, 0, width, height))
	for i := range src.Pix {
		src.Pix[i] = uint8(i*i/97 + i%width)
	}
	return src
}

func TestClassifierGivesProbabilitiesAndAMap(t *testing.T) {
	for _, m := range []*Model{tinyClassifier(t), tinySegmenter(t)} {
		c, err := NewClassifier(m, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got, err := c.Classify(context.Background(), slice(90, 70))
		if err != nil {
			t.Fatal(err)
		}
		if sum := got.Probabilities[0] + got.Probabilities[1]; math.Abs(float64(sum-1)) > 1e-6 || got.Positive != float64(got.Probabilities[1]) {
			t.Errorf("%s: probabilities %v, positive %g", m.Plan.Name, got.Probabilities, got.Positive)
		}
		if len(got.Map.Values) != 64*64 {
			t.Errorf("%s: the map is %d x %d", m.Plan.Name, got.Map.Width, got.Map.Height)
		}
		kept := append([]float32(nil), got.Probabilities...)
		if _, err := c.Classify(context.Background(), slice(40, 80)); err != nil {
			t.Fatal(err)
		}
		if got.Probabilities[0] != kept[0] {
			t.Errorf("%s: the next slice changes the last one's result", m.Plan.Name)
		}
	}
	p := FullSegmenter()
	if _, err := NewClassifier(&Model{Plan: p}, Options{}); err == nil {
		t.Error("a segmenter classifies")
	}
}

func TestSegmenterGivesAMaskOfThePicturesSize(t *testing.T) {
	s, err := NewSegmenter(tinySegmenter(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Segment(context.Background(), slice(90, 70))
	if err != nil {
		t.Fatal(err)
	}
	if got.Width != 90 || got.Height != 70 || len(got.Probability) != 6300 {
		t.Fatalf("%d x %d with %d values", got.Width, got.Height, len(got.Probability))
	}
	ones := 0
	for i, v := range got.Mask(0.5) {
		ones += int(v)
		if p := got.Probability[i]; p < 0 || p > 1 || (p > 0.5) != (v == 1) {
			t.Fatalf("probability %g is %d in the mask", p, v)
		}
	}
	if grey := got.Grey(); grey.Pix[17] != uint8(255*got.Probability[17]) {
		t.Errorf("grey %d of probability %g", grey.Pix[17], got.Probability[17])
	}
	if _, err := NewSegmenter(tinyClassifier(t), Options{}); err == nil {
		t.Error("a classifier segments")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Segment(ctx, slice(90, 70)); err == nil {
		t.Error("a cancelled segmentation gives a result")
	}
}

func TestDefaultModelsAreThereOrSayThatTheyAreNot(t *testing.T) {
	for _, name := range []string{"classifier", "segmenter"} {
		m, err := Default(name)
		if err != nil {
			if !strings.Contains(err.Error(), "without the embedded model") {
				t.Error(err)
			}
			continue
		}
		if len(m.Manifest) == 0 {
			t.Errorf("the default %s has no manifest", name)
		}
	}
}
