package train

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// debianPython is the Python that Debian's python3-torch is for.
const debianPython = "/usr/bin/python3"

// torchStep lets PyTorch make one step of a configuration, or skips the test.
func torchStep(t *testing.T, config string, m *network.Model, b *batch) map[string]weights.Tensor {
	t.Helper()
	dir := t.TempDir()
	model, in, out := filepath.Join(dir, "model"), filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := m.Save(model, weights.F32); err != nil {
		t.Fatal(err)
	}
	f := weights.NewFile()
	for name, x := range map[string]nn.Tensor{"input": b.input, "masks": firstItems(b.masks, b.masked), "labels": b.labels} {
		if err := f.Add(name, weights.Tensor{Shape: x.Shape, Data: x.Data}); err != nil {
			t.Fatal(err)
		}
	}
	var text bytes.Buffer
	if err := weights.Write(&text, f, weights.F32); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(debianPython, "../bench/torch/check.py", "step",
		"--config", config, "--model", model, "--input", in, "--out", out)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("check.py: %v\n%s", err, said)
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

// madeUpBatch is a batch of noise, of which the first items have masks.
func madeUpBatch(n, masked, side, classes int) *batch {
	b := newBatch(n, side, side, classes)
	b.masked = masked
	state := uint64(1)
	next := func() float64 { // splitmix64
		state += 0x9E3779B97F4A7C15
		z := (state ^ state>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		return float64((z^z>>31)>>40) / (1 << 24)
	}
	for i := range b.input.Data {
		b.input.Data[i] = float32(2*next() - 1)
	}
	for i := range b.masks.Data[:masked*side*side] {
		if next() > 0.8 {
			b.masks.Data[i] = 1
		}
	}
	for i := range n {
		b.labels.Data[i*classes+i%classes] = 1
	}
	return b
}

// The training steps that bench/torch times are those of our configurations:
// loss, gradients as clipped, running statistics and weights after one step
// are the same in PyTorch.
func TestTrainingStepsAreThoseOfPyTorch(t *testing.T) {
	if testing.Short() || exec.Command(debianPython, "-c", "import torch").Run() != nil {
		t.Skip("PyTorch is not installed (apt-get install python3-torch python3-numpy)")
	}
	for _, config := range []string{"../configs/compact-joint.toml", "../configs/compact-classifier.toml"} {
		t.Run(filepath.Base(config), func(t *testing.T) {
			c, err := ReadConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := c.trainedPlan()
			if err != nil {
				t.Fatal(err)
			}
			w, err := plan.Initial(1)
			if err != nil {
				t.Fatal(err)
			}
			b := madeUpBatch(4, 3, 96, len(plan.Classes))
			want := torchStep(t, config, &network.Model{Plan: plan, Weights: w}, b)
			g, err := plan.GraphWith(network.GraphOptions{Outputs: c.outputs(plan)}, 4, 96, 96)
			if err != nil {
				t.Fatal(err)
			}
			trainer, err := nn.NewTrainer(g, w, nn.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer trainer.Close()
			outputs, grads := trainer.NewOutputs(), trainer.NewOutputs()
			ctx := context.Background()
			if err := trainer.Forward(ctx, []nn.Tensor{b.input}, outputs); err != nil {
				t.Fatal(err)
			}
			l, err := c.loss(plan, b, outputs, grads)
			if err != nil {
				t.Fatal(err)
			}
			if want := float64(want["loss"].Data[0]); !(math.Abs(l.total()-want) <= 1e-5*want) {
				t.Errorf("the loss is %g, PyTorch's %g", l.total(), want)
			}
			if err := trainer.Backward(ctx, grads, nil); err != nil {
				t.Fatal(err)
			}
			r := run{config: c, trainer: trainer, optimiser: c.optimiser(), average: nn.NewMovingAverage(c.Optimise.Average)}
			if _, err := r.update(c.Optimise.Rate); err != nil {
				t.Fatal(err)
			}
			holdStep(t, c, trainer, w, want)
		})
	}
}

// holdStep compares gradients and what became of all tensors. A ReLU that
// flips on the last bit moves whole entries of a gradient, so what is held is
// the distance of all of it; and AdamW's first step is as long as the rate,
// either way, so what is held is that nearly all entries went the same way.
func holdStep(t *testing.T, c Config, trainer *nn.Trainer, before nn.Weights, want map[string]weights.Tensor) {
	t.Helper()
	worst, moved, same := 0.0, 0, 0
	for _, p := range trainer.Parameters() {
		d := distance(p.Grad, want["grad."+p.Name].Data)
		if worst = max(worst, d); !(d <= 2e-2) {
			t.Errorf("the gradient of %s is off by %.2g", p.Name, d)
		}
		after := want["after."+p.Name].Data
		for i, v := range p.Value {
			moved++
			if math.Abs(float64(v)-float64(after[i])) <= 0.01*c.Optimise.Rate*0.25 {
				same++
			}
		}
	}
	for name, x := range trainer.Weights() {
		if strings.Contains(name, ".running_") {
			if d := distance(x.Data, want["after."+name].Data); !(d <= 1e-4) {
				t.Errorf("%s is off by %.2g", name, d)
			}
		}
	}
	t.Logf("%d gradients, the worst off by %.2g; %d of %d entries went the same way", len(trainer.Parameters()), worst, same, moved)
	if float64(same) < 0.99*float64(moved) {
		t.Errorf("only %d of %d entries went the same way", same, moved)
	}
	if n := len(want) - len(before) - len(trainer.Parameters()) - 1; n != 0 {
		t.Errorf("PyTorch has %d tensors too many", n)
	}
}

// distance is the norm of a difference, by the norm of what is wanted.
func distance(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var off, size float64
	for i, v := range want {
		d := float64(got[i]) - float64(v)
		off += d * d
		size += float64(v) * float64(v)
	}
	return math.Sqrt(off / size)
}
