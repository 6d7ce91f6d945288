package weights

import "fmt"

// DType is the type of a tensor's elements in a file, by its safetensors name.
// In memory all elements are float32.
type DType string

// The types that are read and written. I64 is for counters such as
// num_batches_tracked; values beyond 2^24 are refused.
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
)

// size is the number of bytes of one element, 0 for a type that is not known.
func (d DType) size() int {
	switch d {
	case F32:
		return 4
	case F16, BF16:
		return 2
	case I64:
		return 8
	}
	return 0
}

// Tensor is a dense array in row-major order. The empty shape is a scalar.
type Tensor struct {
	Shape []int
	Data  []float32
	// DType is the type in the file. Empty lets Write choose.
	DType DType
}

// File is the content of a safetensors file.
type File struct {
	Metadata map[string]string
	Tensors  map[string]Tensor
	Order    []string // the names as they follow each other in the header
}

// NewFile returns a file without tensors.
func NewFile() *File {
	return &File{Metadata: map[string]string{}, Tensors: map[string]Tensor{}}
}

// Add appends a tensor. A name can be used once.
func (f *File) Add(name string, t Tensor) error {
	if _, ok := f.Tensors[name]; ok {
		return fmt.Errorf("tensor %q is there twice", name)
	}
	f.Tensors[name] = t
	f.Order = append(f.Order, name)
	return nil
}
