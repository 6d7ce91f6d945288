package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// elementType is the type of a checkpoint's elements by PyTorch's name.
type elementType string

// size is the number of bytes of one element.
func (e elementType) size() int64 {
	switch e {
	case "float64", "int64":
		return 8
	case "float32", "int32":
		return 4
	case "float16", "bfloat16", "int16":
		return 2
	}
	return 1
}

// value widens one little-endian element. Only integers beyond 2^53 are
// rounded.
func (e elementType) value(b []byte) float64 {
	little := binary.LittleEndian
	switch e {
	case "float64":
		return math.Float64frombits(little.Uint64(b))
	case "float32":
		return float64(math.Float32frombits(little.Uint32(b)))
	case "float16":
		return float64(halfToFloat(little.Uint16(b)))
	case "bfloat16":
		return float64(bfloatToFloat(little.Uint16(b)))
	case "int64":
		return float64(int64(little.Uint64(b)))
	case "int32":
		return float64(int32(little.Uint32(b)))
	case "int16":
		return float64(int16(little.Uint16(b)))
	case "int8":
		return float64(int8(b[0]))
	}
	return float64(b[0])
}

func (e elementType) isFloat() bool {
	return e == "float64" || e == "float32" || e == "float16" || e == "bfloat16"
}

// storage is a run of elements in a file, which tensors share.
type storage struct {
	key      string
	kind     elementType
	elements int64
	file     io.ReaderAt
	at       int64 // where it begins in the file; below 0 as long as not known
}

// storageView is a part of a storage.
type storageView struct {
	*storage
	first, elements int64
}

// StoredTensor is a tensor of a checkpoint that has not been read yet: where
// its elements lie in the file. It may be a view with any strides.
type StoredTensor struct {
	Name  string
	Shape []int
	Type  string // of the elements, by PyTorch's name

	strides []int64
	first   int64 // element of the storage
	storage *storage
}

// newStoredTensor holds the arguments of _rebuild_tensor_v2 (storage, offset,
// shape, strides, ...) against the storage.
func newStoredTensor(args tuple) (*StoredTensor, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor is made of %d values", len(args))
	}
	view, isView := args[0].(storageView)
	offset, isNumber := args[1].(int64)
	shape, isShape := numbers(args[2])
	strides, isStrides := numbers(args[3])
	if !isView || !isNumber || !isShape || !isStrides || offset < 0 || offset > view.elements || len(shape) != len(strides) {
		return nil, errors.New("a tensor's storage, offset, shape and strides are not what they should be")
	}
	t := &StoredTensor{
		Shape: make([]int, len(shape)), Type: string(view.kind),
		strides: strides, first: view.first + offset, storage: view.storage,
	}
	for i, n := range shape {
		t.Shape[i] = int(n)
	}
	if t.elements() == 0 {
		return t, nil
	}
	last := offset
	for i, n := range shape {
		// Neither factor is above 2^31, nor the sum so far above maxElements.
		if last += (n - 1) * strides[i]; last >= view.elements {
			break
		}
	}
	if last >= view.elements {
		return nil, fmt.Errorf("a tensor of shape %v with strides %v reaches beyond its storage of %d elements", shape, strides, view.elements)
	}
	return t, nil
}

// numbers are those of a tuple that can be a shape or strides.
func numbers(v any) ([]int64, bool) {
	t, ok := v.(tuple)
	if !ok || len(t) > maxAxes {
		return nil, false
	}
	all := make([]int64, len(t))
	for i, x := range t {
		if all[i], ok = x.(int64); !ok || all[i] < 0 || all[i] > math.MaxInt32 {
			return nil, false
		}
	}
	return all, true
}

// elements is the number of elements, or MaxInt64 where that is more.
func (t *StoredTensor) elements() int64 {
	n := int64(1)
	for _, axis := range t.Shape {
		if axis == 0 {
			return 0
		}
		if n > math.MaxInt64/int64(axis) {
			n = math.MaxInt64
		} else {
			n *= int64(axis)
		}
	}
	return n
}

// extent is the number of elements from the first to the last one.
func (t *StoredTensor) extent() int64 {
	if t.elements() == 0 {
		return 0
	}
	n := int64(1)
	for i, axis := range t.Shape {
		n += int64(axis-1) * t.strides[i]
	}
	return n
}

// each calls f with all elements in row-major order.
func (t *StoredTensor) each(f func(v float64) error) error {
	kind := t.storage.kind
	width := kind.size()
	raw := make([]byte, t.extent()*width)
	if _, err := t.storage.file.ReadAt(raw, t.storage.at+t.first*width); err != nil && len(raw) > 0 {
		return fmt.Errorf("reading tensor %.80q: %w", t.Name, err)
	}
	index := make([]int, len(t.Shape))
	at := int64(0)
	for range t.elements() {
		if err := f(kind.value(raw[at*width:])); err != nil {
			return fmt.Errorf("tensor %.80q: %w", t.Name, err)
		}
		for axis := len(index) - 1; axis >= 0; axis-- {
			index[axis]++
			at += t.strides[axis]
			if index[axis] < t.Shape[axis] {
				break
			}
			at -= int64(index[axis]) * t.strides[axis]
			index[axis] = 0
		}
	}
	return nil
}

// Read reads the tensor as float32 in row-major order. A double is rounded; a
// finite one beyond float32 and an integer that float32 does not hold exactly
// are errors.
func (t *StoredTensor) Read() (Tensor, error) {
	out := Tensor{Shape: t.Shape, Data: make([]float32, 0, t.elements())}
	float := t.storage.kind.isFloat()
	err := t.each(func(v float64) error {
		x := float32(v)
		if math.IsInf(float64(x), 0) && !math.IsInf(v, 0) {
			return fmt.Errorf("%g is beyond what float32 can hold", v)
		}
		if !float && math.Abs(v) > maxCount {
			return fmt.Errorf("the integer %.0f is beyond what float32 can hold exactly", v)
		}
		out.Data = append(out.Data, x)
		return nil
	})
	if err != nil {
		return Tensor{}, err
	}
	return out, nil
}
