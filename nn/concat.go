package nn

import "fmt"

// Concat adds the inputs one behind the other along the channels.
func (g *Graph) Concat(xs ...*Value) *Value {
	name := ""
	if len(xs) > 0 {
		name = nameOf(xs[0])
	}
	return g.add(concat{}, name, nil, xs...)
}

// Slice adds the channels from up to, not including, to: one part of a split.
func (g *Graph) Slice(x *Value, from, to int) *Value {
	return g.add(slice{from, to}, nameOf(x), nil, x)
}

type concat struct{}
type slice struct{ from, to int }

func (concat) kind() string { return "concatenation" }
func (slice) kind() string  { return "slice" }

func (concat) infer(in []Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("has no inputs")
	}
	out := append(Shape(nil), in[0]...)
	for _, s := range in {
		if err := wantImage(s); err != nil {
			return nil, err
		}
	}
	for _, s := range in[1:] {
		if s[0] != out[0] || s[2] != out[2] || s[3] != out[3] {
			return nil, fmt.Errorf("inputs %v and %v differ in more than channels", in[0], s)
		}
		out[1] += s[1]
	}
	return out, nil
}

func (s slice) infer(in []Shape) (Shape, error) {
	x := in[0]
	if err := wantImage(x); err != nil {
		return nil, err
	}
	if s.from < 0 || s.to <= s.from || s.to > x[1] {
		return nil, fmt.Errorf("channels %d to %d are not in the input %v", s.from, s.to, x)
	}
	return Shape{x[0], s.to - s.from, x[2], x[3]}, nil
}

func (concat) forward(c *call) {
	eachBlock(c.in, c.out.shape, func(k, from, to, at int) {
		copy(c.out.data[at:], c.in[k].data[from:to])
	})
}

func (concat) backward(c *call) {
	eachBlock(c.in, c.out.shape, func(k, from, to, at int) {
		if c.inGrads[k] == nil {
			return
		}
		for i := from; i < to; i++ {
			c.inGrads[k][i] += c.outGrad[at+i-from]
		}
	})
}

// eachBlock visits what each input k holds of each item: its values from up to,
// not including, to stand at the given place in the concatenation.
func eachBlock(in []array, out Shape, f func(k, from, to, at int)) {
	at := 0
	for n := range out[0] {
		for k, x := range in {
			size := x.shape[1:].Elements()
			f(k, n*size, (n+1)*size, at)
			at += size
		}
	}
}

func (s slice) forward(c *call) {
	size, from, whole := s.block(c.in[0].shape)
	for n := range c.out.shape[0] {
		copy(c.out.data[n*size:(n+1)*size], c.in[0].data[n*whole+from:])
	}
}

func (s slice) backward(c *call) {
	grad := c.inGrads[0]
	if grad == nil {
		return
	}
	size, from, whole := s.block(c.in[0].shape)
	for n := range c.out.shape[0] {
		for i := range size {
			grad[n*whole+from+i] += c.outGrad[n*size+i]
		}
	}
}

// block is the number of values taken of each item of x, where they begin in
// it, and how many it has.
func (s slice) block(x Shape) (size, from, whole int) {
	plane := x[2:].Elements()
	return (s.to - s.from) * plane, s.from * plane, x[1] * plane
}
