//go:build cgo

package nn

import (
	"math"
	"testing"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// observed calibrates and returns the channels' magnitudes too.
func observed(t *testing.T, g *Graph, w Weights, in []Tensor) (*Calibration, map[string]ChannelSizes) {
	t.Helper()
	c, err := NewCalibrator(g, w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Observe(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return c.Calibration(), c.Channels()
}

func equalisedCases() []graphCase {
	conv := func(g *Graph, name string, x *Value, out int) *Value {
		return g.ReLU(g.BatchNorm(name+".bn", g.Conv(name, x, Conv{Out: out, Kernel: 3}.Same()), BatchNorm{Frozen: true}))
	}
	return append(quantisedCases(), twiceRead(),
		one("norms, a pool and a gate", Shape{1, 3, 12, 12}, func(g *Graph, x *Value) *Value {
			x = conv(g, "a", x, 16)
			y := g.Concat(g.MaxPool(conv(g, "b", x, 8), Pool{Kernel: 2}), g.Resize(conv(g, "c", x, 8), 6, 6))
			s := g.ReLU(g.Linear("l1", g.GlobalAverage(y), Linear{Out: 4, Bias: true}))
			y = g.ScaleChannels(y, g.Sigmoid(g.Linear("l2", s, Linear{Out: 16, Bias: true})))
			return g.Conv("last", conv(g, "d", g.Slice(y, 2, 14), 8), Conv{Out: 2, Kernel: 1, Bias: true})
		}),
		one("residuals", Shape{1, 3, 12, 12}, func(g *Graph, x *Value) *Value {
			x = conv(g, "a", x, 16)
			x = g.ReLU(g.Add(g.BatchNorm("n", g.Conv("b", x, Conv{Out: 16, Kernel: 1}), BatchNorm{Frozen: true}), x))
			return g.Conv("last", g.Add(conv(g, "c", x, 16), x), Conv{Out: 2, Kernel: 1})
		}),
	)
}

func TestEqualisedWeightsGiveTheSameBits(t *testing.T) {
	changed := 0
	for i, c := range equalisedCases() {
		g := c.graph(t)
		w, in, _ := c.values(t, g)
		skew(w)
		_, channels := observed(t, g, w, in)
		equal := Equalise(g, w, channels)
		for name := range w {
			for j, v := range equal[name].Data {
				if v != w[name].Data[j] {
					changed++
					break
				}
			}
		}
		before, after := infer(t, g, w, Options{}, in), infer(t, g, equal, Options{}, in)
		for k := range before {
			for j, v := range before[k].Data {
				if after[k].Data[j] != v {
					t.Fatalf("case %d, %s: value %d is %g equalised, %g before", i, c.name, j, after[k].Data[j], v)
				}
			}
		}
	}
	if changed < 30 {
		t.Errorf("only %d tensors were changed at all", changed)
	}
}

// spread is the exponent of a channel's size.
func spread(channel int) int { return channel*5%7 - 3 }

// skew makes some channels larger than others.
func skew(w Weights) {
	for _, t := range w {
		if len(t.Shape) == 4 {
			each := len(t.Data) / t.Shape[0]
			for i := range t.Data {
				t.Data[i] = float32(math.Ldexp(float64(t.Data[i]), spread(i/each)))
			}
		}
	}
}

func TestEqualisingMakesEightBitsMoreExact(t *testing.T) {
	if !onednn.MultipliesEightBits() {
		t.Skip("this processor has no 8-bit products to take (VNNI)")
	}
	c := quantisedCases()[0]
	g := c.graph(t)
	w, in, _ := c.values(t, g)
	// What a writes small, b makes large again.
	a, bias, b := w["a.weight"], w["a.bias"], w["b.weight"]
	for i := range a.Data {
		a.Data[i] = float32(math.Ldexp(float64(a.Data[i]), spread(i*a.Shape[0]/len(a.Data))))
	}
	for i := range bias.Data {
		bias.Data[i] = float32(math.Ldexp(float64(bias.Data[i]), spread(i)))
	}
	for i := range b.Data {
		b.Data[i] = float32(math.Ldexp(float64(b.Data[i]), -spread(i/9%b.Shape[1])))
	}
	exact := infer(t, g, w, Options{}, in)
	loss := func(w Weights) float64 {
		calibration, _ := observed(t, g, w, in)
		sum := 0.0
		for j, v := range infer(t, g, w, Options{Precision: Int8, Narrowest: true, Calibration: calibration}, in)[0].Data {
			sum += math.Pow(float64(v)-float64(exact[0].Data[j]), 2)
		}
		return sum
	}
	_, channels := observed(t, g, w, in)
	before, after := loss(w), loss(Equalise(g, w, channels))
	if !(after < before/4) {
		t.Errorf("the squared error is %g equalised, %g before", after, before)
	}
}
