//go:build cgo

package nn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// eachLeftOut are the passes one by one, and all of them together.
func eachLeftOut() map[string][]Pass {
	all := map[string][]Pass{}
	var every []Pass
	for _, p := range Passes() {
		all["without "+string(p.Pass)] = []Pass{p.Pass}
		every = append(every, p.Pass)
	}
	all["without any pass"] = every
	return all
}

// Whatever is left out, a network computes what the reference does, within the
// bounds that all of it is held to.
func TestNetworksComputeTheSameWithoutAnyPass(t *testing.T) {
	inBlocks := ways()[1]
	cases := append(alignedCases(), chainCases()...)
	cases = append(cases, sharedCases()...)
	cases = append(cases, branchCases()...)
	cases = append(cases, blockCases()...)
	random := 60
	if testing.Short() {
		random = 5
	}
	for _, c := range append(cases, randomGraphCases(random)...) {
		t.Run(strings.ReplaceAll(c.name, "/", " "), func(t *testing.T) {
			g := c.graph(t)
			w, in, outGrads := c.values(t, g)
			want := infer(t, g, w, Options{Executor: Reference}, in)
			wantStep := trainStep(t, g, w, Reference, in, outGrads)
			for name, passes := range eachLeftOut() {
				t.Run(name, func(t *testing.T) {
					for _, o := range []Options{
						{Executor: OneDNN, Without: passes},
						{Executor: OneDNN, Without: passes, Precision: Float32, only: inBlocks.only},
					} {
						for i, out := range infer(t, g, w, o, in) {
							near(t, fmt.Sprintf("output %d in %q", i, o.Precision), out, want[i], 1e-5)
						}
						compareSteps(t, trainStepWith(t, g, w, o, in, outGrads), wantStep, 1)
					}
				})
			}
		})
	}
}

// The passes go with reduced precisions, which change what operations read.
func TestReducedPrecisionsAreNearTheReferenceWithoutAnyPass(t *testing.T) {
	for _, c := range quantisedCases() {
		t.Run(c.name, func(t *testing.T) {
			g := c.graph(t)
			w, in, _ := c.values(t, g)
			want := infer(t, g, w, Options{Executor: Reference}, in)
			calibration := calibrated(t, g, w, in)
			for name, passes := range eachLeftOut() {
				for _, r := range reductions() {
					o := Options{Precision: r.precision, Narrowest: true, Calibration: r.of(calibration), Without: passes}
					for i, out := range infer(t, g, w, o, in) {
						near(t, fmt.Sprintf("output %d in %s %s", i, r, name), out, want[i], r.tolerance)
					}
				}
			}
		})
	}
}

// What a convolution's result spans was seen behind what is fused into it.
func TestResultsAreOf8BitsOnlyWhereAllIsFused(t *testing.T) {
	if !onednn.MultipliesEightBits() {
		t.Skip("this processor has no 8-bit products to take (VNNI)")
	}
	c := quantisedCases()[0]
	g := c.graph(t)
	w, in, _ := c.values(t, g)
	o := Options{Precision: Int8, Calibration: calibrated(t, g, w, in), Timings: &Timings{}}
	o.Timings.decree = func(way string) float64 {
		if strings.Contains(way, fmt.Sprintf(" %d>%d ", onednn.U8, onednn.U8)) || strings.HasPrefix(way, "reorder") {
			return 1e-9
		}
		return 1
	}
	for _, pass := range append(Passes(), PassDescription{}) {
		o.Without = nil
		if pass.Pass != "" {
			o.Without = []Pass{pass.Pass}
		}
		p, err := Compile(g, w, o)
		if err != nil {
			t.Fatal(err)
		}
		narrow := 0
		for _, m := range p.exec.(*oneDNNProgram).low.methods {
			if eightBit(m.out) {
				narrow++
			}
		}
		p.Close()
		if (narrow > 0) != (pass.rewrite == nil) {
			t.Errorf("without %q %d convolutions write 8 bits", pass.Pass, narrow)
		}
	}
}

// counted is what a program does and holds.
type counted struct {
	steps    map[string]int // by kind
	reorders int            // in all
	arena    int
	places   int // sum of the tensors
}

func count(t *testing.T, c graphCase, o Options) counted {
	t.Helper()
	g := c.graph(t)
	w, _, _ := c.values(t, g)
	p, err := Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	n := counted{steps: map[string]int{}, arena: p.Memory().Arena, places: p.Memory().Activations}
	for _, s := range p.exec.(*oneDNNProgram).low.steps {
		n.steps[s.kind]++
	}
	n.reorders = n.steps["reorder"]
	return n
}

