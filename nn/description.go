package nn

// Node is one operation of a graph as others may read it, to say the network
// in another language. It is a copy: nothing done to it changes the graph.
type Node struct {
	// Kind is the operation's name, as in errors and profiles.
	Kind string
	// Attributes are the operation's: a [Conv], [Linear], [BatchNorm] or
	// [Activation], a [MaxPooling] or [AveragePooling], a [Size] of a resize,
	// a [Channels] of a slice, or one of the types without fields.
	Attributes any
	Inputs     []*Value
	Parameters []*Parameter // in the order in which the operation's method names them
	Output     *Value
}

// Attributes of operations that have no exported type of their own.
type (
	// MaxPooling is the window of a max pool.
	MaxPooling struct{ Pool }
	// AveragePooling is the window of an average pool.
	AveragePooling struct{ Pool }
	// Size is the plane that a resize makes.
	Size struct{ Height, Width int }
	// Channels are those that a slice takes: from up to, not including, To.
	Channels struct{ From, To int }
)

// Operations without attributes.
type (
	// GlobalAveraging is the mean of each plane.
	GlobalAveraging struct{}
	// Concatenation is along the channels.
	Concatenation struct{}
	// Addition is of two values of one shape.
	Addition struct{}
	// ChannelScaling multiplies each plane of the first input by one value of
	// the second, [N C] or [N C 1 1].
	ChannelScaling struct{}
	// SoftmaxOverChannels is a softmax over the second axis.
	SoftmaxOverChannels struct{}
)

// Nodes are the graph's operations, each behind those that it reads; the
// inputs of the graph are not among them.
func (g *Graph) Nodes() []Node {
	var nodes []Node
	for _, v := range g.nodes {
		if _, isInput := v.op.(input); isInput {
			continue
		}
		nodes = append(nodes, Node{
			Kind: v.op.kind(), Attributes: attributesOf(v.op), Output: v,
			Inputs: append([]*Value(nil), v.inputs...), Parameters: append([]*Parameter(nil), v.params...),
		})
	}
	return nodes
}

func attributesOf(op operation) any {
	switch o := op.(type) {
	case maxPool:
		return MaxPooling(o)
	case averagePool:
		return AveragePooling(o)
	case resize:
		return Size{o.height, o.width}
	case slice:
		return Channels{o.from, o.to}
	case globalAverage:
		return GlobalAveraging{}
	case concat:
		return Concatenation{}
	case add:
		return Addition{}
	case scaleChannels:
		return ChannelScaling{}
	case softmax:
		return SoftmaxOverChannels{}
	}
	return op // Conv, Linear, BatchNorm and Activation are exported themselves
}
