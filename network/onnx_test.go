package network

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// export is a plan's ONNX graph, without anybody who runs it.
func export(t *testing.T, p Plan, o ONNXOptions) weights.ONNXModel {
	t.Helper()
	w, err := p.Initial(1)
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{Plan: p, Weights: w, SHA256: "abc", Manifest: json.RawMessage(`{"seed":1}`)}
	model, err := m.onnx(o)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// The sizes that an export was found by are some hundreds. At others, larger
// and odd, a resize must still go to the plane that the graph wants.
func TestResizesFollowAPlaneThatTheyHaveToMatch(t *testing.T) {
	for _, p := range plans() {
		t.Run(p.Name, func(t *testing.T) {
			found, err := p.sizes(ONNXOptions{})
			if err != nil {
				t.Fatal(err)
			}
			b, err := newONNXBuilder(mustInitial(t, p), found, ONNXOptions{})
			if err != nil {
				t.Fatal(err)
			}
			graph, err := b.build()
			if err != nil {
				t.Fatal(err)
			}
			index := map[string]int{}
			for v, name := range b.written {
				index[name] = found.indices[v]
			}
			made := map[string]weights.ONNXNode{}
			for _, n := range graph.Nodes {
				made[n.Outputs[0]] = n
			}
			resizes := 0
			for _, n := range graph.Nodes {
				if n.Op != "Resize" {
					continue
				}
				resizes++
				plane := made[made[n.Inputs[3]].Inputs[1]]
				like, itself := index[plane.Inputs[0]], index[n.Outputs[0]]
				for _, size := range [][2]int{{1031, 777}, {513, 1999}, {300, 301}} {
					other, err := p.oneSize(GraphOptions{Outputs: []string{found.outputs[0].Name}}, 1, size[0], size[1])
					if err != nil {
						t.Fatal(err)
					}
					if a, b := other.values[0][like].Shape(), other.values[0][itself].Shape(); !a[2:].Equal(b[2:]) {
						t.Errorf("at %v, %s is %v and follows %s, %v", size, n.Name, b, plane.Inputs[0], a)
					}
				}
			}
			if p.segments() && resizes < 8 {
				t.Errorf("%d resizes, a decoder has more", resizes)
			}
		})
	}
}

func mustInitial(t *testing.T, p Plan) nn.Weights {
	t.Helper()
	w, err := p.Initial(1)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestExportsSayTheirAxesNamesAndOrigin(t *testing.T) {
	shared := plans()[6]
	axes := func(v weights.ONNXValue) string {
		var s []string
		for _, a := range v.Axes {
			if a.Name != "" {
				s = append(s, a.Name)
			} else {
				s = append(s, fmt.Sprint(a.Length))
			}
		}
		return v.Name + " " + strings.Join(s, "x")
	}
	cases := []struct {
		plan  Plan
		o     ONNXOptions
		wants []string // the input, then the outputs
	}{
		{CompactClassifier(), ONNXOptions{}, []string{"input batchx3xheightxwidth", "logits batchx2", "softmax batchx2"}},
		{shared, ONNXOptions{}, []string{"input batchx3xheightxwidth", "output batchx5xheightxwidth", "class.logits batchx2", "class.softmax batchx2"}},
		{CompactJoint(), ONNXOptions{Batch: 4}, []string{"input 4x3xheightxwidth", "output 4x5xheightxwidth"}},
		{CompactJoint(), ONNXOptions{Height: 64, Width: 96}, []string{"input batchx3x64x96", "output batchx5x64x96"}},
		{CompactClassifier(), ONNXOptions{Outputs: []string{"features", "pooled"}}, []string{"input batchx3xheightxwidth", "features batchx1024xfeatures.heightxfeatures.width", "pooled batchx1024x1x1"}},
	}
	for _, c := range cases {
		m := export(t, c.plan, c.o)
		got := []string{axes(m.Graph.Inputs[0])}
		for _, out := range m.Graph.Outputs {
			got = append(got, axes(out))
		}
		if !slices.Equal(got, c.wants) {
			t.Errorf("%q, want %q", got, c.wants)
		}
		plan, err := ParsePlan([]byte(m.Metadata["jcs.plan"]))
		if err != nil || plan.Name != c.plan.Name || m.Metadata["jcs.sha256"] != "abc" || m.Metadata["jcs.manifest"] != `{"seed":1}` {
			t.Errorf("the metadata is %v (%v)", m.Metadata, err)
		}
	}
}

// Every name stands for one thing and is made before it is read, nothing is
// written that nothing reads, and a norm costs no operation.
func TestExportsAreInOrder(t *testing.T) {
	for _, p := range plans() {
		m := export(t, p, ONNXOptions{})
		known, read := map[string]bool{"": true}, map[string]bool{}
		for _, v := range m.Graph.Inputs {
			known[v.Name] = true
		}
		for _, c := range m.Graph.Initializers {
			if known[c.Name] {
				t.Errorf("%s: %q is there twice", p.Name, c.Name)
			}
			known[c.Name] = true
		}
		for _, n := range m.Graph.Nodes {
			for _, in := range n.Inputs {
				if !known[in] {
					t.Errorf("%s: %s reads %q, which is not there yet", p.Name, n.Name, in)
				}
				read[in] = true
			}
			if known[n.Outputs[0]] {
				t.Errorf("%s: %q is made twice", p.Name, n.Outputs[0])
			}
			known[n.Outputs[0]] = true
			if n.Op == "Mul" && strings.Contains(n.Name, "Norm") {
				t.Errorf("%s: %s is not multiplied into its convolution", p.Name, n.Name)
			}
		}
		for _, out := range m.Graph.Outputs {
			read[out.Name] = true
		}
		for name := range known {
			if name != "" && !read[name] {
				t.Errorf("%s: nobody reads %q", p.Name, name)
			}
		}
	}
}

func TestExportsThatCannotBeAreRefused(t *testing.T) {
	m := tinyClassifier(t)
	cases := map[string]struct {
		o    ONNXOptions
		want string
	}{
		"a tap that is not there":   {ONNXOptions{Outputs: []string{"mask"}}, `no tap "mask"`},
		"a height alone":            {ONNXOptions{Height: 64}, "height and width go together"},
		"ranges of another network": {ONNXOptions{Ranges: map[string]Range{}}, "no range for"},
		"a batch below one":         {ONNXOptions{Batch: -1}, "cannot be fixed"},
		"a size that is no size":    {ONNXOptions{Height: -4, Width: 4}, "cannot be fixed"},
	}
	for name, c := range cases {
		var b bytes.Buffer
		err := m.WriteONNX(&b, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%s: %d bytes, error %v does not say %q", name, b.Len(), err, c.want)
		}
	}
	delete(m.Weights, "fc.weight")
	if err := m.WriteONNX(&bytes.Buffer{}, ONNXOptions{}); err == nil || !strings.Contains(err.Error(), "fc.weight") {
		t.Errorf("error %v does not name the weight that is missing", err)
	}
	if _, err := m.ONNXRanges(t.Context(), nil, ONNXOptions{}, 0, nil); err == nil {
		t.Error("a network is calibrated on nothing")
	}
}

// A norm that is not alone in reading its convolution stays an operation.
func TestANormBesideOtherReadersIsWrittenExactly(t *testing.T) {
	m := tinyClassifier(t)
	model, err := m.onnx(ONNXOptions{Outputs: []string{"encoder.conv1.conv", "encoder.conv1"}})
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range model.Graph.Nodes {
		ops = append(ops, n.Op)
	}
	if got := strings.Join(ops, " "); got != "Conv Mul Add Clip" {
		t.Errorf("the stem is %s", got)
	}
	needONNXRuntime(t)
	held(t, m, ONNXOptions{Outputs: []string{"encoder.conv1.conv", "encoder.conv1"}}, ruleInput("input", 2, 2, 3, 31, 18))
}

func TestLevelsReachOverTheirRangeAndHitZero(t *testing.T) {
	for _, r := range []Range{{0, 6}, {-1, 2}, {0.5, 2}, {-3, -1}, {-1e-6, 1e6}, {0, 0}, {-2.5, 0}} {
		l := levelsOf(r)
		low, high := float64(l.scale)*(0-float64(l.zero)), float64(l.scale)*(255-float64(l.zero))
		step := float64(l.scale)
		if low > float64(min(r.Low, 0))+step || high < float64(max(r.High, 0))-step {
			t.Errorf("%v has levels from %g to %g", r, low, high)
		}
		if r.High == 6 && high > 6 {
			t.Errorf("a ReLU6 has a level of %.9g", high)
		}
	}
}

func TestQuantisedKernelsAreWithinHalfAStep(t *testing.T) {
	k := kernel{nn.NewTensor(4, 2, 1, 2), nn.NewTensor(4)}
	copy(k.weight.Data, []float32{1, -2, 0.25, 2, 1e-3, -1e-3, 0, 5e-4, 0, 0, 0, 0, 1e-12, 0, 0, 0})
	copy(k.bias.Data, []float32{0.5, -3, 7, 100})
	b := &onnxBuilder{taken: map[string]bool{}}
	input := levels{scale: 0.01}
	names := b.quantisedKernel("conv", k, input)
	if !slices.Equal(names, []string{"conv.weight", "conv.bias"}) {
		t.Fatalf("names %v", names)
	}
	constants := map[string]any{}
	for _, c := range b.graph.Initializers {
		constants[c.Name] = c.Data
	}
	data, scales := constants["conv.weight/quantised"].([]int8), constants["conv.weight.scale"].([]float32)
	biases, biasScales := constants["conv.bias/quantised"].([]int32), constants["conv.bias.scale"].([]float32)
	for i, v := range k.weight.Data {
		o := i / 4
		if d := math.Abs(float64(data[i])*float64(scales[o]) - float64(v)); d > 0.5001*float64(scales[o]) {
			t.Errorf("weight %d, %g, becomes %d times %g", i, v, data[i], scales[o])
		}
	}
	for o, v := range k.bias.Data {
		if biasScales[o] != scales[o]*input.scale {
			t.Errorf("bias %d counts in %g, weights and input in %g", o, biasScales[o], scales[o]*input.scale)
		}
		if d := math.Abs(float64(biases[o])*float64(biasScales[o]) - float64(v)); d > 1e-5*math.Abs(float64(v)) && d > float64(biasScales[o]) {
			t.Errorf("bias %d, %g, becomes %d times %g", o, v, biases[o], biasScales[o])
		}
	}
	if data[1] != -127 || data[3] != 127 {
		t.Errorf("the largest weights are %d and %d, not 127 steps", data[1], data[3])
	}
}
