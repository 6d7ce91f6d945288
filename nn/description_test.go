package nn

import (
	"reflect"
	"testing"
	"unicode"
)

func TestNodesSayEveryOperationWithItsAttributes(t *testing.T) {
	g := NewGraph()
	x := g.Input("x", 2, 4, 8, 8)
	conv := Conv{Out: 6, Kernel: 3, Bias: true}.Same()
	y := g.Conv("conv", x, conv)
	y = g.BatchNorm("bn", y, BatchNorm{Frozen: true})
	y = g.ReLU(y)
	pooled := g.MaxPool(y, Pool{Kernel: 2})
	averaged := g.AveragePool(y, Pool{Kernel: 2, Ceil: true})
	y = g.Concat(g.Slice(pooled, 1, 4), averaged)
	y = g.Resize(y, 5, 7)
	s := g.Sigmoid(g.Linear("fc", g.GlobalAverage(y), Linear{Out: 9}))
	y = g.ScaleChannels(y, s)
	g.Output("y", g.Softmax(g.Add(y, y)))
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	want := []any{
		conv.withDefaults(), BatchNorm{Frozen: true, Momentum: 0.1}, ReLU,
		MaxPooling{Pool{Kernel: 2, Stride: 2}}, AveragePooling{Pool{Kernel: 2, Stride: 2, Ceil: true}},
		Channels{1, 4}, Concatenation{}, Size{5, 7}, GlobalAveraging{}, Linear{Out: 9}, Sigmoid,
		ChannelScaling{}, Addition{}, SoftmaxOverChannels{},
	}
	nodes := g.Nodes()
	if len(nodes) != len(want) {
		t.Fatalf("%d operations, want %d", len(nodes), len(want))
	}
	known := map[*Value]bool{x: true}
	for i, n := range nodes {
		if !reflect.DeepEqual(n.Attributes, want[i]) {
			t.Errorf("operation %d has the attributes %#v, want %#v", i, n.Attributes, want[i])
		}
		for _, in := range n.Inputs {
			if !known[in] {
				t.Errorf("%s %d reads what no operation before it makes", n.Kind, i)
			}
		}
		known[n.Output] = true
	}
	if p := nodes[0].Parameters; len(p) != 2 || p[0].Name != "conv.weight" || p[1].Name != "conv.bias" {
		t.Errorf("the convolution's parameters are %v", p)
	}
	nodes[0].Inputs[0] = nil
	if g.Nodes()[0].Inputs[0] != x {
		t.Error("what is done to a node changes the graph")
	}
}

// An operation that is added to the package and forgotten here would be of a
// type that others cannot name.
func TestNodesHaveAttributesOfExportedTypes(t *testing.T) {
	for _, op := range []operation{
		Conv{}, Linear{}, BatchNorm{}, ReLU, maxPool{}, averagePool{}, globalAverage{}, resize{}, concat{}, slice{},
		add{}, scaleChannels{}, softmax{},
	} {
		name := reflect.TypeOf(attributesOf(op)).Name()
		if !unicode.IsUpper(rune(name[0])) {
			t.Errorf("the attributes of a %s are a %s", op.kind(), name)
		}
	}
}
