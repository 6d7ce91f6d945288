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
	if p.Kernel < 1 || p.Stride < 1 || p.Pad < 0 || 2*p.Pad > p.Kernel {
		return nil, fmt.Errorf("there is no window of %d with stride %d and padding %d", p.Kernel, p.Stride, p.Pad)
	}
	h, w := p.extent(s[2]), p.extent(s[3])
	if h < 1 || w < 1 {
		return nil, fmt.Errorf("a window of %d does not fit the input %v", p.Kernel, s)
	}
	return Shape{s[0], s[1], h, w}, nil
}

// extent counts the windows along one axis.
func (p Pool) extent(size int) int {
	free := size + 2*p.Pad - p.Kernel // places beside the first window's
	if p.Ceil {
		free += p.Stride - 1
	}
	if free < 0 {
		return 0
	}
	n := free/p.Stride + 1
	if p.Ceil && (n-1)*p.Stride >= size+p.Pad {
		n-- // the last window would begin beyond the input and its left padding
	}
	return n
}

func (globalAverage) infer(in []Shape) (Shape, error) {
	if err := wantImage(in[0]); err != nil {
		return nil, err
	}
	return Shape{in[0][0], in[0][1], 1, 1}, nil
}

// window is the part of the input that one place of the result looks at: rows
// from top up to, not including, bottom, and columns alike.
type window struct{ top, bottom, left, right int }

// eachWindow visits the windows of one plane, in the result's order. cells is
// the number that an average is divided by.
func (p Pool) eachWindow(in, out Shape, f func(place int, w window, cells float64)) {
	h, w := in[2], in[3]
	for y := range out[2] {
		for x := range out[3] {
			top, left := y*p.Stride-p.Pad, x*p.Stride-p.Pad
			bottom, right := min(top+p.Kernel, h+p.Pad), min(left+p.Kernel, w+p.Pad)
			cells := (bottom - top) * (right - left)
			inside := window{max(top, 0), min(bottom, h), max(left, 0), min(right, w)}
			if !p.CountPadding {
				cells = (inside.bottom - inside.top) * (inside.right - inside.left)
			}
			f(y*out[3]+x, inside, float64(cells))
		}
	}
}

func (m maxPool) forward(c *call) {
	in, out := c.in[0].shape, c.out.shape
	c.each(in[0]*in[1], func(p int) {
		plane, result := c.in[0].data[p*in[2]*in[3]:], c.out.data[p*out[2]*out[3]:]
		m.eachWindow(in, out, func(place int, w window, _ float64) {
			result[place] = plane[w.largest(plane, in[3])]
		})
	})
}

func (m maxPool) backward(c *call) {
	if c.inGrads[0] == nil {
		return
	}
	in, out := c.in[0].shape, c.out.shape
	c.each(in[0]*in[1], func(p int) {
		plane, grad := c.in[0].data[p*in[2]*in[3]:], c.inGrads[0][p*in[2]*in[3]:]
		outGrad := c.outGrad[p*out[2]*out[3]:]
		m.eachWindow(in, out, func(place int, w window, _ float64) {
			grad[w.largest(plane, in[3])] += outGrad[place]
		})
	})
}

// largest is the place of the first of the largest values; NaN counts as such.
func (w window) largest(plane []float64, width int) int {
	best := w.top*width + w.left
	for y := w.top; y < w.bottom; y++ {
		for i := y*width + w.left; i < y*width+w.right; i++ {
			if plane[i] > plane[best] || (plane[i] != plane[i] && plane[best] == plane[best]) {
				best = i
			}
		}
	}
	return best
}

func (a averagePool) forward(c *call) {
	in, out := c.in[0].shape, c.out.shape
	c.each(in[0]*in[1], func(p int) {
		plane, result := c.in[0].data[p*in[2]*in[3]:], c.out.data[p*out[2]*out[3]:]
		a.eachWindow(in, out, func(place int, w window, cells float64) {
			sum := 0.0
			for y := w.top; y < w.bottom; y++ {
				for _, v := range plane[y*in[3]+w.left : y*in[3]+w.right] {
					sum += v
				}
			}
			result[place] = sum / cells
		})
	})
}

func (a averagePool) backward(c *call) {
	if c.inGrads[0] == nil {
		return
	}
	in, out := c.in[0].shape, c.out.shape
	c.each(in[0]*in[1], func(p int) {
		grad, outGrad := c.inGrads[0][p*in[2]*in[3]:], c.outGrad[p*out[2]*out[3]:]
		a.eachWindow(in, out, func(place int, w window, cells float64) {
			share := outGrad[place] / cells
			for y := w.top; y < w.bottom; y++ {
				for i := y*in[3] + w.left; i < y*in[3]+w.right; i++ {
					grad[i] += share
				}
			}
		})
	})
}

func (globalAverage) forward(c *call) {
	plane := c.in[0].shape[2:].Elements()
	for k := range c.out.data {
		sum := 0.0
		for _, v := range c.in[0].data[k*plane : (k+1)*plane] {
			sum += v
		}
		c.out.data[k] = sum / float64(plane)
	}
}

func (globalAverage) backward(c *call) {
	if c.inGrads[0] == nil {
		return
	}
	plane := c.in[0].shape[2:].Elements()
	for k, d := range c.outGrad {
		grad := c.inGrads[0][k*plane : (k+1)*plane]
		for i := range grad {
			grad[i] += d / float64(plane)
		}
	}
}
