//go:build cgo

package nn

import (
	"fmt"

	"github.com/jcs-ct/jcs/internal/onednn"
	"github.com/jcs-ct/jcs/internal/winograd"
)

// fits reports whether a convolution can be computed by a method's algorithm
// for one of its passes, as far as that can be told without trying. Winograd's
// is for 3x3 kernels in single steps. In 8 bits it exists but is not used: its
// transformed inputs are cut to 8 bits once more, which took the masks of a
// trained segmenter from a Dice of 0.986 to 0.884 against the exact ones.
func (m method) fits(spec onednn.Convolution, p convPass) bool {
	by := m.by[p]
	if m.rounding == mustRound && by != roundedWinograd {
		if m.roundedInBlocks(p).fits(spec, p) || m.in == onednn.F32 && by != roundedDirect {
			return false
		}
	}
	switch by {
	case direct:
		return true
	case roundedDirect:
		return m.rounding != unrounded && m.in == onednn.F32
	}
	if spec.Kernel != 3 || spec.Stride != 1 || spec.Groups != 1 || eightBit(m.in) {
		return false
	}
	if by == libraryWinograd {
		return spec.Dilation == 1
	}
	if by == roundedWinograd && (m.rounding == unrounded || !roundsWinograd()) {
		return false
	}
	return m.source(spec).order == blocked && (p == forward || m.in == onednn.F32 && m.out == onednn.F32) &&
		(spec.Activation == onednn.NoActivation || spec.Activation == onednn.ReLU) &&
		max(spec.PadBottom, spec.PadRight) <= 2*spec.Dilation && m.ownConvolution(spec, p).Check() == nil
}

// roundedInBlocks is the method with products of bfloat16 in a pass.
func (m method) roundedInBlocks(p convPass) method {
	m.order, m.by[p] = blocked, roundedWinograd
	return m
}

// price is what the memory of a program's transformed weights is worth, in
// seconds: they are two to seven times as large, and a few milliseconds on a
// small plane are no reason to hold hundreds of megabytes.
func (a algorithm) price(spec onednn.Convolution) float64 {
	const perByte, kernel = 0.15e-3 / (1 << 20), 9 * 4
	bytes := kernel
	switch a {
	case libraryWinograd, winograd4:
		bytes = winograd.Small.Weights() * 4
	case winograd6:
		bytes = winograd.Large.Weights() * 4
	case roundedWinograd:
		bytes = winograd.Small.Weights() * 2
	}
	return perByte * float64(spec.In*spec.Out*(bytes-kernel))
}

// ownConvolution is a pass as internal/winograd has it.
func (m method) ownConvolution(spec onednn.Convolution, p convPass) winograd.Convolution {
	tile := winograd.Small
	if m.by[p] == winograd6 {
		tile = winograd.Large
	}
	return winograd.Convolution{
		N: spec.N, In: spec.In, Height: spec.Height, Width: spec.Width,
		Out: spec.Out, OutHeight: spec.OutHeight, OutWidth: spec.OutWidth,
		PadTop: spec.PadTop, PadLeft: spec.PadLeft, Dilation: spec.Dilation, Block: onednn.ChannelBlock(), Tile: tile,
		ReLU: spec.Activation == onednn.ReLU, Accumulate: spec.Accumulate,
		SourceBF16: m.in == onednn.BF16, ResultBF16: m.out == onednn.BF16,
		ProductsBF16: m.by[p] == roundedWinograd,
	}
}

// roundedSuffix ends the names of kernels that multiply in bfloat16.
const roundedSuffix = ":bf16"

// kernelName is what profiles call a kernel of internal/winograd.
func kernelName(c winograd.Convolution) string {
	name := fmt.Sprintf("winograd:%dx%d:blocks of %d", c.Tile, c.Tile, c.Block)
	if c.ProductsBF16 {
		name += roundedSuffix
	}
	return name
}

// roundsWinograd reports whether there are kernels that multiply in bfloat16.
func roundsWinograd() bool { return onednn.MultipliesBFloat16() && winograd.MultipliesBF16() }

