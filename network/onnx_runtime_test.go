package network

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/phantom"
)

const onnxRuntime = "../bench/onnxruntime/"

// needONNXRuntime skips a test where ONNX Runtime is not installed.
func needONNXRuntime(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(onnxRuntime + "node_modules/onnxruntime-node"); err != nil {
		t.Skip("ONNX Runtime is not installed: make onnxruntime")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed, which ONNX Runtime is run by")
	}
}

// inONNXRuntime exports a model and runs it there. It returns the outputs and
// how often each kind of kernel ran.
func inONNXRuntime(t *testing.T, m *Model, o ONNXOptions, input nn.Tensor) (map[string]nn.Tensor, map[string]int) {
	t.Helper()
	dir := t.TempDir()
	model, in, out := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "input"), filepath.Join(dir, "out")
	if err := m.SaveONNX(model, o); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, input.Data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{onnxRuntime + "run.mjs", model, in}
	for _, n := range input.Shape {
		args = append(args, strconv.Itoa(n))
	}
	run := exec.Command("node", append(args, out)...)
	var complaints bytes.Buffer
	run.Stderr = &complaints
	printed, err := run.Output()
	if err != nil {
		t.Fatalf("ONNX Runtime: %v\n%s", err, complaints.String())
	}
	var said struct {
		Shapes  map[string][]int
		Kernels map[string]int
	}
	if err := json.Unmarshal(printed, &said); err != nil {
		t.Fatal(err)
	}
	tensors := map[string]nn.Tensor{}
	for name, shape := range said.Shapes {
		x := nn.NewTensor(shape...)
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, x.Data); err != nil {
			t.Fatal(err)
		}
		tensors[name] = x
	}
	return tensors, said.Kernels
}

// ours runs a model's graph on an input in exact arithmetic.
func ours(t *testing.T, m *Model, outputs []string, input nn.Tensor) []nn.Tensor {
	t.Helper()
	g, err := m.Plan.GraphWith(GraphOptions{Outputs: outputs}, input.Shape[0], input.Shape[2], input.Shape[3])
	if err != nil {
		t.Fatal(err)
	}
	program, err := nn.Compile(g, m.Weights, nn.Options{Precision: nn.Exact})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	results := program.NewOutputs()
	if err := program.Run(context.Background(), []nn.Tensor{input}, results); err != nil {
		t.Fatal(err)
	}
	return results
}

// apart is the greatest difference of two tensors by the largest magnitude.
func apart(got, want nn.Tensor) float64 {
	worst, largest := 0.0, 0.0
	for i, v := range want.Data {
		largest = max(largest, math.Abs(float64(v)))
		d := math.Abs(float64(v) - float64(got.Data[i]))
		if d > worst || d != d {
			worst = d
		}
	}
	return worst / largest
}

// held compares an export in ONNX Runtime with what we compute.
func held(t *testing.T, m *Model, o ONNXOptions, input nn.Tensor) {
	t.Helper()
	got, _ := inONNXRuntime(t, m, o, input)
	want := ours(t, m, o.Outputs, input)
	if len(got) != len(want) {
		t.Errorf("%d outputs, want %v", len(got), o.Outputs)
	}
	for i, name := range o.Outputs {
		x := got[name]
		if !x.Shape.Equal(want[i].Shape) {
			t.Errorf("%s is %v, want %v", name, x.Shape, want[i].Shape)
		} else if d := apart(x, want[i]); !(d <= tolerance) {
			t.Errorf("%s deviates by %.2g of its largest magnitude", name, d)
		} else {
			t.Logf("%s deviates by %.2g", name, d)
		}
	}
}

// A network that is exported for any size computes what ours does: the full
// ones at an odd size, others at several and in batches.
func TestExportsComputeTheSameInONNXRuntime(t *testing.T) {
	needONNXRuntime(t)
	sizes := [][3]int{{2, 187, 250}, {1, 256, 256}, {3, 97, 40}}
	for _, plan := range append(plans(), narrowJoint()) {
		t.Run(plan.Name, func(t *testing.T) {
			full := strings.HasPrefix(plan.Name, "full")
			if full && !long {
				t.Skip("takes a minute: run make test-onnx")
			}
			w, err := ruleWeights(plan)
			if err != nil {
				t.Fatal(err)
			}
			m := &Model{Plan: plan, Weights: w}
			o := ONNXOptions{Outputs: []string{"output", "logits"}}
			switch {
			case plan.SharedHead:
				o.Outputs = append(o.Outputs, "class.logits", "class.softmax")
			case !plan.segments():
				o.Outputs = []string{"logits", "softmax", "features"}
			}
			for i, s := range sizes {
				if i > 0 && (full || !long) {
					break
				}
				held(t, m, o, ruleInput("input", 2, s[0], 3, s[1], s[2]))
			}
		})
	}
}

