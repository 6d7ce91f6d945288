package weights

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxONNX is the size up to which one file holds a whole model: protobuf reads
// no message of 2 GiB or more.
const maxONNX = math.MaxInt32

// onnxIRVersion is the version of the format that came with operator set 17.
const onnxIRVersion = 8

// WriteONNX writes a model as one ONNX file, constants included. The same
// model gives the same bytes. One of 2 GiB or more is refused before anything
// is written.
func WriteONNX(w io.Writer, m ONNXModel) error {
	if err := writeONNX(w, m); err != nil {
		return fmt.Errorf("writing ONNX: %w", err)
	}
	return nil
}

func writeONNX(w io.Writer, m ONNXModel) error {
	head, err := graphMessage(m.Graph)
	if err != nil {
		return err
	}
	// Constants are most of the file and are not copied: only what stands
	// before their data is made here.
	graphSize := len(head)
	prefixes := make([][]byte, len(m.Graph.Initializers))
	for i, t := range m.Graph.Initializers {
		if prefixes[i], err = tensorPrefix(t); err != nil {
			return fmt.Errorf("constant %q: %w", t.Name, err)
		}
		graphSize += len(prefixes[i]) + dataSize(t.Data)
	}
	model := modelMessage(m)
	model = protowire.AppendTag(model, modelGraph, protowire.BytesType)
	model = protowire.AppendVarint(model, uint64(graphSize))
	if total := len(model) + graphSize; total > maxONNX {
		return fmt.Errorf("the model takes %d bytes, one ONNX file holds less than 2 GiB: choose a narrower network", total)
	}
	out := bufio.NewWriterSize(w, 1<<20)
	out.Write(model)
	out.Write(head)
	for i, t := range m.Graph.Initializers {
		out.Write(prefixes[i])
		writeData(out, t.Data)
	}
	return out.Flush()
}

// Field numbers of onnx.proto3.
const (
	modelIRVersion, modelProducer, modelVersion = 1, 2, 3
	modelGraph, modelOpSet, modelMetadata       = 7, 8, 14

	graphNode, graphName, graphInitializer, graphInput, graphOutput = 1, 2, 5, 11, 12

	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute = 1, 2, 3, 4, 5

	attributeName, attributeFloat, attributeInt, attributeString, attributeInts, attributeType = 1, 2, 3, 4, 8, 20

	tensorDims, tensorType, tensorName, tensorData = 1, 2, 8, 9
)

// Types of attributes and of elements.
const (
	floatAttribute, intAttribute, stringAttribute, intsAttribute = 1, 2, 3, 7

	floatElement, uint8Element, int8Element, int32Element, int64Element = 1, 2, 3, 6, 7
)

// modelMessage is the model but for its graph.
func modelMessage(m ONNXModel) []byte {
	b := appendInt(nil, modelIRVersion, onnxIRVersion)
	b = appendString(b, modelProducer, m.Producer)
	b = appendString(b, modelVersion, m.Version)
	b = appendMessage(b, modelOpSet, appendInt(nil, 2, int64(m.OpSet)))
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		b = appendMessage(b, modelMetadata, appendString(appendString(nil, 1, key), 2, m.Metadata[key]))
	}
	return b
}

// graphMessage is the graph but for its constants.
func graphMessage(g ONNXGraph) ([]byte, error) {
	var b []byte
	for _, n := range g.Nodes {
		node, err := nodeMessage(n)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Name, err)
		}
		b = appendMessage(b, graphNode, node)
	}
	b = appendString(b, graphName, g.Name)
	for _, v := range g.Inputs {
		b = appendMessage(b, graphInput, valueMessage(v))
	}
	for _, v := range g.Outputs {
		b = appendMessage(b, graphOutput, valueMessage(v))
	}
	return b, nil
}

func nodeMessage(n ONNXNode) ([]byte, error) {
	var b []byte
	for _, name := range n.Inputs {
		b = appendString(b, nodeInput, name)
	}
	for _, name := range n.Outputs {
		b = appendString(b, nodeOutput, name)
	}
	b = appendString(b, nodeName, n.Name)
	b = appendString(b, nodeOp, n.Op)
	for _, a := range n.Attributes {
		attribute := appendString(nil, attributeName, a.Name)
		kind := int64(0)
		switch v := a.Value.(type) {
		case int:
			attribute, kind = appendInt(attribute, attributeInt, int64(v)), intAttribute
		case []int:
			for _, i := range v {
				attribute = appendInt(attribute, attributeInts, int64(i))
			}
			kind = intsAttribute
		case float32:
			attribute = protowire.AppendTag(attribute, attributeFloat, protowire.Fixed32Type)
			attribute, kind = protowire.AppendFixed32(attribute, math.Float32bits(v)), floatAttribute
		case string:
			attribute, kind = appendString(attribute, attributeString, v), stringAttribute
		default:
			return nil, fmt.Errorf("attribute %q is a %T", a.Name, v)
		}
		b = appendMessage(b, nodeAttribute, appendInt(attribute, attributeType, kind))
	}
	return b, nil
}

// valueMessage is a ValueInfoProto: a name and a TypeProto of a tensor.
func valueMessage(v ONNXValue) []byte {
	var shape []byte
	for _, a := range v.Axes {
		axis := appendInt(nil, 1, int64(a.Length))
		if a.Name != "" {
			axis = appendString(nil, 2, a.Name)
		}
		shape = appendMessage(shape, 1, axis)
	}
	tensor := appendMessage(appendInt(nil, 1, floatElement), 2, shape)
	return appendMessage(appendString(nil, 1, v.Name), 2, appendMessage(nil, 1, tensor))
}

// tensorPrefix is a constant, with the tag that makes it one of a graph's, up
// to its data, which ends it.
func tensorPrefix(t ONNXTensor) ([]byte, error) {
	var body []byte
	elements := 1
	for _, n := range t.Shape {
		body = appendInt(body, tensorDims, int64(n))
		elements *= n
	}
	kind, count := elementsOf(t.Data)
	if kind == 0 || count != elements {
		return nil, fmt.Errorf("shape %v and %d values of %T do not go together", t.Shape, count, t.Data)
	}
	body = appendInt(body, tensorType, int64(kind))
	body = appendString(body, tensorName, t.Name)
	size := dataSize(t.Data)
	body = protowire.AppendTag(body, tensorData, protowire.BytesType)
	body = protowire.AppendVarint(body, uint64(size))
	b := protowire.AppendTag(nil, graphInitializer, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(body)+size))
	return append(b, body...), nil
}

// elementsOf is the type of the elements, 0 for one that is not known, and
// their number.
func elementsOf(data any) (kind, count int) {
	switch d := data.(type) {
	case []float32:
		return floatElement, len(d)
	case []int64:
		return int64Element, len(d)
	case []int32:
		return int32Element, len(d)
	case []int8:
		return int8Element, len(d)
	case []uint8:
		return uint8Element, len(d)
	}
	return 0, 0
}

func dataSize(data any) int { return max(binary.Size(data), 0) }

// writeData writes elements little-endian. Errors stick to the writer.
func writeData(w *bufio.Writer, data any) {
	floats, ok := data.([]float32)
	if !ok {
		_ = binary.Write(w, binary.LittleEndian, data)
		return
	}
	for len(floats) > 0 { // in pieces: binary.Write would copy all of them
		n := min(len(floats), chunk)
		_ = binary.Write(w, binary.LittleEndian, floats[:n])
		floats = floats[n:]
	}
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}
