//go:build cgo

package onednn

/*
#include "onednn.h"
*/
import "C"

import (
	"fmt"
	"runtime"
)

// Primitive is an operation compiled for fixed layouts.
type Primitive struct{ handle *C.jcs_primitive }

// Activation is a function of each value alone.
type Activation int

// The activations.
const (
	ReLU         Activation = C.JCS_RELU
	ReLU6        Activation = C.JCS_RELU6
	HardSwish    Activation = C.JCS_HARDSWISH
	Sigmoid      Activation = C.JCS_SIGMOID
	NoActivation Activation = C.JCS_NO_ACTIVATION
)

// Pooling is what a pool takes of its window.
type Pooling int

// The kinds of pooling.
const (
	Max                    Pooling = C.JCS_MAX
	AverageCountingPadding Pooling = C.JCS_AVERAGE_COUNTING_PADDING
	Average                Pooling = C.JCS_AVERAGE
)

// Binary is an operation on two tensors, the second broadcast to the first.
type Binary int

// The binary operations.
const (
	Add      Binary = C.JCS_ADD
	Multiply Binary = C.JCS_MULTIPLY
)

// Convolution are a convolution's shapes, [N In Height Width] to
// [N Out OutHeight OutWidth], and attributes.
type Convolution struct {
	N, In, Height, Width, Out, OutHeight, OutWidth int
	Kernel, Stride, Dilation, Groups               int
	PadTop, PadLeft, PadBottom, PadRight           int
	Bias                                           bool
	Training                                       bool       // forward only
	Accumulate                                     bool       // forward only: add to what Dst holds
	Activation                                     Activation // forward only, after the addition
	Winograd                                       bool
	SrcType, WeightsType, DstType                  Type // zero: F32
	// Of weights of type S8, forward only: what a sum of products is worth in
	// each channel, what one step of the result is worth before the addition
	// (SumScale) and after it (DstScale).
	Scales             []float32
	SumScale, DstScale float32
}

// c is the convolution for C, which reads the scales while it is called.
func (c Convolution) c() *C.jcs_convolution {
	algorithm := C.jcs_algorithm(C.JCS_DIRECT)
	if c.Winograd {
		algorithm = C.JCS_WINOGRAD
	}
	return &C.jcs_convolution{
		n: C.int64_t(c.N), in: C.int64_t(c.In), height: C.int64_t(c.Height), width: C.int64_t(c.Width),
		out: C.int64_t(c.Out), out_height: C.int64_t(c.OutHeight), out_width: C.int64_t(c.OutWidth),
		kernel: C.int64_t(c.Kernel), stride: C.int64_t(c.Stride), dilation: C.int64_t(c.Dilation),
		groups: C.int64_t(c.Groups), pad_top: C.int64_t(c.PadTop), pad_left: C.int64_t(c.PadLeft),
		pad_bottom: C.int64_t(c.PadBottom), pad_right: C.int64_t(c.PadRight),
		bias: truth(c.Bias), training: truth(c.Training), accumulate: truth(c.Accumulate),
		activation: C.jcs_activation(c.Activation), algorithm: algorithm,
		src_type: C.jcs_type(c.SrcType), weights_type: C.jcs_type(c.WeightsType), dst_type: C.jcs_type(c.DstType),
		sum_scale: C.float(c.SumScale), dst_scale: C.float(c.DstScale),
	}
}

// check holds what C would read beyond its end.
func (c Convolution) check() error {
	if c.WeightsType == S8 && len(c.Scales) != c.Out {
		return fmt.Errorf("%d scales for %d channels", len(c.Scales), c.Out)
	}
	return nil
}

// Pool is a pooling window over planes.
type Pool struct {
	KernelHeight, KernelWidth, StrideHeight, StrideWidth int
	PadTop, PadLeft, PadBottom, PadRight                 int
	OutHeight, OutWidth                                  int
	Kind                                                 Pooling
	Training                                             bool
}

func (p Pool) c() *C.jcs_pool {
	return &C.jcs_pool{
		kernel_height: C.int64_t(p.KernelHeight), kernel_width: C.int64_t(p.KernelWidth),
		stride_height: C.int64_t(p.StrideHeight), stride_width: C.int64_t(p.StrideWidth),
		pad_top: C.int64_t(p.PadTop), pad_left: C.int64_t(p.PadLeft),
		pad_bottom: C.int64_t(p.PadBottom), pad_right: C.int64_t(p.PadRight),
		out_height: C.int64_t(p.OutHeight), out_width: C.int64_t(p.OutWidth),
		kind: C.jcs_pooling(p.Kind), training: truth(p.Training),
	}
}

// ConvolutionForward compiles a convolution. A layout that is nil is chosen by
// the library, as the weights' always is; Layout tells which.
func (e *Engine) ConvolutionForward(c Convolution, src, dst *Layout) (*Primitive, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var msg message
	described := c.c()
	if c.WeightsType == S8 {
		var pin runtime.Pinner
		defer pin.Unpin()
		pin.Pin(&c.Scales[0])
		described.scales = (*C.float)(&c.Scales[0])
	}
	return e.own(C.jcs_convolution_forward(e.handle, described, src.c(), dst.c(), msg.c()), &msg, src, dst)
}

