//go:build cgo

package winograd

/*
#cgo CXXFLAGS: -std=c++17 -O3 -Wall -fopenmp
#cgo LDFLAGS: -lgomp
#include "winograd.h"
*/
import "C"

import "unsafe"

func available(block int) bool { return C.jcs_winograd_available(C.int(block)) != 0 }

// MultipliesBF16 reports whether this processor multiplies bfloat16s.
func MultipliesBF16() bool { return C.jcs_winograd_multiplies_bf16() != 0 }

func (c Convolution) c() *C.jcs_winograd {
	return &C.jcs_winograd{
		n: C.int64_t(c.N), in: C.int64_t(c.In), height: C.int64_t(c.Height), width: C.int64_t(c.Width),
		out: C.int64_t(c.Out), out_height: C.int64_t(c.OutHeight), out_width: C.int64_t(c.OutWidth),
		pad_top: C.int64_t(c.PadTop), pad_left: C.int64_t(c.PadLeft), dilation: C.int64_t(c.Dilation),
		block: C.int(c.Block), tile: C.int(c.Tile), relu: truth(c.ReLU), accumulate: truth(c.Accumulate),
		src_bf16: truth(c.SourceBF16), dst_bf16: truth(c.ResultBF16), products_bf16: truth(c.ProductsBF16),
	}
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// floats is where a slice begins, nil of an empty one.
func floats(s []float32) *C.float { return (*C.float)(unsafe.SliceData(s)) }

// PackedSize is the number of transformed weights.
func (c Convolution) PackedSize() int { return int(C.jcs_winograd_packed_size(c.c())) }

// ForwardScratch is the number of values that Forward works in, with packed
// weights or with others.
func (c Convolution) ForwardScratch(packed bool) int {
	return int(C.jcs_winograd_forward_scratch(c.c(), truth(packed)))
}

// DataScratch is the number of values that BackwardData works in.
func (c Convolution) DataScratch() int { return int(C.jcs_winograd_data_scratch(c.c())) }

// WeightsScratch is the number of values that BackwardWeights works in.
func (c Convolution) WeightsScratch() int { return int(C.jcs_winograd_weights_scratch(c.c())) }

// Pack transforms the weights once for many runs.
func (c Convolution) Pack(weights, packed []float32) {
	want("the kernel", weights, c.kernelSize())
	want("the packed kernel", packed, c.PackedSize())
	C.jcs_winograd_pack(c.c(), floats(weights), floats(packed))
}

// Forward computes dst. bias may be nil.
func (c Convolution) Forward(src, weights, bias, dst, scratch []float32) {
	want("the kernel", weights, c.kernelSize())
	c.forward(src, weights, nil, bias, dst, scratch)
}

// ForwardPacked is Forward with packed weights.
func (c Convolution) ForwardPacked(src, packed, bias, dst, scratch []float32) {
	want("the packed kernel", packed, c.PackedSize())
	c.forward(src, nil, packed, bias, dst, scratch)
}

func (c Convolution) forward(src, weights, packed, bias, dst, scratch []float32) {
	want("the source", src, c.sourceSize())
	want("the result", dst, c.resultSize())
	want("the scratch memory", scratch, c.ForwardScratch(packed != nil))
	if bias != nil {
		want("the bias", bias, c.Out)
	}
	C.jcs_winograd_forward(c.c(), unsafe.Pointer(unsafe.SliceData(src)), floats(weights), floats(packed), floats(bias),
		unsafe.Pointer(unsafe.SliceData(dst)), floats(scratch))
}

// BackwardData computes the gradient by the source out of that by the result.
func (c Convolution) BackwardData(diffDst, weights, diffSrc, scratch []float32) {
	want("the result's gradient", diffDst, c.resultSize())
	want("the kernel", weights, c.kernelSize())
	want("the source's gradient", diffSrc, c.sourceSize())
	want("the scratch memory", scratch, c.DataScratch())
	C.jcs_winograd_data(c.c(), floats(diffDst), floats(weights), floats(diffSrc), floats(scratch))
}

// BackwardWeights computes the gradients by the kernel and, where it is not
// nil, by the bias.
func (c Convolution) BackwardWeights(src, diffDst, diffWeights, diffBias, scratch []float32) {
	want("the source", src, c.sourceSize())
	want("the result's gradient", diffDst, c.resultSize())
	want("the kernel's gradient", diffWeights, c.kernelSize())
	want("the scratch memory", scratch, c.WeightsScratch())
	if diffBias != nil {
		want("the bias's gradient", diffBias, c.Out)
	}
	C.jcs_winograd_weights(c.c(), floats(src), floats(diffDst), floats(diffWeights), floats(diffBias), floats(scratch))
}
