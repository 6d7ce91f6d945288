package network

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// ONNXOptions say what of a network is written as ONNX, and how.
type ONNXOptions struct {
	// Outputs are the taps that the network returns, in this order. Empty: of a
	// classifier "logits" and "softmax", of a segmenting network "output" and,
	// with a shared head, "class.logits" and "class.softmax".
	Outputs []string
	// Batch, Height and Width fix the input's axes; 0 leaves one free. Height
	// and Width go together.
	Batch, Height, Width int
	// Ranges make the network one of 8 bits: every convolution but the last
	// ones is surrounded by QuantizeLinear and DequantizeLinear, with unsigned
	// activations between these ranges ([Model.Calibrate]) and signed weights,
	// one scale a channel. Nil: float32.
	Ranges map[string]Range
	// Version is that of the program, for the file.
	Version string
}

// onnxOpSet is the operator set that is written.
const onnxOpSet = 17

// Metadata keys of an ONNX file beside those of a model's own.
const (
	digestKey = "jcs.sha256"
	int8Key   = "jcs.int8"
)

// WriteONNX writes the network as an ONNX model over operator set 17, with the
// input "input" [N 3 H W], float32. The plan, with the preparation of the
// input, is in the file's metadata as jcs.plan, the manifest as jcs.manifest.
func (m *Model) WriteONNX(w io.Writer, o ONNXOptions) error {
	model, err := m.onnx(o)
	if err != nil {
		return fmt.Errorf("exporting the %s: %w", m.Plan.Name, err)
	}
	return weights.WriteONNX(w, model)
}

// SaveONNX is WriteONNX into a file, whole or not at all.
func (m *Model) SaveONNX(path string, o ONNXOptions) error {
	return saveWhole(path, func(w io.Writer) error { return m.WriteONNX(w, o) })
}

func (m *Model) onnx(o ONNXOptions) (weights.ONNXModel, error) {
	s, err := m.Plan.sizes(o)
	if err != nil {
		return weights.ONNXModel{}, err
	}
	b, err := newONNXBuilder(m.Weights, s, o)
	if err != nil {
		return weights.ONNXModel{}, err
	}
	graph, err := b.build()
	if err != nil {
		return weights.ONNXModel{}, err
	}
	graph.Name = m.Plan.Name
	plan, err := json.Marshal(m.Plan)
	if err != nil {
		return weights.ONNXModel{}, err
	}
	metadata := map[string]string{planKey: string(plan)}
	if len(m.Manifest) > 0 {
		metadata[manifestKey] = string(m.Manifest)
	}
	if m.SHA256 != "" {
		metadata[digestKey] = m.SHA256
	}
	if o.Ranges != nil {
		metadata[int8Key] = "unsigned activations between calibrated extremes, signed weights with a scale for each channel"
	}
	return weights.ONNXModel{Producer: "jcs", Version: o.Version, OpSet: onnxOpSet, Metadata: metadata, Graph: graph}, nil
}

// sizes are the graphs of an export: one if all its input's axes are fixed.
func (p Plan) sizes(o ONNXOptions) (*planes, error) {
	if o.Batch < 0 || o.Height < 0 || o.Width < 0 || (o.Height == 0) != (o.Width == 0) {
		return nil, fmt.Errorf("an input of %d x 3 x %d x %d cannot be fixed: height and width go together", o.Batch, o.Height, o.Width)
	}
	outputs := o.Outputs
	if len(outputs) == 0 {
		switch {
		case !p.segments():
			outputs = []string{"logits", "softmax"}
		case p.SharedHead:
			outputs = []string{"output", "class.logits", "class.softmax"}
		default:
			outputs = []string{"output"}
		}
	}
	g := GraphOptions{Outputs: outputs}
	if o.Height == 0 {
		return p.anySize(g)
	}
	return p.oneSize(g, max(o.Batch, 1), o.Height, o.Width)
}

// inputAxes are the axes of the input in the file.
func (o ONNXOptions) inputAxes() []weights.ONNXAxis {
	axes := []weights.ONNXAxis{
		{Name: "batch", Length: o.Batch}, {Length: 3}, {Name: "height", Length: o.Height}, {Name: "width", Length: o.Width},
	}
	for i := range axes {
		if axes[i].Length > 0 {
			axes[i].Name = ""
		}
	}
	return axes
}

// outputAxes are those of a value: the input's plane is named as there, other
// planes that follow the input's size have names of their own.
func (o ONNXOptions) outputAxes(s *planes, name string, v *nn.Value) []weights.ONNXAxis {
	shape := v.Shape()
	axes := make([]weights.ONNXAxis, len(shape))
	for i, n := range shape {
		axes[i].Length = n
	}
	axes[0] = o.inputAxes()[0]
	if len(shape) == 4 && o.Height == 0 && shape[2:].Elements() != 1 {
		if s.alike(v, s.values[0][0]) {
			copy(axes[2:], o.inputAxes()[2:])
		} else {
			axes[2], axes[3] = weights.ONNXAxis{Name: name + ".height"}, weights.ONNXAxis{Name: name + ".width"}
		}
	}
	return axes
}