// ConvolutionBackwardData compiles the gradient by the input. A layout that is
// nil is chosen by the library.
func (e *Engine) ConvolutionBackwardData(c Convolution, diffSrc, diffDst *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_convolution_backward_data(e.handle, c.c(), diffSrc.c(), diffDst.c(), msg.c()), &msg, diffSrc, diffDst)
}

// ConvolutionBackwardWeights compiles the gradient by weights and bias.
func (e *Engine) ConvolutionBackwardWeights(c Convolution, src, diffDst *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_convolution_backward_weights(e.handle, c.c(), src.c(), diffDst.c(), msg.c()), &msg, src, diffDst)
}

// BatchNormForward compiles a batch norm by the statistics that it is given.
func (e *Engine) BatchNormForward(eps float32, src *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_batch_norm_forward(e.handle, src.c(), C.float(eps), msg.c()), &msg, src)
}

// ActivationForward compiles an activation.
func (e *Engine) ActivationForward(a Activation, src *Layout, training bool) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_activation_forward(e.handle, C.jcs_activation(a), src.c(), truth(training), msg.c()), &msg, src)
}

// ActivationBackward compiles its gradient, which reads Dst, but for
// HardSwish, which reads Src; data is the layout of either.
func (e *Engine) ActivationBackward(a Activation, data, diffDst *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_activation_backward(e.handle, C.jcs_activation(a), data.c(), diffDst.c(), msg.c()), &msg, data, diffDst)
}

// SoftmaxForward compiles a softmax over one axis.
func (e *Engine) SoftmaxForward(src *Layout, axis int) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_softmax_forward(e.handle, src.c(), C.int(axis), msg.c()), &msg, src)
}

// SoftmaxBackward compiles its gradient, which reads Dst.
func (e *Engine) SoftmaxBackward(dst, diffDst *Layout, axis int) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_softmax_backward(e.handle, dst.c(), diffDst.c(), C.int(axis), msg.c()), &msg, dst, diffDst)
}

// PoolForward compiles a pool.
func (e *Engine) PoolForward(p Pool, src *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_pool_forward(e.handle, p.c(), src.c(), msg.c()), &msg, src)
}

// PoolBackward compiles its gradient; src is the layout that the gradient by
// the input gets.
func (e *Engine) PoolBackward(p Pool, src, diffDst *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_pool_backward(e.handle, p.c(), src.c(), diffDst.c(), msg.c()), &msg, src, diffDst)
}

// ResizeForward compiles a bilinear resize with half-pixel centres.
func (e *Engine) ResizeForward(src *Layout, height, width int) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_resize_forward(e.handle, src.c(), C.int64_t(height), C.int64_t(width), msg.c()), &msg, src)
}

// Binary compiles a op b, b broadcast where its axes are 1.
func (e *Engine) Binary(kind Binary, a, b, dst *Layout) (*Primitive, error) {
	var msg message
	return e.own(C.jcs_binary_new(e.handle, C.jcs_binary(kind), a.c(), b.c(), dst.c(), msg.c()), &msg, a, b, dst)
}

// Concat compiles a concatenation along the channels; dst may be nil.
func (e *Engine) Concat(srcs []*Layout, dst *Layout) (*Primitive, error) {
	var msg message
	in := handles(srcs)
	return e.own(C.jcs_concat(e.handle, C.int(len(in)), first(in), dst.c(), msg.c()), &msg, append(srcs[:len(srcs):len(srcs)], dst)...)
}

// Reorder compiles a copy from one layout to another, of another type as well.
// Scales, if any, multiply: one for all, or one for each index of the first axis.
func (e *Engine) Reorder(src, dst *Layout, scales ...float32) (*Primitive, error) {
	var msg message
	factors := make([]C.float, len(scales))
	for i, s := range scales {
		factors[i] = C.float(s)
	}
	return e.own(C.jcs_reorder(e.handle, src.c(), dst.c(), first(factors), C.int(len(factors)), msg.c()), &msg, src, dst)
}

// own wraps a new primitive. The layouts named after it are kept from the
// garbage collector until C is done with them.
func (e *Engine) own(h *C.jcs_primitive, msg *message, used ...*Layout) (*Primitive, error) {
	runtime.KeepAlive(used)
	if h == nil {
		return nil, msg.err()
	}
	return &Primitive{h}, nil
}

// Layout is the layout that the primitive wants for a role. That of Bias,
// DiffBias, Workspace and Scratchpad may be zero.
func (p *Primitive) Layout(r Role) (*Layout, error) {
	var msg message
	h := C.jcs_primitive_layout(p.handle, C.jcs_role(r), msg.c())
	if h == nil {
		return nil, msg.err()
	}
	return newLayout(h), nil
}

// Implementation names the library's kernel, for profiles.
func (p *Primitive) Implementation() string {
	return C.GoString(C.jcs_primitive_implementation(p.handle))
}

// Free forgets the primitive.
func (p *Primitive) Free() { C.jcs_primitive_free(p.handle) }

func handles(ls []*Layout) []*C.jcs_layout {
	out := make([]*C.jcs_layout, len(ls))
	for i, l := range ls {
		out[i] = l.handle
	}
	return out
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
