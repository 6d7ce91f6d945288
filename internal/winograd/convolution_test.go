//go:build cgo

package winograd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// example is a convolution with values, and what its passes give in float64.
type example struct {
	Convolution
	src, weights, bias, before, diffDst []float32 // before is what the result's memory holds
	dst, diffSrc, diffWeights, diffBias []float64
}

func (c Convolution) sourceIndex(n, channel, y, x int) int {
	return index(c.Block, c.In, c.Height, c.Width, n, channel, y, x)
}

func (c Convolution) resultIndex(n, channel, y, x int) int {
	return index(c.Block, c.Out, c.OutHeight, c.OutWidth, n, channel, y, x)
}

func index(block, channels, height, width, n, channel, y, x int) int {
	blocks := (channels + block - 1) / block
	return (((n*blocks+channel/block)*height+y)*width+x)*block + channel%block
}

func newExample(c Convolution) example {
	r := rand.New(rand.NewPCG(uint64(c.In), uint64(c.Width)))
	random := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(r.NormFloat64())
		}
		return s
	}
	e := example{
		Convolution: c, weights: random(c.kernelSize()), bias: random(c.Out),
		src: make([]float32, c.sourceSize()), before: make([]float32, c.resultSize()), diffDst: make([]float32, c.resultSize()),
		dst: make([]float64, c.resultSize()), diffSrc: make([]float64, c.sourceSize()),
		diffWeights: make([]float64, c.kernelSize()), diffBias: make([]float64, c.Out),
	}
	for n := range c.N {
		for i := range c.In {
			for at := range c.Height * c.Width {
				e.src[c.sourceIndex(n, i, at/c.Width, at%c.Width)] = float32(r.NormFloat64())
			}
		}
		for o := range c.Out {
			for at := range c.OutHeight * c.OutWidth {
				i := c.resultIndex(n, o, at/c.OutWidth, at%c.OutWidth)
				e.before[i], e.diffDst[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
			}
		}
	}
	e.compute()
	return e
}

// compute works all passes out by their definition.
func (e *example) compute() {
	for n := range e.N {
		for o := range e.Out {
			for at := range e.OutHeight * e.OutWidth {
				y, x := at/e.OutWidth, at%e.OutWidth
				place := e.resultIndex(n, o, y, x)
				sum, grad := float64(e.bias[o]), float64(e.diffDst[place])
				e.diffBias[o] += grad
				for i := range e.In {
					for k := range 9 {
						sy, sx := y+k/3*e.Dilation-e.PadTop, x+k%3*e.Dilation-e.PadLeft
						if sy < 0 || sx < 0 || sy >= e.Height || sx >= e.Width {
							continue
						}
						s, w := e.sourceIndex(n, i, sy, sx), (o*e.In+i)*9+k
						sum += float64(e.src[s]) * float64(e.weights[w])
						e.diffSrc[s] += grad * float64(e.weights[w])
						e.diffWeights[w] += grad * float64(e.src[s])
					}
				}
				if e.Accumulate {
					sum += float64(e.before[place])
				}
				if e.ReLU {
					sum = max(sum, 0)
				}
				e.dst[place] = sum
			}
		}
	}
}

// near compares with a share of the largest magnitude.
func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	worst, largest := 0.0, 0.0
	for i := range want {
		d := math.Abs(float64(got[i]) - want[i])
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst, largest = max(worst, d), max(largest, math.Abs(want[i]))
	}
	if worst > 4e-5*largest {
		t.Errorf("%s differs by %.3g of %.3g", what, worst, largest)
	}
}

// guarded is a memory of NaN, with a mark behind its end.
func guarded(t *testing.T, what string, n int) []float32 {
	s := make([]float32, n+1)
	for i := range s {
		s[i] = float32(math.NaN())
	}
	s[n] = 42
	t.Cleanup(func() {
		if s[n] != 42 {
			t.Errorf("%s was written beyond its end", what)
		}
	})
	return s[:n]
}