// training is what a trainer does and holds.
func training(t *testing.T, c graphCase, o Options) counted {
	t.Helper()
	g := c.graph(t)
	w, _, _ := c.values(t, g)
	tr, err := NewTrainer(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	n := counted{steps: map[string]int{}, arena: tr.Memory().Arena, places: tr.Memory().Activations}
	for _, s := range tr.exec.(*oneDNNTrainer).low.steps {
		n.steps[s.kind]++
	}
	return n
}

// inBlocks compiles for convolutions in blocks of channels, without and with a
// pass.
func inBlocks(t *testing.T, c graphCase, p Pass) (with, without counted) {
	t.Helper()
	o := Options{Precision: Float32, only: ways()[1].only}
	with = count(t, c, o)
	o.Without = []Pass{p}
	return with, count(t, c, o)
}

// A switch that does nothing is none: each pass, where it is left out, leaves
// behind what it was there to do away with.
func TestAPassThatIsLeftOutIsNotTaken(t *testing.T) {
	same := func(out int) Conv { return Conv{Out: out, Kernel: 3, Bias: true}.Same() }
	chain := func(inner func(g *Graph, y *Value) *Value) graphCase {
		return one("chain", Shape{1, 16, 8, 8}, func(g *Graph, x *Value) *Value {
			return g.Conv("last", inner(g, g.Conv("first", x, same(32))), same(32))
		})
	}
	steps := func(kind string) func(counted) int { return func(c counted) int { return c.steps[kind] } }
	reorders := steps("reorder")
	held := map[Pass]bool{}
	for _, c := range []struct {
		pass          Pass
		what          string
		of            func(counted) int
		with, without int
		graph         graphCase
	}{
		{FoldBatchNorm, "batch norms", steps("batch norm"), 0, 1,
			chain(func(g *Graph, y *Value) *Value { return live(g, "n", y) })},
		{FuseResidual, "additions", steps("add"), 0, 1,
			chain(func(g *Graph, y *Value) *Value { return g.Add(g.Conv("c", y, same(32)), y) })},
		{FuseActivation, "ReLUs", steps("ReLU"), 0, 1,
			chain(func(g *Graph, y *Value) *Value { return g.ReLU(y) })},
		{FuseActivation, "sigmoids", steps("sigmoid"), 0, 1,
			chain(func(g *Graph, y *Value) *Value {
				return g.ScaleChannels(y, g.Sigmoid(g.Linear("l", g.GlobalAverage(y), Linear{Out: 32})))
			})},
		{ConcatInPlace, "copies", reorders, 2, 4,
			chain(func(g *Graph, y *Value) *Value { return g.Concat(g.Conv("a", y, same(16)), g.Conv("b", y, same(16))) })},
		{SliceInPlace, "copies", reorders, 2, 4,
			chain(func(g *Graph, y *Value) *Value {
				return g.Concat(g.Conv("a", g.Slice(y, 0, 16), same(16)), g.Conv("b", g.Slice(y, 16, 32), same(16)))
			})},
		{SumInPlace, "copies", reorders, 2, 3,
			chain(func(g *Graph, y *Value) *Value {
				return g.Add(g.Conv("a", y, same(32)), g.ReLU(g.MaxPool(y, Pool{Kernel: 3, Stride: 1, Pad: 1})))
			})},
		{VectorsInPlace, "copies", reorders, 2, 4,
			chain(func(g *Graph, y *Value) *Value {
				return g.ScaleChannels(y, g.Linear("l", g.GlobalAverage(y), Linear{Out: 32}))
			})},
		{KeepCopies, "copies", reorders, 2, 3,
			one("two of one", Shape{1, 16, 8, 8}, func(g *Graph, x *Value) *Value {
				return g.Add(g.Conv("a", x, same(32)), g.ReLU(g.Conv("b", x, same(32))))
			})},
	} {
		held[c.pass] = true
		t.Run(fmt.Sprintf("%s, %s", c.pass, c.what), func(t *testing.T) {
			with, without := inBlocks(t, c.graph, c.pass)
			if c.of(with) != c.with || c.of(without) != c.without {
				t.Errorf("%d %s with the pass and %d without, want %d and %d", c.of(with), c.what, c.of(without), c.with, c.without)
			}
		})
	}
	held[PlanMemory] = true
	t.Run("plan-memory", func(t *testing.T) {
		with, without := inBlocks(t, chain(func(g *Graph, y *Value) *Value { return g.Conv("a", g.Conv("b", y, same(32)), same(32)) }), PlanMemory)
		if with.places != without.places || with.arena > with.places/2 || without.arena != without.places {
			t.Errorf("the arena takes %d bytes with the pass and %d without, of %d and %d", with.arena, without.arena, with.places, without.places)
		}
	})
	held[GradientsInPlace] = true
	block := chain(func(g *Graph, y *Value) *Value {
		y = g.ReLU(live(g, "n", g.Conv("a", y, same(32))))
		return g.Add(y, g.ReLU(g.Conv("b", y, same(32))))
	})
	whole := training(t, block, Options{})
	t.Run("gradients-in-place", func(t *testing.T) {
		// A norm's, and the sum of those of its two readers.
		plane := 4 * 32 * 8 * 8
		without := training(t, block, Options{Without: []Pass{GradientsInPlace}})
		if without.places-whole.places < 2*plane {
			t.Errorf("tensors take %d bytes with the pass and %d without", whole.places, without.places)
		}
	})
	t.Run("fuse-activation in training", func(t *testing.T) {
		without := training(t, block, Options{Without: []Pass{FuseActivation}})
		if with, without := whole.steps["ReLU"], without.steps["ReLU"]; with != 0 || without != 4 {
			t.Errorf("%d steps of ReLUs with the pass and %d without, want none and 4", with, without)
		}
	})
	for _, p := range Passes() {
		if !held[p.Pass] {
			t.Errorf("no case says what is left behind without %s", p.Pass)
		}
	}
}
