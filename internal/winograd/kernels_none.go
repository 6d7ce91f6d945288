//go:build cgo && !amd64

package winograd

// There are kernels for x86-64 alone; Check says so before any of these is
// called.

func available(int) bool { return false }

// MultipliesBF16 is false here.
func MultipliesBF16() bool { return false }

// PackedSize is of no use here.
func (c Convolution) PackedSize() int { return 0 }

// ForwardScratch is of no use here.
func (c Convolution) ForwardScratch(bool) int { return 0 }

// DataScratch is of no use here.
func (c Convolution) DataScratch() int { return 0 }

// WeightsScratch is of no use here.
func (c Convolution) WeightsScratch() int { return 0 }

// Pack does nothing here.
func (c Convolution) Pack(_, _ []float32) {}

// Forward does nothing here.
func (c Convolution) Forward(_, _, _, _, _ []float32) {}

// ForwardPacked does nothing here.
func (c Convolution) ForwardPacked(_, _, _, _, _ []float32) {}

// BackwardData does nothing here.
func (c Convolution) BackwardData(_, _, _, _ []float32) {}

// BackwardWeights does nothing here.
func (c Convolution) BackwardWeights(_, _, _, _, _ []float32) {}
