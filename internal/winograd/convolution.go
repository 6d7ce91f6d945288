//go:build cgo

package winograd

import (
	"errors"
	"fmt"
)

// Tile is the side of the square of outputs that is computed at once. A larger
// one saves more multiplications, holds larger weights, and wastes more at the
// end of a plane.
type Tile int

// The tiles: a kernel's 9 weights become 36 or 64.
const (
	Small Tile = 4
	Large Tile = 6
)

// Weights is how many transformed weights one kernel has.
func (t Tile) Weights() int { return int(t+2) * int(t+2) }

// Convolution is a convolution with a 3x3 kernel in steps of one, from [N In
// Height Width] to [N Out OutHeight OutWidth], both in blocks of channels:
// [N][channels/Block][height][width][Block], the channels that are missing in
// the last block being zero. Kernels and their gradients are [Out In 3 3].
type Convolution struct {
	N, In, Height, Width, Out, OutHeight, OutWidth int
	PadTop, PadLeft                                int
	Dilation                                       int // pixels from one of a kernel's weights to the next
	Block                                          int // 16 with AVX-512, 8 with AVX2
	Tile                                           Tile
	ReLU                                           bool // forward: cut the result at 0
	Accumulate                                     bool // forward: add to what dst holds, before that
	// Forward: the source's or the result's values are bfloat16, two in the
	// memory of a float32.
	SourceBF16, ResultBF16 bool
	// In small tiles and blocks of 16: what is multiplied, transformed, is rounded
	// to bfloat16 before. Sums are float32.
	ProductsBF16 bool
}

// Check tells why a convolution cannot be computed, on this processor or at all.
func (c Convolution) Check() error {
	switch {
	case !available(c.Block):
		return fmt.Errorf("there is no kernel for blocks of %d channels on this processor", c.Block)
	case c.Tile != Small && c.Tile != Large:
		return fmt.Errorf("there are no tiles of %d", c.Tile)
	case c.ProductsBF16 && (c.Tile != Small || c.Block != 16 || !MultipliesBF16()):
		return errors.New("bfloat16 is multiplied in tiles of 4 and blocks of 16, on a processor that can")
	case min(c.N, c.In, c.Height, c.Width, c.Out, c.OutHeight, c.OutWidth) < 1:
		return fmt.Errorf("an extent is not above 0")
	case c.Dilation < 1:
		return fmt.Errorf("a dilation of %d is not above 0", c.Dilation)
	case min(c.PadTop, c.PadLeft) < 0 || max(c.PadTop, c.PadLeft) > 2*c.Dilation:
		return fmt.Errorf("a padding of %d or %d is not from 0 to %d", c.PadTop, c.PadLeft, 2*c.Dilation)
	case c.OutHeight > c.Height+c.PadTop || c.OutWidth > c.Width+c.PadLeft:
		return fmt.Errorf("the result of %d x %d reaches beyond the padding", c.OutHeight, c.OutWidth)
	}
	return nil
}

// blocked is the number of values in n images of so many channels.
func (c Convolution) blocked(channels, height, width int) int {
	return c.N * ((channels + c.Block - 1) / c.Block) * c.Block * height * width
}

// Sizes are the memories of the source, the result and the kernel, in float32s.
func (c Convolution) Sizes() (source, result, kernel int) {
	return c.sourceSize(), c.resultSize(), c.kernelSize()
}

func (c Convolution) sourceSize() int {
	return memory(c.blocked(c.In, c.Height, c.Width), c.SourceBF16)
}

func (c Convolution) resultSize() int {
	return memory(c.blocked(c.Out, c.OutHeight, c.OutWidth), c.ResultBF16)
}

// memory of some blocks of values, in float32s.
func memory(values int, bf16 bool) int {
	if bf16 {
		return values / 2
	}
	return values
}

func (c Convolution) kernelSize() int { return c.Out * c.In * 9 }

// want panics where a memory is not of the size that the kernels will write or
// read: that is a fault of the caller, and would be one of memory.
func want(what string, have []float32, size int) {
	if len(have) < size {
		panic(fmt.Sprintf("winograd: %s has %d values, not %d", what, len(have), size))
	}
}
