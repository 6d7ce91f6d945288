//go:build cgo

package kernel

/*
#cgo CFLAGS: -std=gnu11 -O3 -Wall
#cgo LDFLAGS: -lm
#include "kernel.h"
*/
import "C"

import "unsafe"

func f(x []float32) *C.float  { return (*C.float)(unsafe.SliceData(x)) }
func n(x []float32) C.int64_t { return C.int64_t(len(x)) }

// SquareSum is the sum of the squares, in an order that the number of values
// alone decides.
func SquareSum(x []float32) float64 { return float64(C.jcs_square_sum(f(x), n(x))) }

// Scale multiplies each value.
func Scale(x []float32, factor float32) { C.jcs_scale(f(x), n(x), C.float(factor)) }

// Move makes a step: it moves values, and the means of gradients and of their
// squares.
func (a Adam) Move(value, grad, mean, square []float32) {
	step := C.jcs_adam{
		size: C.double(a.Size), over_spread: C.double(1 / a.Spread), eps: C.double(a.Eps),
		beta1: C.double(a.Beta1), beta2: C.double(a.Beta2), shrink: C.double(a.Shrink), added: C.double(a.Added),
	}
	C.jcs_adam_move(f(value), f(grad), f(mean), f(square), n(value), &step)
}

// MoveTowards moves averages by a share of the way to values.
func MoveTowards(average, value []float32, share float64) {
	C.jcs_move_towards(f(average), f(value), n(value), C.double(share))
}

// LogitSums are the sums of the mask sigmoid(x). small gets exp(-|x|).
func LogitSums(x, target, small []float32) MaskSums {
	var s C.jcs_mask_sums
	C.jcs_logit_sums(f(x), f(target), f(small), n(x), &s)
	return MaskSums{float64(s.entropy), float64(s.overlap), float64(s.both)}
}

// LogitSlopes fills the gradient by x; grad holds the small of LogitSums before.
func LogitSlopes(x, target, grad []float32, s MaskSlope) {
	slope := C.jcs_mask_slope{C.double(s.Entropy), C.double(s.Overlap), C.double(s.Dice)}
	C.jcs_logit_slopes(f(x), f(target), f(grad), n(x), &slope)
}

// ProbabilitySums are the sums of the mask p, its logarithms clamped at -100.
func ProbabilitySums(p, target []float32) MaskSums {
	var s C.jcs_mask_sums
	C.jcs_probability_sums(f(p), f(target), n(p), &s)
	return MaskSums{float64(s.entropy), float64(s.overlap), float64(s.both)}
}

// ProbabilitySlopes fills the gradient by p.
func ProbabilitySlopes(p, target, grad []float32, s MaskSlope) {
	slope := C.jcs_mask_slope{C.double(s.Entropy), C.double(s.Overlap), C.double(s.Dice)}
	C.jcs_probability_slopes(f(p), f(target), f(grad), n(p), &slope)
}
