//go:build cgo

package nn

import (
	"fmt"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// order is how a tensor's values follow each other in memory.
type order int

const (
	libraryOrder order = iota // whatever the library likes for a primitive
	plainOrder                // row-major
	channelsLast
	blocked // channels in blocks of onednn.ChannelBlock
)

func (o order) String() string { return [...]string{"any", "plain", "last", "blocked"}[o] }

// kinds are the types of what a convolution reads and writes. Weights are of
// the input's type, of S8 for the 8-bit ones. Sums are float32 or int32.
type kinds struct {
	in, out  onednn.Type
	rounding rounding
}

// floats are the kinds of the usual convolution, and the zero value.
func floats() kinds { return kinds{in: onednn.F32, out: onednn.F32} }

// rounding says whether what is multiplied may be rounded to bfloat16 for it: what
// our own Winograd has transformed, which loses more than a direct convolution in
// bfloat16 does, and in training, where tensors are kept in float32, copies of
// what a direct one reads.
type rounding int

const (
	unrounded rounding = iota
	mayRound
	mustRound // where there is a kernel for it
)

func (k kinds) weights() onednn.Type {
	if eightBit(k.in) {
		return onednn.S8
	}
	return k.in
}

// eightBit reports whether a type is one of 8 bits, whose values are worth a
// tensor's scale each.
func eightBit(t onednn.Type) bool { return t == onednn.U8 || t == onednn.S8 }

// method is how a convolution is computed. The zero value is direct float32 in
// an order that the library chooses.
type method struct {
	kinds
	order order
	by    [convPasses]algorithm // in the forward pass, and in training by input and by weights
}

// algorithm is how a pass multiplies.
type algorithm int

const (
	direct          algorithm = iota
	libraryWinograd           // oneDNN's, in tiles of 4 x 4
	winograd4                 // that of internal/winograd, in tiles of 4 x 4
	winograd6                 // the same of 6 x 6
	roundedWinograd           // the same of 4 x 4 with products of bfloat16
	roundedDirect             // direct with products of bfloat16, of tensors that are kept in float32
	algorithms
)

func (a algorithm) String() string {
	return [...]string{"direct", "winograd", "winograd4", "winograd6", "rounded winograd", "rounded direct"}[a]
}

// own reports whether the algorithm is not oneDNN's.
func (a algorithm) own() bool { return a >= winograd4 && a <= roundedWinograd }

// convPass is one of a convolution's three computations.
type convPass int

const (
	forward convPass = iota
	backwardData
	backwardWeights
	convPasses
)

func (p convPass) String() string { return [...]string{"forward", "data", "weights"}[p] }

// format is the type and order of a tensor.
type format struct {
	kind  onednn.Type
	order order
}

// bytes are those of a tensor of some shape, padding left out.
func (f format) bytes(s Shape) int {
	switch f.kind {
	case onednn.BF16:
		return 2 * s.Elements()
	case onednn.U8, onednn.S8:
		return s.Elements()
	}
	return 4 * s.Elements()
}

// layout is that of a tensor in the format, nil for the library's order.
func (f format) layout(s Shape) (*onednn.Layout, error) {
	switch f.order {
	case libraryOrder:
		return nil, nil
	case channelsLast:
		return onednn.ChannelsLast(f.kind, s...)
	case blocked:
		return onednn.Blocked(f.kind, onednn.ChannelBlock(), s...)
	}
	return onednn.Plain(f.kind, s...)
}

// source is the format that a convolution by m reads.
func (m method) source(spec onednn.Convolution) format {
	// Of a picture's few channels a block would be mostly padding.
	if m.order == blocked && spec.Groups == 1 && spec.In < 8 {
		return format{m.in, plainOrder}
	}
	return format{m.in, m.order}
}

// result is the format that a convolution by m writes.
func (m method) result() format { return format{m.out, m.order} }

// types are those of a pass's source, weights and result, or of their gradients.
func (m method) types(p convPass) (src, weights, dst onednn.Type) {
	if m.by[p] != roundedDirect {
		return m.in, m.weights(), m.out
	}
	src, weights, dst = onednn.BF16, onednn.BF16, onednn.BF16
	switch p {
	case forward:
		dst = onednn.F32
	case backwardData:
		src = onednn.F32
	}
	return src, weights, dst
}

// layouts are those of a pass's source and result, nil where the library is to
// choose.
func (m method) layouts(spec onednn.Convolution, p convPass) (src, dst *onednn.Layout, err error) {
	in, _, out := m.types(p)
	src, err = format{in, m.source(spec).order}.layout(Shape{spec.N, spec.In, spec.Height, spec.Width})
	if err != nil {
		return nil, nil, err
	}
	dst, err = format{out, m.order}.layout(Shape{spec.N, spec.Out, spec.OutHeight, spec.OutWidth})
	return src, dst, err
}

// apply writes the method into the description of one pass.
func (m method) apply(spec onednn.Convolution, p convPass) onednn.Convolution {
	spec.SrcType, spec.WeightsType, spec.DstType = m.types(p)
	spec.Winograd = m.by[p] == libraryWinograd
	return spec
}

// describe is a key for everything that a convolution's time depends on.
func describe(spec onednn.Convolution, m method, p convPass, threads int) string {
	by := m.by[p].String()
	if m.by[p].own() && spec.Training {
		by += ", transforming"
	}
	return fmt.Sprintf("%s %dx%dx%dx%d>%dx%dx%d k%d s%d d%d g%d p%d,%d,%d,%d b%t a%t f%d %s %d>%d %s t%d", p,
		spec.N, spec.In, spec.Height, spec.Width, spec.Out, spec.OutHeight, spec.OutWidth,
		spec.Kernel, spec.Stride, spec.Dilation, spec.Groups,
		spec.PadTop, spec.PadLeft, spec.PadBottom, spec.PadRight,
		spec.Bias, spec.Accumulate, spec.Activation, m.order, m.in, m.out, by, threads)
}
