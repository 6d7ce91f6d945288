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