// shapes are convolutions with all that the kernels tell apart: ends of planes
// and of blocks, paddings, dilations, several chunks and images.
func shapes() []Convolution {
	return []Convolution{
		{N: 1, In: 16, Height: 12, Width: 12, Out: 16, OutHeight: 12, OutWidth: 12, PadTop: 1, PadLeft: 1, Dilation: 1},
		{N: 2, In: 32, Height: 13, Width: 17, Out: 48, OutHeight: 13, OutWidth: 17, PadTop: 1, PadLeft: 1, Dilation: 1, ReLU: true},
		{N: 1, In: 26, Height: 20, Width: 9, Out: 10, OutHeight: 20, OutWidth: 9, PadTop: 1, PadLeft: 1, Dilation: 1, Accumulate: true},
		{N: 3, In: 8, Height: 5, Width: 3, Out: 3, OutHeight: 3, OutWidth: 3, PadLeft: 1, Dilation: 1, Accumulate: true, ReLU: true},
		{N: 1, In: 9, Height: 7, Width: 8, Out: 40, OutHeight: 9, OutWidth: 10, PadTop: 2, PadLeft: 2, Dilation: 1},
		{N: 1, In: 1, Height: 1, Width: 1, Out: 1, OutHeight: 1, OutWidth: 1, PadTop: 1, PadLeft: 1, Dilation: 1},
		{N: 1, In: 40, Height: 62, Width: 70, Out: 24, OutHeight: 62, OutWidth: 70, PadTop: 1, PadLeft: 1, Dilation: 1}, // several chunks
		{N: 2, In: 136, Height: 30, Width: 30, Out: 72, OutHeight: 30, OutWidth: 30, PadTop: 1, PadLeft: 1, Dilation: 1},
		{N: 2, In: 24, Height: 20, Width: 23, Out: 40, OutHeight: 20, OutWidth: 23, PadTop: 2, PadLeft: 2, Dilation: 2, ReLU: true},
		{N: 1, In: 16, Height: 31, Width: 16, Out: 8, OutHeight: 33, OutWidth: 17, PadTop: 4, PadLeft: 6, Dilation: 3, Accumulate: true},
		{N: 1, In: 32, Height: 9, Width: 5, Out: 16, OutHeight: 9, OutWidth: 5, PadTop: 7, PadLeft: 7, Dilation: 7},
		{N: 1, In: 72, Height: 14, Width: 14, Out: 136, OutHeight: 14, OutWidth: 14, PadTop: 1, PadLeft: 1, Dilation: 1},
	}
}

func TestEveryPassAgreesWithTheDefinition(t *testing.T) {
	for _, shape := range shapes() {
		for _, shape.Tile = range []Tile{Small, Large} {
			for _, shape.Block = range []int{8, 16} {
				t.Run(fmt.Sprintf("%+v", shape), func(t *testing.T) {
					if !available(shape.Block) {
						t.Skipf("this processor has no kernels for blocks of %d", shape.Block)
					}
					if err := shape.Check(); err != nil {
						t.Fatal(err)
					}
					e := newExample(shape)
					dst := guarded(t, "the result", e.resultSize())
					copy(dst, e.before)
					e.Forward(e.src, e.weights, e.bias, dst, guarded(t, "scratch", e.ForwardScratch(false)))
					near(t, "the result", dst, e.dst)

					packed := guarded(t, "packed weights", e.PackedSize())
					e.Pack(e.weights, packed)
					copy(dst, e.before)
					e.ForwardPacked(e.src, packed, e.bias, dst, guarded(t, "scratch", e.ForwardScratch(true)))
					near(t, "the result with packed weights", dst, e.dst)

					diffSrc := guarded(t, "the source's gradient", e.sourceSize())
					e.BackwardData(e.diffDst, e.weights, diffSrc, guarded(t, "scratch", e.DataScratch()))
					near(t, "the gradient by the source", diffSrc, e.diffSrc)

					diffWeights, diffBias := guarded(t, "the kernel's gradient", e.kernelSize()), guarded(t, "the bias's gradient", e.Out)
					e.BackwardWeights(e.src, e.diffDst, diffWeights, diffBias, guarded(t, "scratch", e.WeightsScratch()))
					near(t, "the gradient by the kernel", diffWeights, e.diffWeights)
					near(t, "the gradient by the bias", diffBias, e.diffBias)
				})
			}
		}
	}
}

