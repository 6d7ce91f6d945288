package nn

import (
	"fmt"
	"strconv"
	"strings"
)

// Shape is a tensor's extent along each axis: [N C H W] for images and
// features, [N F] for vectors, [F] for a parameter of one axis. The empty
// shape is a scalar.
type Shape []int

// Elements is the number of values that a tensor of this shape holds.
func (s Shape) Elements() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Equal reports whether both shapes have the same axes.
func (s Shape) Equal(o Shape) bool {
	if len(s) != len(o) {
		return false
	}
	for i := range s {
		if s[i] != o[i] {
			return false
		}
	}
	return true
}

// String is the shape as it stands in error messages and key lists: 64x3x3x3,
// or scalar.
func (s Shape) String() string {
	if len(s) == 0 {
		return "scalar"
	}
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "x")
}

// Tensor is a dense float32 array in row-major order (NCHW for images).
type Tensor struct {
	Shape Shape
	Data  []float32
}

// NewTensor returns a tensor of zeros.
func NewTensor(shape ...int) Tensor {
	return Tensor{Shape: shape, Data: make([]float32, Shape(shape).Elements())}
}

// check returns an error when the data's length does not fit the shape.
func (t Tensor) check() error {
	if n := t.Shape.Elements(); n != len(t.Data) {
		return fmt.Errorf("shape %v needs %d values, not %d", t.Shape, n, len(t.Data))
	}
	return nil
}

// Weights are a network's parameters and buffers by their published names.
type Weights map[string]Tensor
