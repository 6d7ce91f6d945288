package evaluate_test

import (
	"bytes"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/jcs-ct/jcs/evaluate"
)

// study makes probabilities that separate the classes in part and are too sure
// of themselves.
func study(t *testing.T) *evaluate.ClassificationResult {
	rng := rand.New(rand.NewPCG(21, 22))
	p, labels := make([]float64, 500), make([]int, 500)
	for i := range p {
		labels[i] = i % 2
		p[i] = min(max(0.5+0.35*float64(2*labels[i]-1)+0.35*rng.NormFloat64(), 0), 1)
	}
	return classify(t, p, labels, nil, evaluate.ClassificationOptions{Bootstrap: evaluate.Bootstrap{Resamples: 200}})
}

// JCS_PLOTS=folder keeps the plots for looking at.
func TestPlotsArePNG(t *testing.T) {
	for name, plot := range map[string]func(io.Writer, *evaluate.ClassificationResult) error{
		"roc.png":         evaluate.PlotROC,
		"reliability.png": evaluate.PlotReliability,
	} {
		var b bytes.Buffer
		if err := plot(&b, study(t)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if folder := os.Getenv("JCS_PLOTS"); folder != "" {
			if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := png.Decode(&b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		colours := map[[4]uint32]bool{}
		for y := range m.Bounds().Dy() {
			for x := range m.Bounds().Dx() {
				r, g, b, a := m.At(x, y).RGBA()
				colours[[4]uint32{r, g, b, a}] = true
			}
		}
		if m.Bounds().Dx() < 400 || len(colours) < 10 {
			t.Errorf("%s has size %v and %d colours", name, m.Bounds(), len(colours))
		}
	}
}

func TestROCOfOneClassIsRefused(t *testing.T) {
	r := classify(t, []float64{0.5}, []int{1}, nil, evaluate.ClassificationOptions{Bootstrap: noBootstrap})
	if err := evaluate.PlotROC(io.Discard, r); err == nil {
		t.Error("no error")
	}
}