// rounded are values as bfloat16, two in a float32 each, and what they are
// worth then.
func rounded(values []float32) (packed, worth []float32) {
	packed, worth = make([]float32, len(values)/2), make([]float32, len(values))
	for i, v := range values {
		b := math.Float32bits(v)
		b = (b + 0x7fff + b>>16&1) >> 16
		worth[i] = math.Float32frombits(b << 16)
		packed[i/2] = math.Float32frombits(math.Float32bits(packed[i/2]) | b<<(16*(i%2)))
	}
	return packed, worth
}

// unpacked are the values of bfloat16s.
func unpacked(packed []float32) []float32 {
	values := make([]float32, 2*len(packed))
	for i := range values {
		values[i] = math.Float32frombits(math.Float32bits(packed[i/2]) >> (16 * (i % 2)) << 16)
	}
	return values
}

func TestBfloat16IsReadAndWrittenAsItIsWorth(t *testing.T) {
	for _, tile := range []Tile{Small, Large} {
		for _, block := range []int{8, 16} {
			c := Convolution{N: 2, In: 40, Height: 21, Width: 33, Out: 24, OutHeight: 21, OutWidth: 33, PadTop: 1, PadLeft: 1, Dilation: 1, Block: block, Tile: tile, ReLU: true, Accumulate: true}
			if !available(block) {
				t.Skipf("this processor has no kernels for blocks of %d", block)
			}
			e := newExample(c)
			var source, before []float32
			source, e.src = rounded(e.src)
			before, e.before = rounded(e.before)
			wide := append([]float32(nil), e.before...)
			e.Forward(e.src, e.weights, e.bias, wide, make([]float32, e.ForwardScratch(false)))
			c.SourceBF16, c.ResultBF16 = true, true
			narrow := guarded(t, "the result", c.resultSize())
			copy(narrow, before)
			c.Forward(source, e.weights, e.bias, narrow, make([]float32, c.ForwardScratch(false)))
			_, want := rounded(wide)
			for i, v := range unpacked(narrow) {
				if v != want[i] {
					t.Fatalf("blocks of %d, tiles of %d: value %d is %v, not %v", block, tile, i, v, want[i])
				}
			}
			c.ResultBF16 = false
			mixed := append([]float32(nil), e.before...)
			c.Forward(source, e.weights, e.bias, mixed, make([]float32, c.ForwardScratch(false)))
			for i, v := range mixed {
				if v != wide[i] {
					t.Fatalf("blocks of %d, tiles of %d: value %d in float32 is %v, not %v", block, tile, i, v, wide[i])
				}
			}
		}
	}
}

func TestNotANumberStaysNone(t *testing.T) {
	c := Convolution{N: 1, In: 8, Height: 6, Width: 6, Out: 8, OutHeight: 6, OutWidth: 6, PadTop: 1, PadLeft: 1, Dilation: 1, Block: 8, Tile: Small}
	if !available(c.Block) {
		t.Skip("this processor has no kernels for blocks of 8")
	}
	e := newExample(c)
	for i := range e.src {
		e.src[i] = float32(math.NaN())
	}
	c.ResultBF16 = true
	dst := make([]float32, c.resultSize())
	c.Forward(e.src, e.weights, nil, dst, make([]float32, c.ForwardScratch(false)))
	for i, v := range unpacked(dst) {
		if v == v {
			t.Fatalf("value %d is %v", i, v)
		}
	}
}

func TestTheSameRunGivesTheSameBits(t *testing.T) {
	c := Convolution{N: 1, In: 72, Height: 40, Width: 41, Out: 40, OutHeight: 40, OutWidth: 41, PadTop: 1, PadLeft: 1, Dilation: 1, Tile: Large, Block: 8}
	if !available(c.Block) {
		t.Skip("this processor has no kernels for blocks of 8")
	}
	e := newExample(c)
	run := func() []float32 {
		dst, dw := make([]float32, e.resultSize()), make([]float32, e.kernelSize())
		e.Forward(e.src, e.weights, nil, dst, make([]float32, e.ForwardScratch(false)))
		e.BackwardWeights(e.src, e.diffDst, dw, nil, make([]float32, e.WeightsScratch()))
		return append(dst, dw...)
	}
	first := run()
	for range 5 {
		for i, v := range run() {
			if v != first[i] {
				t.Fatalf("value %d was %v and is %v", i, first[i], v)
			}
		}
	}
}

