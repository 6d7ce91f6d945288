package network

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// The fastest float32 gives the exact one's probabilities within 0.002, and the
// same mask but for a pixel in a thousand: of the embedded segmenter and, with
// JCS_MODEL=FILE, of another one.
func TestTheFastestFloat32HasTheExactOnesMasks(t *testing.T) {
	if !hasOneDNN() {
		t.Skip("without oneDNN there is one float32: build with cgo and libdnnl-dev")
	}
	m, err := Default("segmenter")
	if file := os.Getenv("JCS_MODEL"); file != "" {
		m, err = Load(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	plan := m.Plan
	g, err := plan.GraphWith(GraphOptions{Outputs: HeadOutputs()[:1]}, 1, plan.Height, plan.Width)
	if err != nil {
		t.Fatal(err)
	}
	programs, outputs := map[nn.Precision]*nn.Program{}, map[nn.Precision][]nn.Tensor{}
	for _, precision := range []nn.Precision{nn.Exact, nn.Float32} {
		p, err := nn.Compile(g, m.Weights, nn.Options{Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		programs[precision], outputs[precision] = p, p.NewOutputs()
	}
	for i, picture := range phantomSlices(t) {
		input, err := plan.Prepare(picture)
		if err != nil {
			t.Fatal(err)
		}
		for precision, p := range programs {
			if err := p.Run(context.Background(), []nn.Tensor{input}, outputs[precision]); err != nil {
				t.Fatal(err)
			}
		}
		exact, fast := outputs[nn.Exact][0].Data, outputs[nn.Float32][0].Data
		worst, flipped, lesion := 0.0, 0, 0
		for i, v := range exact {
			worst = max(worst, math.Abs(float64(fast[i]-v)))
			if v > 0.5 {
				lesion++
			}
			if (v > 0.5) != (fast[i] > 0.5) {
				flipped++
			}
		}
		t.Logf("slice %d: probabilities differ by %.2g at most, %d of %d pixels are flipped, %d are lesion", i, worst, flipped, len(exact), lesion)
		if lesion == 0 && os.Getenv("JCS_MODEL") == "" {
			t.Errorf("slice %d has no lesion to compare", i)
		}
		if worst > 2e-3 || float64(flipped) > 0.001*float64(lesion) {
			t.Errorf("slice %d: probabilities differ by %.2g, %d pixels of %d are flipped", i, worst, flipped, lesion)
		}
	}
}
