package network

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// smallInput is a network's graph on a small plane, weights and an input.
func smallInput(t *testing.T, plan Plan, size int) (*nn.Graph, nn.Weights, []nn.Tensor) {
	t.Helper()
	g, err := plan.Graph(1, size, size)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ruleWeights(plan)
	if err != nil {
		t.Fatal(err)
	}
	return g, w, []nn.Tensor{ruleInput("input", 2, 1, 3, size, size)}
}

// run compiles and runs once.
func run(t *testing.T, g *nn.Graph, w nn.Weights, o nn.Options, in []nn.Tensor) []nn.Tensor {
	t.Helper()
	p, err := nn.Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := p.NewOutputs()
	if err := p.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// The networks compute the same with every pass, without each of them, and
// without all.
func TestNetworksComputeTheSameWithoutAnyPass(t *testing.T) {
	if testing.Short() || !hasOneDNN() {
		t.Skip("runs the full networks in plain Go, for oneDNN to be held against")
	}
	without := [][]nn.Pass{nil}
	var all []nn.Pass
	for _, p := range nn.Passes() {
		without = append(without, []nn.Pass{p.Pass})
		all = append(all, p.Pass)
	}
	without = append(without, all)
	for _, plan := range []Plan{CompactClassifier(), CompactJoint(), FullClassifier(), FullSegmenter(), FullJoint()} {
		t.Run(plan.Name, func(t *testing.T) {
			g, w, in := smallInput(t, plan, 64)
			want := run(t, g, w, nn.Options{Executor: nn.Reference}, in)
			for _, passes := range without {
				for i, out := range run(t, g, w, nn.Options{Precision: nn.Exact, Without: passes}, in) {
					name := g.Outputs()[i].Name
					if d := deviation(out.Data, want[i].Data); !(d <= tolerance) {
						t.Errorf("%s without %v deviates by %.2g of its largest magnitude", name, passes, d)
					}
				}
			}
		})
	}
}

// deviation is the largest difference by the largest magnitude.
func deviation(got, want []float32) float64 {
	worst, largest := 0.0, 0.0
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i]))) // NaN stays
		largest = max(largest, math.Abs(float64(want[i])))
	}
	return worst / largest
}

// Of a squeeze-excite's vectors, of a plane's means, what linear layers make of
// them and the factors of the channels, nothing is copied.
func TestNoVectorOfASqueezeExciteIsCopied(t *testing.T) {
	if !hasOneDNN() {
		t.Skip("only oneDNN has orders in memory to copy between")
	}
	for _, plan := range []Plan{CompactClassifier(), CompactJoint(), FullSegmenter()} {
		t.Run(plan.Name, func(t *testing.T) {
			g, w, in := smallInput(t, plan, 64)
			for _, precision := range []nn.Precision{nn.Exact, nn.Float32} {
				p, err := nn.Compile(g, w, nn.Options{Precision: precision})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				layers, err := p.Profile(context.Background(), in, p.NewOutputs())
				if err != nil {
					t.Fatal(err)
				}
				linear := 0
				for i, l := range layers {
					switch l.Kind {
					case "linear":
						linear++
					case "reorder":
						if i > 0 && layers[i-1].Kind == "linear" || i+1 < len(layers) && layers[i+1].Kind == "linear" {
							t.Errorf("in %s %q is copied beside %s", precision, l.Layer, fmt.Sprint(layers[max(i-1, 0):min(i+2, len(layers))]))
						}
					}
				}
				if linear == 0 {
					t.Error("there is no linear layer")
				}
			}
		})
	}
}