func TestWhatCannotBeComputedIsRefused(t *testing.T) {
	good := Convolution{N: 1, In: 8, Height: 4, Width: 4, Out: 8, OutHeight: 4, OutWidth: 4, PadTop: 1, PadLeft: 1, Dilation: 1, Tile: Small, Block: 8}
	for name, spoil := range map[string]func(*Convolution){
		"blocks of 12 channels":      func(c *Convolution) { c.Block = 12 },
		"tiles of 5":                 func(c *Convolution) { c.Tile = 5 },
		"no channels":                func(c *Convolution) { c.In = 0 },
		"a padding of 3":             func(c *Convolution) { c.PadTop = 3 },
		"no dilation":                func(c *Convolution) { c.Dilation = 0 },
		"a padding below 0":          func(c *Convolution) { c.PadLeft = -1 },
		"a result beyond the source": func(c *Convolution) { c.OutWidth = 8 },
	} {
		c := good
		spoil(&c)
		if c.Check() == nil {
			t.Errorf("%s: nothing was said", name)
		}
	}
}

// loss is the root of the mean square of a result's error, by that of the values
// that were to be.
func loss(got []float32, want []float64) float64 {
	wrong, all := 0.0, 0.0
	for i, w := range want {
		d := float64(got[i]) - w
		wrong += d * d
		all += w * w
	}
	return math.Sqrt(wrong / all)
}

func lossWithin(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	lost, most, many := loss(got, want), 0.014, len(want) > 100
	if !many {
		most = 0.05 // a few values may all be unlucky
	}
	if !(lost <= most) {
		t.Errorf("%s loses %.2g", what, lost)
	}
	if lost < 1e-4 && many {
		t.Errorf("%s loses %.2g only: nothing was rounded", what, lost)
	}
}

// A direct convolution in bfloat16 is one of rounded values. By the points of the
// tiles Winograd's products lose 4.8 times what it loses (points_test.go).
func TestProductsOfBfloat16LoseFiveTimesWhatADirectConvolutionLoses(t *testing.T) {
	if !MultipliesBF16() {
		t.Skip("this processor does not multiply bfloat16s: one with AVX512-BF16 does")
	}
	c := Convolution{N: 1, In: 64, Height: 40, Width: 40, Out: 64, OutHeight: 40, OutWidth: 40, PadTop: 1, PadLeft: 1, Dilation: 1, Tile: Small, Block: 16, ProductsBF16: true}
	e := newExample(c)
	clear(e.bias)
	clear(e.dst)
	e.compute()
	direct := example{Convolution: c, bias: e.bias, before: e.before, diffDst: e.diffDst,
		dst: make([]float64, len(e.dst)), diffSrc: make([]float64, len(e.diffSrc)),
		diffWeights: make([]float64, len(e.diffWeights)), diffBias: make([]float64, len(e.diffBias))}
	_, direct.src = rounded(e.src)
	_, direct.weights = rounded(e.weights)
	direct.compute()
	of := make([]float32, len(direct.dst))
	for i, v := range direct.dst {
		of[i] = float32(v)
	}
	dst := make([]float32, e.resultSize())
	e.Forward(e.src, e.weights, nil, dst, make([]float32, e.ForwardScratch(false)))
	lost, least := loss(dst, e.dst), loss(of, e.dst)
	t.Logf("%.4f of the result's spread, a direct convolution %.4f", lost, least)
	if lost < 4*least || lost > 6*least {
		t.Errorf("%.4f of the result is lost, by a direct convolution %.4f", lost, least)
	}
}

