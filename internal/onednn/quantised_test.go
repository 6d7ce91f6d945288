//go:build cgo

package onednn

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// quantisedCase is a 1x1 convolution of 8 bits with all that its scales can
// meet.
type quantisedCase struct {
	name             string
	src, dst         Type
	groups           int
	bias, accumulate bool
	activation       Activation
	sum, result      float32 // what a step of the result is worth before the addition and after it
}

// The versions of oneDNN mean different things by scales; the header means one.
func TestScalesOfAnEightBitConvolutionMeanWhatTheHeaderSays(t *testing.T) {
	if !MultipliesEightBits() {
		t.Skip("this processor has no 8-bit products that do not overflow (VNNI)")
	}
	for _, c := range []quantisedCase{
		{"bias, float32 kept", U8, F32, 1, true, false, NoActivation, 1, 1},
		{"signed input", S8, F32, 1, true, false, ReLU, 1, 1},
		{"a result in 8 bits", U8, U8, 1, true, false, ReLU, 1, 0.25},
		{"a signed result in 8 bits", U8, S8, 1, true, false, NoActivation, 1, 0.125},
		{"a function that no scale passes through", U8, U8, 1, true, false, HardSwish, 1, 0.25},
		{"an addition in float32", U8, F32, 1, true, true, ReLU, 1, 1},
		{"an addition in steps of their own", U8, S8, 1, true, true, NoActivation, 0.5, 0.125},
		{"an addition before a function", U8, U8, 1, false, true, HardSwish, 0.5, 0.25},
		{"a kernel for each channel", U8, F32, 32, true, false, ReLU, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t) })
	}
}

const (
	quantisedIn  = 32
	quantisedOut = 32
	pixels       = 5 * 3
)

func (c quantisedCase) check(t *testing.T) {
	e := engine(t)
	r := rand.New(rand.NewPCG(1, 2))
	each := quantisedIn / c.groups
	src, weights := integers(r, quantisedIn*pixels, 0, 100), integers(r, quantisedOut*each, -100, 100)
	if c.src == S8 {
		src = integers(r, quantisedIn*pixels, -100, 100)
	}
	held := integers(r, quantisedOut*pixels, 0, 20)
	bias, scales := make([]float32, quantisedOut), make([]float32, quantisedOut)
	for o := range scales {
		bias[o], scales[o] = r.Float32()*10-5, (1+r.Float32())*1e-3
	}
	spec := Convolution{
		N: 1, In: quantisedIn, Height: 5, Width: 3, Out: quantisedOut, OutHeight: 5, OutWidth: 3,
		Kernel: 1, Stride: 1, Dilation: 1, Groups: c.groups, Bias: c.bias, Accumulate: c.accumulate,
		Activation: c.activation, SrcType: c.src, WeightsType: S8, DstType: c.dst,
		Scales: scales, SumScale: c.sum, DstScale: c.result,
	}
	shape := []int{quantisedOut, each, 1, 1}
	if c.groups > 1 {
		shape = []int{c.groups, quantisedOut / c.groups, each, 1, 1}
	}
	var got []float32
	err := e.Do(context.Background(), func() error {
		d := desk{engine: e}
		p := d.convolution(spec)
		arguments := []Argument{
			{Src, d.place(p, Src, src, 1, quantisedIn, 5, 3)},
			{Weights, d.place(p, Weights, weights, shape...)},
			{Dst, d.place(p, Dst, held, 1, quantisedOut, 5, 3)},
		}
		if c.bias {
			b := slices.Clone(bias)
			for o := range b {
				if BiasInSums() {
					b[o] /= scales[o]
				}
			}
			arguments = append(arguments, Argument{Bias, d.place(p, Bias, b, quantisedOut)})
		}
		d.run(p, arguments...)
		got = d.values(p, Dst, arguments[2].Memory, 1, quantisedOut, 5, 3)
		return d.err
	})
	if err != nil {
		t.Fatal(err)
	}
	for o := range quantisedOut {
		for i := range pixels {
			sum := float64(0)
			for k := range each {
				sum += float64(src[(o/(quantisedOut/c.groups)*each+k)*pixels+i] * weights[o*each+k])
			}
			want := sum * float64(scales[o])
			if c.bias {
				want += float64(bias[o])
			}
			if c.accumulate {
				want += float64(c.sum * held[o*pixels+i])
			}
			want = kept(c, activated(c.activation, want)/float64(c.result))
			near := 1e-4
			if c.dst != F32 {
				near = 1 // a half may be rounded either way
			}
			if value := float64(got[o*pixels+i]); math.Abs(value-want) > near {
				t.Fatalf("channel %d, pixel %d: %v, want %v", o, i, value, want)
			}
		}
	}
}

