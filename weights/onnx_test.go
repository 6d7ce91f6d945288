package weights

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// small is a model of every kind of attribute, constant and axis: y = x + 1
// over a softmax, and a slice of it in 8 bits.
func small() ONNXModel {
	return ONNXModel{
		Producer: "jcs", Version: "v1", OpSet: 17, Metadata: map[string]string{"b": "2", "a": "1"},
		Graph: ONNXGraph{
			Name:    "small",
			Inputs:  []ONNXValue{{"x", []ONNXAxis{{Name: "batch"}, {Length: 2}}}},
			Outputs: []ONNXValue{{"y", []ONNXAxis{{Name: "batch"}, {Length: 2}}}},
			Nodes: []ONNXNode{
				{"Add", "add", []string{"x", "one"}, []string{"sum"}, nil},
				{"LeakyRelu", "leak", []string{"sum"}, []string{"leaked"}, []ONNXAttribute{{"alpha", float32(0.5)}}},
				{"Softmax", "soft", []string{"leaked"}, []string{"shares"}, []ONNXAttribute{{"axis", 1}}},
				{"Slice", "cut", []string{"shares", "from", "to", "axes"}, []string{"part"}, nil},
				{"QuantizeLinear", "down", []string{"part", "scale", "zero"}, []string{"levels"}, nil},
				{"DequantizeLinear", "up", []string{"levels", "scale", "zero"}, []string{"back"}, nil},
				{"DequantizeLinear", "kernel", []string{"eight", "scale"}, []string{"eighth"}, nil},
				{"DequantizeLinear", "bias", []string{"thirty-two", "scale"}, []string{"small"}, nil},
				{"Add", "shift", []string{"eighth", "small"}, []string{"shifted"}, nil},
				{"Mul", "times", []string{"back", "shifted"}, []string{"product"}, nil},
				{"Transpose", "turn", []string{"product"}, []string{"y"}, []ONNXAttribute{{"perm", []int{0, 1}}}},
			},
			Initializers: []ONNXTensor{
				{"one", []int{2}, []float32{1, 1.5}},
				{"from", []int{1}, []int64{-2}}, {"to", []int{1}, []int64{1 << 40}}, {"axes", []int{1}, []int64{1}},
				{"scale", []int{}, []float32{1.0 / 255}}, {"zero", []int{}, []uint8{128}},
				{"eight", []int{1, 2}, []int8{-128, 127}}, {"thirty-two", []int{2}, []int32{-1 << 20, 255}},
			},
		},
	}
}

// The golden file was taken from this writer and read by ONNX Runtime 1.30,
// which ran it. The network's own exports are run there by package network.
func TestONNXIsWrittenAsTheGoldenFileIs(t *testing.T) {
	var got bytes.Buffer
	if err := WriteONNX(&got, small()); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/small.onnx"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes differ from the golden file's %d: % x", got.Len(), len(want), got.Bytes())
	}
}

func TestONNXThatCannotBeReadIsNotWritten(t *testing.T) {
	cases := map[string]struct {
		spoil func(*ONNXModel)
		want  string
	}{
		"a constant of the wrong length": {func(m *ONNXModel) { m.Graph.Initializers[0].Shape = []int{3} }, `constant "one": shape [3] and 2 values`},
		"a constant of another type":     {func(m *ONNXModel) { m.Graph.Initializers[0].Data = []float64{1, 2} }, "[]float64 do not go together"},
		"an attribute of another type":   {func(m *ONNXModel) { m.Graph.Nodes[2].Attributes[0].Value = int8(1) }, `node "soft": attribute "axis" is a int8`},
		"two gigabytes": {func(m *ONNXModel) {
			m.Graph.Initializers[0] = ONNXTensor{"one", []int{1 << 31}, make([]uint8, 1<<31)} // never touched, so never there
		}, "less than 2 GiB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := small()
			c.spoil(&m)
			var b bytes.Buffer
			err := WriteONNX(&b, m)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written", b.Len())
			}
		})
	}
}

func TestNumPyFilesAreWrittenAsNumPyDoes(t *testing.T) {
	for _, c := range []struct {
		shape  []int
		header string
	}{
		{[]int{2, 3}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }"},
		{[]int{6}, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"},
	} {
		var b bytes.Buffer
		if err := WriteNPY(&b, Tensor{Shape: c.shape, Data: []float32{0, 1, 2, 3, 4, -0.5}}); err != nil {
			t.Fatal(err)
		}
		got := b.Bytes()
		head, data := got[:len(got)-24], got[len(got)-24:]
		if len(head)%64 != 0 || head[len(head)-1] != '\n' || int(head[8])+int(head[9])<<8 != len(head)-10 {
			t.Errorf("the header of %v is %q", c.shape, head)
		}
		if !strings.HasPrefix(string(head[10:]), c.header) || !bytes.HasSuffix(data, []byte{0, 0, 0, 0xbf}) {
			t.Errorf("%v becomes %q", c.shape, got)
		}
	}
}
