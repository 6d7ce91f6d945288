package network

import (
	"fmt"

	"github.com/jcs-ct/jcs/nn"
)

// graphLayout is what the export has to know of a graph's operations together.
type graphLayout struct {
	nodes   []nn.Node
	readers map[*nn.Value][]nn.Node
	makers  map[*nn.Value]nn.Node
	names   map[*nn.Value]string // in the file; an output has the name of its tap
	keys    map[*nn.Value]string // the same whatever the outputs
	needed  map[*nn.Value]bool   // for some output
	wanted  map[*nn.Value]bool   // as an output
	folded  map[*nn.Value]*nn.Node
	inputs  []*nn.Value
}

func newGraphLayout(inputs []*nn.Value, outputs []nn.Output, nodes []nn.Node) *graphLayout {
	l := &graphLayout{
		nodes: nodes, inputs: inputs, readers: map[*nn.Value][]nn.Node{}, makers: map[*nn.Value]nn.Node{},
		names: map[*nn.Value]string{}, keys: map[*nn.Value]string{},
		needed: map[*nn.Value]bool{}, wanted: map[*nn.Value]bool{}, folded: map[*nn.Value]*nn.Node{},
	}
	for _, o := range outputs {
		l.needed[o.Value], l.wanted[o.Value] = true, true
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		l.makers[n.Output] = n
		if !l.needed[n.Output] {
			continue
		}
		for _, in := range n.Inputs {
			l.needed[in] = true
			l.readers[in] = append(l.readers[in], n)
		}
	}
	l.nameAll(outputs)
	for _, n := range nodes {
		_, isConv := n.Attributes.(nn.Conv)
		if next, ok := l.onlyReader(n.Output); ok && isConv {
			if _, isNorm := next.Attributes.(nn.BatchNorm); isNorm {
				l.folded[n.Output] = &next
			}
		}
	}
	return l
}

// nameAll names every value after its layer and operation.
func (l *graphLayout) nameAll(outputs []nn.Output) {
	count := map[string]int{}
	for _, in := range l.inputs {
		l.names[in], l.keys[in] = in.Name(), in.Name()
	}
	for _, n := range l.nodes {
		name := n.Output.Name() + "/" + onnxOperator(n.Attributes)
		count[name]++
		if c := count[name]; c > 1 {
			name = fmt.Sprintf("%s_%d", name, c)
		}
		l.names[n.Output], l.keys[n.Output] = name, name
	}
	for i := len(outputs) - 1; i >= 0; i-- { // the first name of a value wins
		if _, made := l.makers[outputs[i].Value]; made {
			l.names[outputs[i].Value] = outputs[i].Name
		}
	}
}

// onlyReader is the one operation that reads a value which nobody else wants.
func (l *graphLayout) onlyReader(v *nn.Value) (nn.Node, bool) {
	if l.wanted[v] || len(l.readers[v]) != 1 {
		return nn.Node{}, false
	}
	return l.readers[v][0], true
}

// onnxOperator is the operator that does most of an operation's work.
func onnxOperator(attributes any) string {
	switch a := attributes.(type) {
	case nn.Conv:
		return "Conv"
	case nn.Linear:
		return "Gemm"
	case nn.BatchNorm:
		return "Norm"
	case nn.Activation:
		switch a {
		case nn.ReLU:
			return "Relu"
		case nn.ReLU6:
			return "Clip"
		case nn.HardSwish:
			return "HardSwish"
		}
		return "Sigmoid"
	case nn.MaxPooling:
		return "MaxPool"
	case nn.AveragePooling:
		return "AveragePool"
	case nn.GlobalAveraging:
		return "GlobalAveragePool"
	case nn.Size:
		return "Resize"
	case nn.Channels:
		return "Slice"
	case nn.Concatenation:
		return "Concat"
	case nn.Addition:
		return "Add"
	case nn.ChannelScaling:
		return "Mul"
	case nn.SoftmaxOverChannels:
		return "Softmax"
	}
	return ""
}