func integers(r *rand.Rand, n, from, to int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(from + r.IntN(to-from+1))
	}
	return out
}

func activated(a Activation, x float64) float64 {
	switch a {
	case ReLU:
		return max(x, 0)
	case HardSwish:
		return x * min(max(x+3, 0), 6) / 6
	}
	return x
}

// kept is what the result's type makes of a value.
func kept(c quantisedCase, x float64) float64 {
	switch c.dst {
	case U8:
		return min(max(math.RoundToEven(x), 0), 255)
	case S8:
		return min(max(math.RoundToEven(x), -128), 127)
	}
	return x
}

// desk runs primitives on tensors made for them. Its first error sticks.
type desk struct {
	engine *Engine
	err    error
}

func (d *desk) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// convolution compiles one that reads and writes channels last.
func (d *desk) convolution(c Convolution) *Primitive {
	src, err := ChannelsLast(c.SrcType, c.N, c.In, c.Height, c.Width)
	d.fail(err)
	dst, err := ChannelsLast(c.DstType, c.N, c.Out, c.OutHeight, c.OutWidth)
	d.fail(err)
	if d.err != nil {
		return nil
	}
	p, err := d.engine.ConvolutionForward(c, src, dst)
	d.fail(err)
	return p
}

func (d *desk) run(p *Primitive, arguments ...Argument) {
	if d.err != nil {
		return
	}
	s, err := d.engine.Step(p, arguments...)
	d.fail(err)
	if d.err == nil {
		d.fail(s.Run())
	}
}

// memory is that of a tensor of its own.
func (d *desk) memory(l *Layout) (*Memory, *Block) {
	if d.err != nil {
		return nil, nil
	}
	b, err := Allocate(l.Bytes())
	d.fail(err)
	if d.err != nil {
		return nil, nil
	}
	m, err := d.engine.Memory(l, b, 0)
	d.fail(err)
	return m, b
}

func (d *desk) move(from, to *Layout, a, b *Memory) {
	if d.err != nil {
		return
	}
	p, err := d.engine.Reorder(from, to)
	d.fail(err)
	d.run(p, Argument{Src, a}, Argument{Dst, b})
}

// layouts are the row-major one and the one that p wants.
func (d *desk) layouts(p *Primitive, r Role, shape []int) (rows, wanted *Layout) {
	if d.err != nil {
		return nil, nil
	}
	rows, err := Plain(F32, shape...)
	d.fail(err)
	wanted, err = p.Layout(r)
	d.fail(err)
	return rows, wanted
}

// place makes a tensor of row-major values as p wants it.
func (d *desk) place(p *Primitive, r Role, values []float32, shape ...int) *Memory {
	rows, wanted := d.layouts(p, r, shape)
	a, block := d.memory(rows)
	m, _ := d.memory(wanted)
	if d.err == nil {
		copy(block.Float32s(0, len(values)), values)
	}
	d.move(rows, wanted, a, m)
	return m
}

// values are those of a tensor that place made, row by row.
func (d *desk) values(p *Primitive, r Role, m *Memory, shape ...int) []float32 {
	rows, wanted := d.layouts(p, r, shape)
	a, block := d.memory(rows)
	d.move(wanted, rows, m, a)
	if d.err != nil {
		return nil
	}
	return slices.Clone(block.Float32s(0, block.Bytes()/4))
}
