package ct

import "math"

// Order says where the columns, rows and slices of a [Volume] lie in the grid
// that its input stores: each is 1, 2 or 3 for the stored grid's first, second
// or third axis (the first is the fastest), negative where it runs the other
// way. The zero Order is that of a volume that is stored as it is.
type Order [3]int8

// storedOrder is the order of a volume that is stored as it is.
var storedOrder = Order{1, 2, 3}

// AsStored reports whether the volume is stored as it is.
func (o Order) AsStored() bool { return o == Order{} || o == storedOrder }

// axis returns the stored axis of the volume's axis a, counted from 0, and
// whether it runs the other way.
func (o Order) axis(a int) (stored int, reversed bool) {
	if o == (Order{}) {
		return a, false
	}
	if o[a] < 0 {
		return int(-o[a]) - 1, true
	}
	return int(o[a]) - 1, false
}

// StoredSize returns the stored grid's size, fastest axis first, of a volume of
// columns, rows and slices.
func (o Order) StoredSize(size [3]int) [3]int {
	var stored [3]int
	for a, n := range size {
		s, _ := o.axis(a)
		stored[s] = n
	}
	return stored
}

// size is the inverse of StoredSize.
func (o Order) size(stored [3]int) [3]int {
	var size [3]int
	for a := range size {
		s, _ := o.axis(a)
		size[a] = stored[s]
	}
	return size
}

// strides returns where the volume's first voxel lies in the stored grid, and
// how far a step along each of the volume's axes leads there.
func (o Order) strides(stored [3]int) (first int, step [3]int) {
	each := [3]int{1, stored[0], stored[0] * stored[1]}
	for a := range step {
		s, reversed := o.axis(a)
		step[a] = each[s]
		if reversed {
			first += (stored[s] - 1) * each[s]
			step[a] = -each[s]
		}
	}
	return first, step
}

// Restore returns voxels of a volume of columns, rows and slices in the order
// of the stored grid, so that a mask lies on the grid that the input came in.
// voxels has size[0]*size[1]*size[2] values and is left alone.
func Restore[T any](o Order, size [3]int, voxels []T) []T {
	restored := make([]T, len(voxels))
	first, step := o.strides(o.StoredSize(size))
	i := 0
	for k := range size[2] {
		for j := range size[1] {
			at := first + k*step[2] + j*step[1]
			for range size[0] {
				restored[at] = voxels[i]
				at, i = at+step[0], i+1
			}
		}
	}
	return restored
}

// arranged is the inverse of Restore.
func arranged[T any](o Order, stored [3]int, voxels []T) []T {
	moved := make([]T, len(voxels))
	size := o.size(stored)
	first, step := o.strides(stored)
	i := 0
	for k := range size[2] {
		for j := range size[1] {
			at := first + k*step[2] + j*step[1]
			for range size[0] {
				moved[i] = voxels[at]
				at, i = at+step[0], i+1
			}
		}
	}
	return moved
}

// turned is arranged in the same memory, but for one slice, where the slices stay
// slices. Otherwise it takes as much again.
func turned[T any](o Order, stored [3]int, voxels []T) []T {
	s, reversed := o.axis(2)
	if s != 2 {
		return arranged(o, stored, voxels)
	}
	n := stored[0] * stored[1]
	slice := func(k int) []T { return voxels[k*n : (k+1)*n] }
	if within := (Order{o[0], o[1], 3}); !within.AsStored() {
		for k := range stored[2] {
			copy(slice(k), arranged(within, [3]int{stored[0], stored[1], 1}, slice(k)))
		}
	}
	for k := 0; reversed && k < stored[2]/2; k++ {
		a, b := slice(k), slice(stored[2]-1-k)
		for i := range a {
			a[i], b[i] = b[i], a[i]
		}
	}
	return voxels
}

// lattice is a stored grid within the memory of a volume.
type lattice struct {
	size  [3]int // of the stored grid, fastest axis first
	first int    // where its first voxel lies in the volume
	step  [3]int // how far a step along each stored axis leads there
}

// latticeOf returns where the voxels of a stored grid lie in a volume of an order.
func latticeOf(o Order, stored [3]int) lattice {
	l := lattice{size: stored}
	size := o.size(stored)
	each := [3]int{1, size[0], size[0] * size[1]}
	for a := range 3 {
		s, reversed := o.axis(a)
		l.step[s] = each[a]
		if reversed {
			l.first += (size[a] - 1) * each[a]
			l.step[s] = -each[a]
		}
	}
	return l
}

// get copies stored slice k out of a volume's voxels.
func (l lattice) get(slice, voxels []int16, k int) {
	l.each(k, func(i, at int) { slice[i] = voxels[at] })
}

// put copies stored slice k into a volume's voxels.
func (l lattice) put(voxels, slice []int16, k int) {
	l.each(k, func(i, at int) { voxels[at] = slice[i] })
}

// each calls do for each voxel i of stored slice k, with its place in the volume.
func (l lattice) each(k int, do func(i, at int)) {
	i := 0
	for r := range l.size[1] {
		at := l.first + k*l.step[2] + r*l.step[1]
		for range l.size[0] {
			do(i, at)
			at, i = at+l.step[0], i+1
		}
	}
}

// orient returns the order in which columns run most nearly to the patient's
// left, rows to the back and slices to the head, given the directions of the
// stored axes in the LPS frame. They need no unit length, and no right angles.
func orient(axes [3][3]float64) Order {
	for i, a := range axes {
		if n := norm(a); n > 0 {
			axes[i] = scale(a, 1/n)
		}
	}
	best, most := storedOrder, math.Inf(-1)
	for _, p := range [6][3]int{{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		sum := 0.0
		var o Order
		for a, s := range p {
			along := axes[s][a]
			sum += math.Abs(along)
			o[a] = int8(s + 1)
			if along < 0 {
				o[a] = -o[a]
			}
		}
		if sum > most+1e-9 { // of equals the first, which moves the fewest voxels
			best, most = o, sum
		}
	}
	return best
}

// apply returns the affine of the volume from that of the stored grid.
func (o Order) apply(affine [4][4]float64, stored [3]int) [4][4]float64 {
	moved := affine
	for a := range 3 {
		s, reversed := o.axis(a)
		for i := range 3 {
			moved[i][a] = affine[i][s]
			if reversed {
				moved[i][a] = -affine[i][s]
				moved[i][3] += float64(stored[s]-1) * affine[i][s]
			}
		}
	}
	return moved
}

// StoredAffine returns the affine of the grid that the input stores: it takes
// (first, second, third index, 1) there to millimetres in the LPS frame.
func (v *Volume) StoredAffine() [4][4]float64 {
	stored := v.Affine
	for a, n := range [3]int{v.Columns, v.Rows, v.Slices} {
		s, reversed := v.Order.axis(a)
		for i := range 3 {
			stored[i][s] = v.Affine[i][a]
			if reversed {
				stored[i][s] = -v.Affine[i][a]
				stored[i][3] += float64(n-1) * v.Affine[i][a]
			}
		}
	}
	return stored
}
