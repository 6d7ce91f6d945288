package weights

// The parts of an ONNX model that networks need, named as in the format's own
// definition (onnx.proto3 of ONNX 1.12, which brought operator set 17).

// ONNXModel is a network as ONNX keeps it: one graph over one operator set.
type ONNXModel struct {
	Producer string // the program that wrote it
	Version  string // of that program
	OpSet    int
	Metadata map[string]string
	Graph    ONNXGraph
}

// ONNXGraph is what a model computes. Nodes stand behind those that they read.
type ONNXGraph struct {
	Name            string
	Inputs, Outputs []ONNXValue
	Nodes           []ONNXNode
	Initializers    []ONNXTensor
}

// ONNXValue is an input or output, float32, with its axes.
type ONNXValue struct {
	Name string
	Axes []ONNXAxis
}

// ONNXAxis is an axis of fixed length or, with a name, of any.
type ONNXAxis struct {
	Name   string
	Length int
}

// ONNXNode is one operation of the standard's own operators.
type ONNXNode struct {
	Op              string
	Name            string
	Inputs, Outputs []string
	Attributes      []ONNXAttribute
}

// ONNXAttribute is an attribute of a node: Value is an int, []int, float32 or
// string.
type ONNXAttribute struct {
	Name  string
	Value any
}

// ONNXTensor is a constant. Data is a []float32, []int64, []int32, []int8 or
// []uint8 in row-major order; the empty shape is a scalar.
type ONNXTensor struct {
	Name  string
	Shape []int
	Data  any
}
