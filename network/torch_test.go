package network

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// debianPython is the Python that Debian's python3-torch is for.
const debianPython = "/usr/bin/python3"

// runTorch lets PyTorch compute a model's outputs, or skips the test.
func runTorch(t *testing.T, m *Model, input nn.Tensor) map[string]weights.Tensor {
	t.Helper()
	if testing.Short() || exec.Command(debianPython, "-c", "import torch").Run() != nil {
		t.Skip("PyTorch is not installed (apt-get install python3-torch python3-numpy)")
	}
	dir := t.TempDir()
	model, in, out := filepath.Join(dir, "model"), filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := m.Save(model, weights.F32); err != nil {
		t.Fatal(err)
	}
	f := weights.NewFile()
	if err := f.Add("input", weights.Tensor{Shape: input.Shape, Data: input.Data}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := weights.Write(&b, f, weights.F32); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(debianPython, "../bench/torch/check.py", "run", "--model", model, "--input", in, "--out", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("check.py: %v\n%s", err, text)
	}
	result, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := weights.Read(bytes.NewReader(result), int64(len(result)))
	if err != nil {
		t.Fatal(err)
	}
	return got.Tensors
}

// The networks of bench/torch are ours: the embedded models, of which the
// reference has no fixtures, give the same there.
func TestEmbeddedModelsGiveTheSameInPyTorch(t *testing.T) {
	tests := []struct {
		model         string
		height, width int
		outputs       []string
	}{
		{"classifier", 256, 256, []string{"logits", "softmax"}},
		{"classifier", 131, 170, []string{"logits"}},
		{"segmenter", 256, 256, []string{"logits", "output", "class.logits"}},
		{"segmenter", 131, 170, []string{"logits", "class.logits"}},
	}
	for _, test := range tests {
		t.Run(test.model+" "+nn.Shape{test.height, test.width}.String(), func(t *testing.T) {
			m, err := Default(test.model)
			if err != nil {
				t.Fatal(err)
			}
			input := ruleInput("input", 1, 1, 3, test.height, test.width)
			want := runTorch(t, m, input)
			g, err := m.Plan.GraphWith(GraphOptions{Outputs: test.outputs}, 1, test.height, test.width)
			if err != nil {
				t.Fatal(err)
			}
			program, err := nn.Compile(g, m.Weights, nn.Options{Precision: nn.Exact})
			if err != nil {
				t.Fatal(err)
			}
			defer program.Close()
			out := program.NewOutputs()
			if err := program.Run(context.Background(), []nn.Tensor{input}, out); err != nil {
				t.Fatal(err)
			}
			for i, name := range test.outputs {
				holdTensor(t, name, out[i].Data, want[name].Data)
			}
		})
	}
}

// holdTensor reports a tensor that is too far from another program's.
func holdTensor(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, PyTorch's %d", name, len(got), len(want))
	}
	var largest, worst float64
	for i, v := range want {
		largest = max(largest, float64(v), -float64(v))
		d := float64(got[i]) - float64(v)
		worst = max(worst, d, -d)
		if d != d {
			t.Fatalf("%s is %g at %d, PyTorch's %g", name, got[i], i, v)
		}
	}
	t.Logf("%s deviates by %.2g of its largest magnitude", name, worst/largest)
	if !(worst <= tolerance*largest) {
		t.Errorf("%s deviates by %.2g of its largest magnitude", name, worst/largest)
	}
}
