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

// arithmetic is what a convolution multiplies in. Sums are float32 or int32.
type arithmetic int

const (
	float32s arithmetic = iota
	bfloat16s
	eightBits
)

func (a arithmetic) String() string { return [...]string{"f32", "bf16", "int8"}[a] }

// method is how a convolution is computed. The zero value is direct float32 in
// an order that the library chooses.
type method struct {
	order      order
	arithmetic arithmetic
	winograd   [convPasses]bool // in the forward pass, and in training by input and by weights
}

// pass is one of a convolution's three computations.
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
	size := 4
	switch f.kind {
	case onednn.BF16:
		size = 2
	case onednn.U8, onednn.S8:
		size = 1
	}
	return size * s.Elements()
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
	f := format{onednn.F32, m.order}
	switch m.arithmetic {
	case bfloat16s:
		f.kind = onednn.BF16
	case eightBits:
		f.kind = onednn.U8
	}
	// Of a picture's few channels a block would be mostly padding.
	if m.order == blocked && spec.Groups == 1 && spec.In < 8 {
		f.order = plainOrder
	}
	return f
}

// result is the format that a convolution by m writes.
func (m method) result() format {
	f := format{onednn.F32, m.order}
	if m.arithmetic == bfloat16s {
		f.kind = onednn.BF16
	}
	return f
}

// weightsType is the type of the weights that a convolution by m reads.
func (m method) weightsType() onednn.Type {
	return [...]onednn.Type{onednn.F32, onednn.BF16, onednn.S8}[m.arithmetic]
}

// apply writes the method into the description of one pass.
func (m method) apply(spec onednn.Convolution, p convPass) onednn.Convolution {
	spec.SrcType, spec.WeightsType, spec.DstType = m.source(spec).kind, m.weightsType(), m.result().kind
	spec.Winograd = m.winograd[p]
	return spec
}

// describe is a key for everything that a convolution's time depends on.
func describe(spec onednn.Convolution, m method, p convPass, threads int) string {
	return fmt.Sprintf("%s %dx%dx%dx%d>%dx%dx%d k%d s%d d%d g%d p%d,%d,%d,%d b%t a%t f%d %s %s w%t t%d", p,
		spec.N, spec.In, spec.Height, spec.Width, spec.Out, spec.OutHeight, spec.OutWidth,
		spec.Kernel, spec.Stride, spec.Dilation, spec.Groups,
		spec.PadTop, spec.PadLeft, spec.PadBottom, spec.PadRight,
		spec.Bias, spec.Accumulate, spec.Activation, m.order, m.arithmetic, m.winograd[p], threads)
}
