//go:build cgo

package nn

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// quantisedCases are networks with convolutions before and behind others, as
// only those are reduced.
func quantisedCases() []graphCase {
	conv := func(g *Graph, name string, x *Value, out int) *Value {
		return g.ReLU(g.Conv(name, x, Conv{Out: out, Kernel: 3, Bias: true}.Same()))
	}
	chain := func(inner func(g *Graph, x *Value) *Value) func(g *Graph, x *Value) *Value {
		return func(g *Graph, x *Value) *Value {
			return g.Conv("last", inner(g, conv(g, "first", x, 32)), Conv{Out: 4, Kernel: 1})
		}
	}
	shape := Shape{2, 3, 12, 10}
	return []graphCase{
		one("a chain", shape, chain(func(g *Graph, x *Value) *Value { return conv(g, "b", conv(g, "a", x, 26), 32) })),
		one("values below zero", shape, chain(func(g *Graph, x *Value) *Value {
			return conv(g, "b", g.Conv("a", x, Conv{Out: 32, Kernel: 3, Bias: true}.Same()), 16)
		})),
		one("other activations", shape, chain(func(g *Graph, x *Value) *Value {
			x = g.Activate(HardSwish, g.Conv("a", x, Conv{Out: 32, Kernel: 3}.Same()))
			return conv(g, "c", g.Activate(ReLU6, g.Conv("b", x, Conv{Out: 32, Kernel: 1, Bias: true})), 16)
		})),
		one("pool, resize and concatenation", shape, chain(func(g *Graph, x *Value) *Value {
			a := g.Resize(g.MaxPool(conv(g, "a", x, 32), Pool{Kernel: 2}), 12, 10)
			return conv(g, "c", g.Concat(a, conv(g, "b", x, 16)), 32)
		})),
		one("split, average pool and sum", shape, chain(func(g *Graph, x *Value) *Value {
			x = conv(g, "a", x, 32)
			y := g.Add(g.Slice(x, 0, 16), g.AveragePool(g.Slice(x, 16, 32), Pool{Kernel: 3, Stride: 1, Pad: 1}))
			return conv(g, "b", y, 32)
		})),
		one("residual", shape, chain(func(g *Graph, x *Value) *Value {
			a := conv(g, "a", x, 32)
			return conv(g, "c", g.ReLU(g.Add(g.Conv("b", a, Conv{Out: 32, Kernel: 3, Bias: true}.Same()), a)), 16)
		})),
		one("squeeze and excitation", shape, chain(func(g *Graph, x *Value) *Value {
			x = conv(g, "a", x, 32)
			s := g.Sigmoid(g.Linear("l", g.GlobalAverage(x), Linear{Out: 32, Bias: true}))
			return conv(g, "b", g.ScaleChannels(x, s), 32)
		})),
		one("convolutions of planes of one value", shape, chain(func(g *Graph, x *Value) *Value {
			s := g.Sigmoid(g.Conv("t", conv(g, "s", g.GlobalAverage(x), 32), Conv{Out: 32, Kernel: 1}))
			return conv(g, "b", g.ScaleChannels(x, s), 32)
		})),
		one("depthwise", shape, chain(func(g *Graph, x *Value) *Value {
			return conv(g, "b", g.ReLU(g.Conv("a", x, Conv{Out: 32, Kernel: 3, Groups: 32, Bias: true}.Same())), 32)
		})),
	}
}

func TestReducedPrecisionsAreNearTheReference(t *testing.T) {
	for _, c := range quantisedCases() {
		t.Run(c.name, func(t *testing.T) {
			g := c.graph(t)
			w, in, _ := c.values(t, g)
			want := infer(t, g, w, Options{Executor: Reference}, in)
			calibration := calibrated(t, g, w, in)
			for _, r := range reductions() {
				o := Options{Executor: OneDNN, Precision: r.precision, Narrowest: true, Calibration: r.of(calibration)}
				program, err := Compile(g, w, o)
				if err != nil {
					t.Fatal(err)
				}
				defer program.Close()
				if !onednn.MultipliesEightBits() {
					continue // and bfloat16 is not there either, or emulated
				}
				if reduced(program) == 0 {
					t.Errorf("in %s all convolutions stay float32", r)
				}
				if n := methodsOf(program, func(m method) bool { return m.by[forward] == roundedWinograd }); (n > 0) != (r.rounded && roundsWinograd() && wide3x3(g)) {
					t.Errorf("in %s %d convolutions multiply rounded values", r, n)
				}
				out := program.NewOutputs()
				for range 2 { // the second run finds the first one's memory
					if err := program.Run(context.Background(), in, out); err != nil {
						t.Fatal(err)
					}
				}
				for i := range out {
					near(t, fmt.Sprintf("output %d in %s", i, r), out[i], want[i], r.tolerance)
				}
				if d := distance(out[0].Data, want[0].Data); d == 0 {
					t.Errorf("%s gives the exact values", r)
				}
			}
		})
	}
}

