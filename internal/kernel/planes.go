//go:build cgo

package kernel

/*
#cgo CFLAGS: -fopenmp
#cgo LDFLAGS: -lgomp
#include "planes.h"
*/
import "C"

import (
	"math"
	"runtime"
	"unsafe"
)

// MostLanes is the largest number of lanes.
const MostLanes = C.JCS_MOST_LANES

// Planes is a tensor's order in memory: rows of pixels of lanes. In NCHW a row
// is a plane, of one lane; with channels in blocks a row is a block's planes and
// a lane a channel; in NHWC a row is an item. What each channel has one of lies
// in groups of lanes, of which row r has group r % Groups.
//
// Its methods spread over the threads of OpenMP that the calling thread has.
// What comes out does not depend on how many these are.
type Planes struct{ Rows, Pixels, Lanes, Groups int }

func (p Planes) c() *C.jcs_planes {
	return &C.jcs_planes{C.int64_t(p.Rows), C.int64_t(p.Pixels), C.int64_t(p.Lanes), C.int64_t(p.Groups)}
}

// Term is Values times Factors, which each row has of its own, or either alone
// where the other is nil, times Scale.
type Term struct {
	Values, Factors []float32
	Scale           float32
}

// Combine fills out with the sum of terms where gate, unless nil, lies between 0
// and top, and with 0 elsewhere. out may be the values of a term.
func (p Planes) Combine(out []float32, terms []Term, gate []float32, top float32) {
	var pin runtime.Pinner
	defer pin.Unpin()
	list := make([]C.jcs_term, len(terms))
	for i, t := range terms {
		list[i] = C.jcs_term{values: pinned(&pin, t.Values), factors: pinned(&pin, t.Factors), scale: C.float(t.Scale)}
	}
	C.jcs_combine(f(out), p.c(), unsafe.SliceData(list), C.int(len(list)), f(gate), C.float(top))
}

func pinned(pin *runtime.Pinner, x []float32) *C.float {
	if x == nil {
		return nil
	}
	pin.Pin(unsafe.SliceData(x))
	return (*C.float)(unsafe.SliceData(x))
}

// Parts is room for the sums over such a tensor.
func (p Planes) Parts() []float64 { return make([]float64, C.jcs_parts(p.c())) }

// RowSums fills sums, a lane's one behind the other, with those over each row's
// pixels of x, or of x times y unless that is nil, times scale.
func (p Planes) RowSums(sums, x, y []float32, scale float32, parts []float64) {
	C.jcs_row_sums(f(sums), p.c(), f(x), f(y), C.float(scale), d(parts))
}

// Statistics fills mean and variance, the biased one, of each channel.
func (p Planes) Statistics(mean, variance, x []float32, parts []float64) {
	C.jcs_channel_statistics(f(mean), f(variance), p.c(), f(x), d(parts))
}

// Norm is what a batch norm does with each channel, (x-Mean)*Factor + Shift, and
// what the activation behind it keeps of that: from Low to Top.
type Norm struct {
	Mean, Factor, Shift []float32
	Low, Top            float32
}

func (n Norm) c(pin *runtime.Pinner) *C.jcs_norm {
	return &C.jcs_norm{
		mean: pinned(pin, n.Mean), factor: pinned(pin, n.Factor), shift: pinned(pin, n.Shift),
		low: C.float(n.Low), top: C.float(n.Top),
	}
}

// Norm fills y with x as n makes it.
func (p Planes) Norm(y, x []float32, n Norm) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.jcs_norm_forward(f(y), p.c(), f(x), n.c(&pin))
}

// NormSums fills the sums over each channel of g, and of g times (x - Mean),
// where g is dy where n keeps its result as it is, and 0 elsewhere.
func (p Planes) NormSums(sum, product, x, dy []float32, n Norm, parts []float64) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.jcs_norm_sums(f(sum), f(product), p.c(), f(x), f(dy), n.c(&pin), d(parts))
}

// NormSlopes fills dx, which may be dy, with Factor*g - offset - slope*(x-Mean).
func (p Planes) NormSlopes(dx, x, dy []float32, n Norm, offset, slope []float32) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.jcs_norm_slopes(f(dx), p.c(), f(x), f(dy), n.c(&pin), f(offset), f(slope))
}

// ResizeBack fills dx with the gradient by the source of a bilinear resize.
// The axes say how many pixels a row has, and not p. spare is room for a line of
// the result for each thread that it may spread over.
func (p Planes) ResizeBack(dx, dy []float32, lines, columns Axis, spare []float32) {
	var pin runtime.Pinner
	defer pin.Unpin()
	C.jcs_resize_back(f(dx), f(dy), C.int64_t(p.Rows), C.int64_t(p.Lanes), lines.c(&pin), columns.c(&pin), f(spare),
		C.int(len(spare)/(columns.to*p.Lanes)))
}

func d(x []float64) *C.double { return (*C.double)(unsafe.SliceData(x)) }

// Axis is one axis of a bilinear resize, seen from the source.
type Axis struct {
	from, to int
	// Place i gives to the places first[i] and on of the result, as many as
	// weights start[i] to start[i+1].
	first, start []int32
	weights      []float32
}

// NewAxis is a resize with half-pixel centres, at the places that oneDNN takes.
func NewAxis(from, to int) Axis {
	a := Axis{from: from, to: to, first: make([]int32, from), start: make([]int32, from+1)}
	given := make([][]float32, from)
	give := func(source, place int, weight float32) {
		if len(given[source]) == 0 {
			a.first[source] = int32(place)
		}
		at := place - int(a.first[source])
		for len(given[source]) <= at {
			given[source] = append(given[source], 0)
		}
		given[source][at] += weight
	}
	for place := range to {
		at := float32((float32(place)+0.5)*float32(from)/float32(to)) - 0.5
		left := max(int(math.Floor(float64(at))), 0)
		right := min(int(math.Ceil(float64(at))), from-1)
		share := float32(math.Abs(float64(at - float32(left))))
		give(left, place, 1-share)
		give(max(right, 0), place, share)
	}
	for i, weights := range given {
		a.weights = append(a.weights, weights...)
		a.start[i+1] = int32(len(a.weights))
	}
	return a
}

func (a Axis) c(pin *runtime.Pinner) *C.jcs_axis {
	pin.Pin(unsafe.SliceData(a.first))
	pin.Pin(unsafe.SliceData(a.start))
	return &C.jcs_axis{
		from: C.int64_t(a.from), to: C.int64_t(a.to), weights: pinned(pin, a.weights),
		first: (*C.int32_t)(unsafe.SliceData(a.first)), start: (*C.int32_t)(unsafe.SliceData(a.start)),
	}
}
