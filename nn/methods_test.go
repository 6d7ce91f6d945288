//go:build cgo

package nn

import (
	"fmt"
	"strings"
	"testing"
)

// way forces convolutions to be computed in one way where it exists.
type way struct {
	name  string
	only  func(way string) bool
	slack float64 // against direct convolutions
	// prefer is what the keys contain of those that count as fastest.
	prefer string
}

func ways() []way {
	has := func(all ...string) func(string) bool {
		return func(way string) bool {
			for _, s := range all {
				if !strings.Contains(way, s) {
					return false
				}
			}
			return true
		}
	}
	return []way{
		{"channels last", has(" last ", " direct "), 1, ""},
		{"in blocks", has(" blocked ", " direct "), 1, ""},
		{"by oneDNN's Winograd where it fits", has(" blocked "), 20, " winograd "},
		{"by our own Winograd in tiles of 4 where it fits", has(" blocked "), 20, " winograd4"},
		{"by our own Winograd in tiles of 6 where it fits", has(" blocked "), 20, " winograd6"},
		{"the fastest", nil, 20, ""},
	}
}

// timings make what is preferred the fastest.
func (m way) timings() *Timings {
	if m.prefer == "" {
		return nil
	}
	return &Timings{decree: func(key string) float64 {
		switch {
		case strings.Contains(key, m.prefer):
			return 1
		case strings.HasPrefix(key, "reorder"):
			return 0
		}
		return 10
	}}
}

// alignedCases are networks whose channels lie along blocks, so that parts are
// written in place.
func alignedCases() []graphCase {
	same := func(out int) Conv { return Conv{Out: out, Kernel: 3, Bias: true}.Same() }
	return []graphCase{
		one("parts written into their concatenation", Shape{1, 16, 9, 7}, func(g *Graph, x *Value) *Value {
			a, b := g.Conv("a", x, same(32)), g.ReLU(g.Conv("b", x, same(16)))
			return g.Conv("c", g.Concat(a, b), same(16))
		}),
		one("a part of two concatenations", Shape{1, 16, 8, 8}, func(g *Graph, x *Value) *Value {
			a, b := g.Conv("a", x, same(32)), g.Resize(g.Conv("b", g.MaxPool(x, Pool{Kernel: 2}), same(32)), 8, 8)
			y := g.Conv("c", g.Concat(a, b), same(64))
			return g.Conv("d", g.Concat(y, b), same(16))
		}),
		one("the same part twice", Shape{1, 16, 6, 7}, func(g *Graph, x *Value) *Value {
			a := g.Conv("a", x, same(16))
			return g.Conv("c", g.Concat(a, a), same(16))
		}),
		one("a residual that lies in a concatenation", Shape{1, 16, 6, 7}, func(g *Graph, x *Value) *Value {
			a := g.Conv("a", x, same(16))
			sum := g.ReLU(g.Add(g.Conv("b", a, same(16)), a))
			return g.Conv("c", g.Concat(a, sum), same(16))
		}),
		one("a block of a Res2Net of aligned groups", Shape{1, 32, 8, 7}, func(g *Graph, x *Value) *Value {
			y := g.ReLU(g.Conv("in", x, Conv{Out: 64, Kernel: 1, Bias: true}))
			var parts []*Value
			for i := range 3 {
				part := g.Slice(y, 16*i, 16*i+16)
				if i > 0 {
					part = g.Add(parts[i-1], part)
				}
				parts = append(parts, g.ReLU(g.Conv(fmt.Sprint("group", i), part, same(16))))
			}
			z := g.Conv("out", g.Concat(append(parts, g.Slice(y, 48, 64))...), Conv{Out: 32, Kernel: 1, Bias: true})
			return g.ReLU(g.Add(z, x))
		}),
		one("a residual that is part of a value read later", Shape{1, 16, 6, 7}, func(g *Graph, x *Value) *Value {
			a := g.Conv("a", x, same(32))
			sum := g.Add(g.Conv("b", x, same(16)), g.Slice(a, 0, 16))
			return g.Conv("c", g.Concat(g.Conv("d", sum, same(16)), a), same(16))
		}),
		one("an unaligned last part", Shape{1, 16, 5, 6}, func(g *Graph, x *Value) *Value {
			return g.Conv("c", g.Concat(g.Conv("a", x, same(16)), g.Conv("b", x, same(5))), same(16))
		}),
		one("a concatenation that is output too", Shape{1, 16, 5, 6}, func(g *Graph, x *Value) *Value {
			c := g.Concat(g.Conv("a", x, same(16)), g.Conv("b", x, same(16)))
			g.Output("c", c)
			return g.Sigmoid(c)
		}),
	}
}

func TestEveryWayOfComputingAgreesWithTheReference(t *testing.T) {
	cases := append(alignedCases(), graphCases()...)
	for i, c := range cases {
		if testing.Short() && i > 40 {
			break
		}
		t.Run(strings.ReplaceAll(c.name, "/", " "), func(t *testing.T) {
			g := c.graph(t)
			w, in, outGrads := c.values(t, g)
			want := infer(t, g, w, Options{Executor: Reference}, in)
			wantStep := trainStep(t, g, w, Reference, in, outGrads)
			for _, m := range ways() {
				t.Run(m.name, func(t *testing.T) {
					o := Options{Executor: OneDNN, Precision: Float32, only: m.only, Timings: m.timings()}
					for i, out := range infer(t, g, w, o, in) {
						near(t, fmt.Sprintf("output %d", i), out, want[i], m.slack*1e-5)
					}
					compareSteps(t, trainStepWith(t, g, w, o, in, outGrads), wantStep, m.slack)
				})
			}
		})
	}
}
