package network

import (
	"image"
	"math"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// What a runtime needs to stay in integers: one quantisation behind each
// convolution and its ReLU, none between, and heads left alone.
func TestQuantisedExportsHaveOneQuantisationALayer(t *testing.T) {
	m := tinySegmenter(t)
	o := ONNXOptions{Outputs: []string{"output"}}
	var err error
	if o.Ranges, err = m.ONNXRanges(t.Context(), []*image.Gray{slice(64, 64)}, o, 0, nil); err != nil {
		t.Fatal(err)
	}
	model, err := m.onnx(o)
	if err != nil {
		t.Fatal(err)
	}
	made, zeros := map[string]weights.ONNXNode{}, map[string]uint8{}
	for _, n := range model.Graph.Nodes {
		made[n.Outputs[0]] = n
	}
	for _, c := range model.Graph.Initializers {
		if z, ok := c.Data.([]uint8); ok {
			zeros[c.Name] = z[0]
		}
	}
	convs, heads := 0, 0
	for _, n := range model.Graph.Nodes {
		switch n.Op {
		case "Relu", "Clip":
			if made[n.Inputs[0]].Op == "DequantizeLinear" {
				t.Errorf("%s reads levels, not its convolution", n.Name)
			}
		case "Conv":
			if made[n.Inputs[0]].Op != "DequantizeLinear" {
				t.Errorf("%s reads float32", n.Name)
			}
			if strings.HasPrefix(n.Name, "cls") {
				if heads++; made[n.Inputs[1]].Op == "DequantizeLinear" {
					t.Errorf("the head %s has weights of 8 bits", n.Name)
				}
			} else if convs++; made[n.Inputs[1]].Op != "DequantizeLinear" {
				t.Errorf("%s has weights of float32", n.Name)
			}
		case "QuantizeLinear": // of what a ReLU alone reads, levels below 0 are wasted
			if strings.Contains(n.Name, "dilation_convs") && zeros[n.Inputs[2]] != 0 {
				t.Errorf("%s has %d levels below 0", n.Name, zeros[n.Inputs[2]])
			}
		}
	}
	if heads != 5 || convs < 50 {
		t.Errorf("%d heads and %d other convolutions", heads, convs)
	}
}

func TestCalibrationCoversAllPictures(t *testing.T) {
	m := tinyClassifier(t)
	light, dark := image.NewGray(image.Rect(0, 0, 64, 64)), image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range light.Pix {
		light.Pix[i] = 255
	}
	for _, order := range [][]*image.Gray{{light, dark}, {dark, light}} {
		ranges, err := m.ONNXRanges(t.Context(), order, ONNXOptions{}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := ranges["input"]; r != (Range{-1, 1}) {
			t.Errorf("the input reaches from %g to %g, white and black are -1 and 1", r.Low, r.High)
		}
	}
	m = tinySegmenter(t)
	m.Weights["reduce.0.bn.bias"].Data[0] = float32(math.Inf(1))
	if _, err := m.ONNXRanges(t.Context(), []*image.Gray{light}, ONNXOptions{}, 0, nil); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("values without end are taken for a range: %v", err)
	}
}

func TestValuesAreGroupedToFitIntoMemory(t *testing.T) {
	g := nn.NewGraph()
	var values []*nn.Value
	for _, size := range []int{tapsAtOnce / 2, tapsAtOnce / 2, 1, tapsAtOnce + 1, 1, 2} {
		values = append(values, g.Input("x", 1, 1, 1, size))
	}
	var counts []int
	for _, group := range inGroups(values) {
		counts = append(counts, len(group))
	}
	if len(counts) != 4 || counts[0] != 2 || counts[1] != 1 || counts[2] != 1 || counts[3] != 2 {
		t.Errorf("groups of %v values", counts)
	}
}