// narrowJoint has all operations of the published networks, and few channels.
func narrowJoint() Plan {
	p := FullJoint()
	p.Name = "narrow joint segmenter"
	p.Decoder = publishedDecoder([5]int{4, 8, 8, 16, 16})
	p.Res2Net = &Res2Net{Blocks: [4]int{1, 2, 2, 1}, Stem: 4, Planes: 8, BaseWidth: 26, Scale: 4}
	return p
}

// What is fixed is written as numbers, which is another way through the export.
func TestExportsOfOneSizeComputeTheSameInONNXRuntime(t *testing.T) {
	needONNXRuntime(t)
	m := tinySegmenter(t)
	outputs := []string{"head1.sigmoid", "class.softmax", "fpn.topdown.2"}
	held(t, m, ONNXOptions{Outputs: outputs, Batch: 2, Height: 75, Width: 50}, ruleInput("input", 2, 2, 3, 75, 50))
	held(t, m, ONNXOptions{Outputs: outputs, Height: 75, Width: 50}, ruleInput("input", 2, 3, 3, 75, 50))
}

// A network of 8 bits runs in ONNX Runtime's integer kernels, all of it but
// the heads and the squeeze-excites' linear layers, and gives much the same mask.
func TestQuantisedExportsRunInIntegerKernels(t *testing.T) {
	needONNXRuntime(t)
	m, err := Default("segmenter")
	if err != nil {
		t.Fatal(err)
	}
	o := ONNXOptions{Outputs: []string{"output"}, Batch: 1, Height: 256, Width: 256}
	pictures := phantomSlices(t)
	if o.Ranges, err = m.ONNXRanges(context.Background(), pictures, o, 0, nil); err != nil {
		t.Fatal(err)
	}
	both, either, sum := 0, 0, 0.0
	var kernels map[string]int
	for _, picture := range pictures {
		input, err := m.Plan.Prepare(picture)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]nn.Tensor
		got, kernels = inONNXRuntime(t, m, o, input)
		for i, v := range ours(t, m, o.Outputs, input)[0].Data[:256*256] {
			x := got["output"].Data[i]
			sum += math.Abs(float64(x-v)) / float64(256*256*len(pictures))
			if x > 0.5 {
				either++
			}
			if v > 0.5 {
				either++
			}
			if x > 0.5 && v > 0.5 {
				both++
			}
		}
	}
	convs := 0
	g, err := m.Plan.Graph(1, 256, 256)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes() {
		if _, ok := n.Attributes.(nn.Conv); ok {
			convs++
		}
	}
	const heads = 5
	if kernels["QLinearConv"] != convs-heads || kernels["Conv"] > heads {
		t.Errorf("of %d convolutions, %d of them heads, ONNX Runtime ran %d in integers and %d in float32", convs, heads, kernels["QLinearConv"], kernels["Conv"])
	}
	if n := kernels["Relu"] + kernels["Clip"] + kernels["Add"] + kernels["Mul"] + kernels["GlobalAveragePool"]; n > 0 {
		t.Errorf("%d operations between convolutions ran in float32: %v", n, kernels)
	}
	t.Logf("mean difference %.4f, Dice %.3f over %d pixels, kernels %v", sum, 2*float64(both)/float64(either), either/2, kernels)
	if either < 200 || float64(2*both) < 0.9*float64(either) || sum > 0.01 {
		t.Errorf("the masks have %d pixels in common, of %d together; the mean difference is %.4f", both, either, sum)
	}
}

// phantomSlices are slices of a synthetic chest with opacities.
func phantomSlices(t *testing.T) []*image.Gray {
	t.Helper()
	// Opacities behind both lungs, through the slices that are taken.
	v, _, err := phantom.New(context.Background(), phantom.Config{Columns: 256, Rows: 256, Slices: 9, Seed: 1, Lesions: []phantom.Lesion{
		{Kind: phantom.Mixed, CentreMM: [3]float64{-75, 45, 0}, RadiiMM: [3]float64{30, 35, 90}},
		{Kind: phantom.Mixed, CentreMM: [3]float64{75, 45, 0}, RadiiMM: [3]float64{30, 35, 90}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	in := ct.Input{Kind: ct.KindDICOM, Volume: v, Sources: v.Sources}
	var pictures []*image.Gray
	for i := 3; i < 6; i++ {
		pictures = append(pictures, in.Picture(i, ct.LungWindow()))
	}
	return pictures
}