// reduction is a precision, with or without the rounding of what Winograd
// transforms, and how far from the exact values it may lead.
type reduction struct {
	precision Precision
	rounded   bool
	tolerance float64
}

// A layer of rounded products loses 0.011 of its result's spread where
// neighbouring values have nothing to do with each other, as here; the largest
// of many hundred values is off by more than three of these.
func reductions() []reduction {
	return []reduction{{BFloat16, false, 0.02}, {BFloat16, true, 0.05}, {Int8, false, 0.05}}
}

func (r reduction) String() string {
	if r.rounded {
		return string(r.precision) + " with rounded products"
	}
	return string(r.precision)
}

// of is a calibration that speaks for the reduction.
func (r reduction) of(c *Calibration) *Calibration {
	copied := *c
	copied.Rounded = r.rounded
	return &copied
}

// wide3x3 reports whether Winograd can compute an inner convolution of a graph.
func wide3x3(g *Graph) bool {
	for v := range innerConvolutions(staged{nodes: g.nodes}) {
		if c, _ := asConv(v); c.Kernel == 3 && c.Stride == 1 && c.Groups == 1 {
			return true
		}
	}
	return false
}

func calibrated(t *testing.T, g *Graph, w Weights, in []Tensor) *Calibration {
	t.Helper()
	c, err := NewCalibrator(g, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Observe(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	return c.Calibration()
}

// reduced counts the convolutions that are not in float32.
func reduced(p *Program) int { return methodsOf(p, func(m method) bool { return m.kinds != floats() }) }

// methodsOf is the number of convolutions whose method is of some kind.
func methodsOf(p *Program, is func(method) bool) int {
	n := 0
	for _, m := range p.exec.(*oneDNNProgram).low.methods {
		if is(m) {
			n++
		}
	}
	return n
}

func TestProductsAreRoundedOnlyWhereTheCalibrationWasMadeSo(t *testing.T) {
	if !roundsWinograd() {
		t.Skip("this processor does not multiply bfloat16s: one with AVX512-BF16 does, without DNNL_MAX_CPU_ISA")
	}
	c := quantisedCases()[0]
	g := c.graph(t)
	w, in, _ := c.values(t, g)
	calibration := calibrated(t, g, w, in)
	if !calibration.Rounded {
		t.Error("a calibration that was made here does not speak for rounded products")
	}
	fast := &Timings{decree: func(way string) float64 {
		if strings.Contains(way, " rounded winograd") {
			return 1e-9
		}
		return 1
	}}
	for _, try := range []struct {
		name        string
		precision   Precision
		calibration *Calibration
		want        bool
	}{
		{"bf16 with a calibration for it", BFloat16, calibration, true},
		{"bf16 with one that says nothing of it", BFloat16, reduction{}.of(calibration), false},
		{"bf16 without a calibration", BFloat16, nil, true},
		{"float32", Float32, calibration, false},
		{"exact", Exact, calibration, false},
	} {
		fast.seconds = nil
		p, err := Compile(g, w, Options{Precision: try.precision, Calibration: try.calibration, Timings: fast})
		if err != nil {
			t.Fatal(err)
		}
		if n := methodsOf(p, func(m method) bool { return m.by[forward] == roundedWinograd }); (n > 0) != try.want {
			t.Errorf("%s: %d convolutions multiply rounded values", try.name, n)
		}
		p.Close()
	}
}

func TestTheFirstTheLastAndKeptConvolutionsStayWider(t *testing.T) {
	if !onednn.MultipliesEightBits() {
		t.Skip("this processor has no 8-bit products to take (VNNI)")
	}
	c := quantisedCases()[0]
	g := c.graph(t)
	w, in, _ := c.values(t, g)
	calibration := calibrated(t, g, w, in)
	for name, kept := range map[string]struct {
		kept map[Precision][]string
		a    onednn.Type // what a reads
	}{
		"kept from 8 bits":                {map[Precision][]string{Int8: {"a"}}, onednn.BF16},
		"kept from all reduced precision": {map[Precision][]string{Int8: {"a"}, BFloat16: {"a"}}, onednn.F32},
	} {
		calibration.Kept = kept.kept
		p, err := Compile(g, w, Options{Precision: Int8, Narrowest: true, Calibration: calibration})
		if err != nil {
			t.Fatal(err)
		}
		for v, m := range p.exec.(*oneDNNProgram).low.methods {
			want := onednn.F32
			switch v.name {
			case "a":
				want = kept.a
			case "b":
				want = onednn.U8
			}
			if m.in != want {
				t.Errorf("%s: convolution %q reads %v, it should %v", name, v.name, m.in, want)
			}
		}
		p.Close()
	}
}

// A value that is rounded may go through another side of a ReLU than the exact
// one, and with it a whole entry of a gradient: with one in a hundred the length
// of the difference is a tenth of the gradient's. Where nothing is cut only the
// rounding is left.
func TestTrainingInBfloat16GoesWhereTheReferenceGoes(t *testing.T) {
	for _, c := range append(alignedCases(), quantisedCases()...) {
		t.Run(strings.ReplaceAll(c.name, "/", " "), func(t *testing.T) {
			g := c.graph(t)
			w, in, outGrads := c.values(t, g)
			want := trainStep(t, g, w, Reference, in, outGrads)
			got := trainStepWith(t, g, w, Options{Executor: OneDNN, Precision: BFloat16, Narrowest: true}, in, outGrads)
			most := 0.03
			if slices.ContainsFunc(g.nodes, func(v *Value) bool { _, ok := v.op.(Activation); return ok }) {
				most = 0.25
			}
			for i, out := range want.outputs {
				if d := apart(got.outputs[i].Data, out.Data); !(d < 0.03) {
					t.Errorf("output %d is off by %.2g", i, d)
				}
			}
			for name, grad := range want.paramGrads {
				if d := apart(got.paramGrads[name].Data, grad.Data); !(d < most) {
					t.Errorf("the gradient of %s is off by %.2g", name, d)
				}
			}
		})
	}
}

// apart is the length of a difference, by that of what is wanted.
func apart(got, want []float32) float64 {
	var off, size float64
	for i, v := range want {
		d := float64(got[i]) - float64(v)
		off += d * d
		size += float64(v) * float64(v)
	}
	return math.Sqrt(off / size)
}

func TestTrainingKeepsTensorsInFloat32(t *testing.T) {
	c := quantisedCases()[0]
	g := c.graph(t)
	w, _, _ := c.values(t, g)
	for precision, rounds := range map[Precision]bool{BFloat16: onednn.HasBFloat16(), Float32: false, Auto: false, Int8: false} {
		tr, err := NewTrainer(g, w, Options{Precision: precision, Narrowest: true})
		if err != nil {
			t.Fatal(err)
		}
		methods := tr.exec.(*oneDNNTrainer).low.methods
		for v, m := range methods {
			if m.in != onednn.F32 || m.out != onednn.F32 {
				t.Errorf("in %s convolution %q is trained in %v", precision, v.name, m.kinds)
			}
			for p, by := range m.by {
				rounded := by == roundedWinograd || by == roundedDirect
				if inner := v.name == "a" || v.name == "b"; rounded != (rounds && inner) {
					t.Errorf("in %s pass %d of convolution %q is by %s", precision, p, v.name, by)
				}
			}
		}
		if len(methods) == 0 {
			t.Error("nothing was chosen")
		}
		tr.Close()
	}
}

func TestAutoTakesOnlyWhatIsAllowed(t *testing.T) {
	if !onednn.MultipliesEightBits() {
		t.Skip("this processor has no 8-bit products to take (VNNI)")
	}
	c := quantisedCases()[0]
	g := c.graph(t)
	w, in, _ := c.values(t, g)
	o := Options{Precision: Auto, Calibration: calibrated(t, g, w, in)}
	p, err := Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Precision() != Float32 || reduced(p) != 0 {
		t.Errorf("auto without leave computes in %s, %d convolutions reduced", p.Precision(), reduced(p))
	}
	// With leave it takes what was measured to be fastest: here, by decree.
	o.Allow, o.Timings = []Precision{Int8}, &Timings{}
	o.Timings.decree = func(way string) float64 {
		if strings.Contains(way, fmt.Sprintf(" %d>", onednn.U8)) {
			return 1e-9
		}
		return 1
	}
	q, err := Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if q.Precision() != Int8 || reduced(q) == 0 {
		t.Errorf("auto with leave computes in %s, %d convolutions reduced", q.Precision(), reduced(q))
	}
	if _, err := Compile(g, w, Options{Precision: Int8}); err == nil {
		t.Error("8 bits without a calibration are taken")
	}
}
