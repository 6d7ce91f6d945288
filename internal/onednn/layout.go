//go:build cgo

package onednn

/*
#include "onednn.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// Type is the type of a tensor's elements.
type Type int

// The element types.
const (
	F32  Type = C.JCS_F32
	BF16 Type = C.JCS_BF16
	S32  Type = C.JCS_S32
	S8   Type = C.JCS_S8
	U8   Type = C.JCS_U8
)

// Layout is a tensor's shape, type and order in memory. It is immutable.
type Layout struct{ handle *C.jcs_layout }

func newLayout(h *C.jcs_layout) *Layout {
	l := &Layout{h}
	runtime.AddCleanup(l, func(h *C.jcs_layout) { C.jcs_layout_free(h) }, h)
	return l
}

// Plain is the layout of a dense row-major tensor (NCHW).
func Plain(t Type, shape ...int) (*Layout, error) { return dense(t, C.JCS_PLAIN, shape) }

// ChannelsLast is the layout of a dense NHWC tensor of shape [N C H W].
func ChannelsLast(t Type, shape ...int) (*Layout, error) { return dense(t, C.JCS_CHANNELS_LAST, shape) }

// Blocked is the layout of a dense tensor of shape [N C H W] whose channels lie
// in blocks of 16 or 8, filled up with zeros.
func Blocked(t Type, block int, shape ...int) (*Layout, error) {
	switch block {
	case 16:
		return dense(t, C.JCS_BLOCKED_16, shape)
	case 8:
		return dense(t, C.JCS_BLOCKED_8, shape)
	}
	return nil, fmt.Errorf("there are no blocks of %d channels", block)
}

// ChannelBlock is the number of channels in a block that this processor's
// instructions like best.
func ChannelBlock() int {
	if strings.HasPrefix(InstructionSet(), "avx512") {
		return 16
	}
	return 8
}

// MultipliesEightBits reports whether the processor sums products of 8 bits in
// 32. Without that (VNNI) the library sums pairs in 16, which overflow.
func MultipliesEightBits() bool {
	switch InstructionSet() {
	case "sse41", "avx", "avx2", "avx512_core", "other":
		return false
	}
	return true
}

// HasBFloat16 reports whether the library has primitives of bfloat16 for the
// processor.
func HasBFloat16() bool {
	switch InstructionSet() {
	case "sse41", "avx", "avx2", "avx2_vnni", "other":
		return false
	}
	return true
}

// MultipliesBFloat16 reports whether the processor does that itself: else the
// library's primitives of bfloat16 multiply in float32.
func MultipliesBFloat16() bool {
	switch InstructionSet() {
	case "avx512_core", "avx512_core_vnni":
		return false
	}
	return HasBFloat16()
}

func dense(t Type, order C.jcs_order, shape []int) (*Layout, error) {
	dims := int64s(shape)
	var msg message
	h := C.jcs_layout_new(C.int(len(shape)), first(dims), C.jcs_type(t), order, msg.c())
	if h == nil {
		return nil, fmt.Errorf("layout of %v: %w", shape, msg.err())
	}
	return newLayout(h), nil
}

// Part is the layout of a box within this one, sharing its memory, or an error
// where the blocks of this layout do not allow it.
func (l *Layout) Part(shape, offsets []int) (*Layout, error) {
	defer runtime.KeepAlive(l)
	d, o := int64s(shape), int64s(offsets)
	var msg message
	h := C.jcs_layout_part(l.handle, first(d), first(o), msg.c())
	if h == nil {
		return nil, msg.err()
	}
	return newLayout(h), nil
}

// Reshape is the layout of the same memory under another shape, or an error.
func (l *Layout) Reshape(shape ...int) (*Layout, error) {
	defer runtime.KeepAlive(l)
	d := int64s(shape)
	var msg message
	h := C.jcs_layout_reshape(l.handle, C.int(len(d)), first(d), msg.c())
	if h == nil {
		return nil, msg.err()
	}
	return newLayout(h), nil
}

// Dense is the layout of a tensor of its own in the order of this one, which
// may be a part of another.
func (l *Layout) Dense() (*Layout, error) {
	defer runtime.KeepAlive(l)
	var msg message
	h := C.jcs_layout_dense(l.handle, msg.c())
	if h == nil {
		return nil, msg.err()
	}
	return newLayout(h), nil
}

// Bytes is the memory that a tensor of this layout spans.
func (l *Layout) Bytes() int {
	defer runtime.KeepAlive(l)
	return int(C.jcs_layout_bytes(l.handle))
}

// Type is the type of the tensor's elements.
func (l *Layout) Type() Type {
	defer runtime.KeepAlive(l)
	return Type(C.jcs_layout_type(l.handle))
}

// IsZero reports whether the layout describes nothing: no workspace, no bias.
func (l *Layout) IsZero() bool {
	defer runtime.KeepAlive(l)
	return C.jcs_layout_is_zero(l.handle) != 0
}

// Equal reports whether both layouts are the same to the last stride.
func (l *Layout) Equal(o *Layout) bool {
	defer runtime.KeepAlive(o)
	defer runtime.KeepAlive(l)
	return C.jcs_layout_equal(l.handle, o.handle) != 0
}

func (l *Layout) c() *C.jcs_layout {
	if l == nil {
		return nil
	}
	return l.handle
}

func int64s(s []int) []C.int64_t {
	out := make([]C.int64_t, len(s))
	for i, v := range s {
		out[i] = C.int64_t(v)
	}
	return out
}

func first[T any](s []T) *T { return unsafe.SliceData(s) }
