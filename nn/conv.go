package nn

import "fmt"

// Padding is the number of zeros around a plane. It need not be symmetric:
// TensorFlow's "same" padding of a stride of two is {0, 0, 1, 1}.
type Padding struct{ Top, Left, Bottom, Right int }

// Pad is the same padding on all four sides.
func Pad(n int) Padding { return Padding{n, n, n, n} }

// Conv are the attributes of a two-dimensional convolution. Zero stands for
// the usual: Stride, Dilation and Groups of 1.
type Conv struct {
	Out      int // channels of the result
	Kernel   int // side of the square kernel
	Stride   int
	Dilation int
	Groups   int
	Pad      Padding
	Bias     bool
}

// Same is the padding that keeps the plane's size at stride 1.
func (c Conv) Same() Conv {
	c.Pad = Pad(max(c.Dilation, 1) * (c.Kernel - 1) / 2)
	return c
}

func (c Conv) withDefaults() Conv {
	c.Stride, c.Dilation, c.Groups = max(c.Stride, 1), max(c.Dilation, 1), max(c.Groups, 1)
	return c
}

// Conv adds a convolution. Its parameters are name.weight
// [Out, C/Groups, Kernel, Kernel] and, with Bias, name.bias [Out].
func (g *Graph) Conv(name string, x *Value, c Conv) *Value {
	c = c.withDefaults()
	params := []*Parameter{g.parameter(name+".weight", true, c.Out, channels(x)/c.Groups, c.Kernel, c.Kernel)}
	if c.Bias {
		params = append(params, g.parameter(name+".bias", true, c.Out))
	}
	return g.add(c, name, params, x)
}

func (c Conv) kind() string { return "convolution" }

func (c Conv) infer(in []Shape) (Shape, error) {
	s := in[0]
	if err := wantImage(s); err != nil {
		return nil, err
	}
	if c.Out < 1 || c.Kernel < 1 {
		return nil, fmt.Errorf("needs at least one channel and a kernel of one, not %d and %d", c.Out, c.Kernel)
	}
	if s[1]%c.Groups != 0 || c.Out%c.Groups != 0 {
		return nil, fmt.Errorf("%d groups divide neither %d channels in nor %d out evenly", c.Groups, s[1], c.Out)
	}
	span := c.Dilation*(c.Kernel-1) + 1
	h := floorExtent(s[2]+c.Pad.Top+c.Pad.Bottom, span, c.Stride)
	w := floorExtent(s[3]+c.Pad.Left+c.Pad.Right, span, c.Stride)
	if h < 1 || w < 1 {
		return nil, fmt.Errorf("a kernel that spans %d does not fit the padded input %v", span, s)
	}
	return Shape{s[0], c.Out, h, w}, nil
}

// floorExtent counts the places of a window along one axis.
func floorExtent(size, span, stride int) int {
	if size < span {
		return 0
	}
	return (size-span)/stride + 1
}
