package nn

import "fmt"

// Pool are the attributes of a pooling window, as in PyTorch: with Ceil the
// last window may begin inside the input or its left padding and end beyond
// it; cells beyond the padding are never counted. CountPadding divides an
// average by all cells of the padded window rather than by those of the input.
type Pool struct {
	Kernel       int
	Stride       int // 0: the kernel
	Pad          int
	Ceil         bool
	CountPadding bool // of an average only
}

func (p Pool) withDefaults() Pool {
	if p.Stride == 0 {
		p.Stride = p.Kernel
	}
	return p
}

// MaxPool adds the largest value of each window.
func (g *Graph) MaxPool(x *Value, p Pool) *Value {
	return g.add(maxPool{p.withDefaults()}, nameOf(x), nil, x)
}

// AveragePool adds the mean of each window.
func (g *Graph) AveragePool(x *Value, p Pool) *Value {
	return g.add(averagePool{p.withDefaults()}, nameOf(x), nil, x)
}

// GlobalAverage adds the mean of each plane: [N C H W] to [N C 1 1].
func (g *Graph) GlobalAverage(x *Value) *Value { return g.add(globalAverage{}, nameOf(x), nil, x) }

type maxPool struct{ Pool }
type averagePool struct{ Pool }
type globalAverage struct{}

func (maxPool) kind() string       { return "max pool" }
func (averagePool) kind() string   { return "average pool" }
func (globalAverage) kind() string { return "global average" }

func (p Pool) infer(in []Shape) (Shape, error) {
	s := in[0]
	if err := wantImage(s); err != nil {
		return nil, err
	}
	if p.Kernel < 1 || p.Pad < 0 || 2*p.Pad > p.Kernel {
		return nil, fmt.Errorf("window of %d with padding %d", p.Kernel, p.Pad)
	}
	h, w := p.extent(s[2]), p.extent(s[3])
	if h < 1 || w < 1 {
		return nil, fmt.Errorf("a window of %d does not fit the input %v", p.Kernel, s)
	}
	return Shape{s[0], s[1], h, w}, nil
}

// extent counts the windows along one axis.
func (p Pool) extent(size int) int {
	n := floorExtent(size+2*p.Pad, p.Kernel, p.Stride)
	if p.Ceil && n > 0 && (size+2*p.Pad-p.Kernel)%p.Stride != 0 && n*p.Stride < size+p.Pad {
		n++
	}
	return n
}

func (globalAverage) infer(in []Shape) (Shape, error) {
	if err := wantImage(in[0]); err != nil {
		return nil, err
	}
	return Shape{in[0][0], in[0][1], 1, 1}, nil
}