// winogradForward lowers a forward pass: src to y in blocks, to which it adds.
func (l *lowering) winogradForward(v *Value, c fusedConv, own winograd.Convolution, src, y tensor) {
	if l.err != nil {
		return
	}
	weights := l.masters[v.params[0].Name].value
	scratch := l.scratch(own.ForwardScratch(!l.training))
	run := own.Forward
	if !l.training {
		weights = l.transformed(v.params[0], own)
		run = own.ForwardPacked
	}
	operands := []operand{{onednn.Src, src}, {onednn.Weights, weights}, {onednn.Dst, y}, {tensor: scratch}}
	var bias tensor
	if c.Bias {
		bias = l.vector(v.params[1])
		operands = append(operands, operand{onednn.Bias, bias})
	}
	l.emitKernel(kernelName(own), func() {
		run(l.memoryOf(src), l.memoryOf(weights), l.memoryOf(bias), l.memoryOf(y), l.memoryOf(scratch))
	}, operands...)
}

// transformed is a kernel as own reads it in many runs, shared like other
// packed parameters.
func (l *lowering) transformed(p *Parameter, own winograd.Convolution) tensor {
	values := l.weights.tensor(p.Name).Data
	bytes := 4 * own.PackedSize()
	e, err := l.packed.takeForm(p.Name, values, kernelName(own), bytes, func(b *onednn.Block) error {
		own.Pack(values, b.Float32s(0, bytes/4))
		return nil
	})
	if err != nil {
		l.fail(fmt.Errorf("placing parameter %q: %w", p.Name, err))
		return tensor{}
	}
	l.borrowed = append(l.borrowed, e)
	return tensor{slot: &slot{stretch: stretch{bytes: bytes}, block: e.block, index: -1}, shape: p.Shape}
}

// winogradData lowers the gradient by the input.
func (l *lowering) winogradData(v *Value, own winograd.Convolution, dy, dx tensor) {
	if l.err != nil {
		return
	}
	weights, scratch := l.masters[v.params[0].Name].value, l.scratch(own.DataScratch())
	l.emitKernel(kernelName(own), func() {
		own.BackwardData(l.memoryOf(dy), l.memoryOf(weights), l.memoryOf(dx), l.memoryOf(scratch))
	}, operand{onednn.DiffDst, dy}, operand{onednn.Weights, weights}, operand{onednn.DiffSrc, dx}, operand{tensor: scratch})
}

// winogradWeights lowers the gradient by the kernel, and by the bias if db is
// not empty.
func (l *lowering) winogradWeights(own winograd.Convolution, src, dy, dw, db tensor) {
	if l.err != nil {
		return
	}
	scratch := l.scratch(own.WeightsScratch())
	l.emitKernel(kernelName(own), func() {
		own.BackwardWeights(l.memoryOf(src), l.memoryOf(dy), l.memoryOf(dw), l.memoryOf(db), l.memoryOf(scratch))
	}, operand{onednn.Src, src}, operand{onednn.DiffDst, dy}, operand{onednn.DiffWeights, dw}, operand{onednn.DiffBias, db}, operand{tensor: scratch})
}

// scratch is memory of so many values that one step works in.
func (l *lowering) scratch(values int) tensor {
	s := &slot{stretch: stretch{bytes: 4 * values, first: -1}, index: len(l.slots)}
	l.slots = append(l.slots, s)
	return tensor{slot: s}
}

// memoryOf are all values of a tensor's memory from where it begins, nil of an
// empty tensor.
func (l *lowering) memoryOf(t tensor) []float32 {
	if t.slot == nil {
		return nil
	}
	block, offset := l.place(t)
	return block.Float32s(offset, (t.bytes-t.shift)/4)
}

// tryWinograd makes a trial of a pass; of a forward pass in training one that
// transforms the weights each time.
func tryWinograd(c winograd.Convolution, p convPass, training bool) (*trial, error) {
	packed := p == forward && !training
	source, result, kernel := c.Sizes()
	scratch := 0
	switch {
	case p == backwardData:
		scratch = c.DataScratch()
	case p == backwardWeights:
		scratch = c.WeightsScratch()
	default:
		scratch = c.ForwardScratch(packed)
	}
	if packed {
		kernel = c.PackedSize()
	}
	t := &trial{}
	var memories [4][]float32
	for i, size := range []int{source, kernel, result, scratch} {
		b, err := t.memory(4 * size)
		if err != nil {
			t.free()
			return nil, err
		}
		memories[i] = b.Float32s(0, size)
	}
	src, weights, dst, work := memories[0], memories[1], memories[2], memories[3]
	t.run = func() error {
		switch {
		case packed:
			c.ForwardPacked(src, weights, nil, dst, work)
		case p == forward:
			c.Forward(src, weights, nil, dst, work)
		case p == backwardData:
			c.BackwardData(dst, weights, src, work)
		default:
			c.BackwardWeights(src, dst, weights, nil, work)
		}
		return nil
	}
	return t, nil
}