func TestEveryPassWithProductsOfBfloat16IsNearTheDefinition(t *testing.T) {
	if !MultipliesBF16() {
		t.Skip("this processor does not multiply bfloat16s: one with AVX512-BF16 does")
	}
	for _, c := range shapes() {
		c.Tile, c.Block, c.ProductsBF16 = Small, 16, true
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			e := newExample(c)
			dst := guarded(t, "the result", e.resultSize())
			copy(dst, e.before)
			e.Forward(e.src, e.weights, e.bias, dst, guarded(t, "scratch", e.ForwardScratch(false)))
			lossWithin(t, "the result", dst, e.dst)
			packed := guarded(t, "packed weights", e.PackedSize())
			e.Pack(e.weights, packed)
			again := guarded(t, "the result", e.resultSize())
			copy(again, e.before)
			e.ForwardPacked(e.src, packed, e.bias, again, guarded(t, "scratch", e.ForwardScratch(true)))
			for i, v := range again {
				if v != dst[i] {
					t.Fatalf("value %d is %v with packed weights and %v without", i, v, dst[i])
				}
			}

			diffSrc := guarded(t, "the source's gradient", e.sourceSize())
			e.BackwardData(e.diffDst, e.weights, diffSrc, guarded(t, "scratch", e.DataScratch()))
			lossWithin(t, "the gradient by the source", diffSrc, e.diffSrc)
			diffWeights, diffBias := guarded(t, "the kernel's gradient", e.kernelSize()), guarded(t, "the bias's gradient", e.Out)
			e.BackwardWeights(e.src, e.diffDst, diffWeights, diffBias, guarded(t, "scratch", e.WeightsScratch()))
			lossWithin(t, "the gradient by the kernel", diffWeights, e.diffWeights)
			near(t, "the gradient by the bias", diffBias, e.diffBias)
		})
	}
}

func BenchmarkPasses(b *testing.B) {
	for _, s := range []struct{ channels, side int }{{64, 448}, {256, 112}, {512, 56}} {
		c := Convolution{N: 1, In: s.channels, Height: s.side, Width: s.side, Out: s.channels, OutHeight: s.side, OutWidth: s.side, PadTop: 1, PadLeft: 1, Dilation: 1, Tile: Large, Block: 16}
		if !available(c.Block) {
			b.Skip("this processor has no kernels for blocks of 16")
		}
		src, dst, w := make([]float32, c.sourceSize()), make([]float32, c.resultSize()), make([]float32, c.kernelSize())
		packed := make([]float32, c.PackedSize())
		c.Pack(w, packed)
		narrow := c
		narrow.Tile, narrow.ProductsBF16, narrow.SourceBF16, narrow.ResultBF16 = Small, MultipliesBF16(), true, true
		rounded := c
		rounded.Tile, rounded.ProductsBF16 = Small, MultipliesBF16()
		narrowPacked := make([]float32, narrow.PackedSize())
		narrow.Pack(w, narrowPacked)
		scratch := make([]float32, max(c.ForwardScratch(false), c.DataScratch(), c.WeightsScratch(), rounded.ForwardScratch(false), rounded.DataScratch(), rounded.WeightsScratch()))
		for name, pass := range map[string]func(){
			"bfloat16": func() {
				narrow.ForwardPacked(src, narrowPacked, nil, dst, scratch)
			},
			"training in bfloat16": func() { rounded.Forward(src, w, nil, dst, scratch) },
			"data in bfloat16":     func() { rounded.BackwardData(dst, w, src, scratch) },
			"weights in bfloat16":  func() { rounded.BackwardWeights(src, dst, w, nil, scratch) },
			"training":             func() { c.Forward(src, w, nil, dst, scratch) },
			"data":                 func() { c.BackwardData(dst, w, src, scratch) },
			"packed":               func() { c.ForwardPacked(src, packed, nil, dst, scratch) },
			"weights":              func() { c.BackwardWeights(src, dst, w, nil, scratch) },
		} {
			b.Run(fmt.Sprintf("%d channels of %d, %s", s.channels, s.side, name), func(b *testing.B) {
				for b.Loop() {
					pass()
				}
				b.ReportMetric(2*float64(c.kernelSize())*float64(s.side*s.side)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
