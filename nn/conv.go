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
		return nil, fmt.Errorf("%d groups do not divide both %d channels in and %d out", c.Groups, s[1], c.Out)
	}
	if min(c.Pad.Top, c.Pad.Left, c.Pad.Bottom, c.Pad.Right) < 0 {
		return nil, fmt.Errorf("padding %v is negative", c.Pad)
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

// operations are the multiplications and additions that make a value, of
// convolutions; 0 of others.
func (v *Value) operations() int64 {
	c, ok := asConv(v)
	if !ok {
		return 0
	}
	in := v.inputs[0].shape[1] / c.Groups
	return 2 * int64(v.shape.Elements()) * int64(in*c.Kernel*c.Kernel)
}

func (c Conv) forward(k *call) {
	in, out := k.in[0].shape, k.out.shape
	x, weight := k.in[0].data, k.params[0].data
	inGroup, outGroup := in[1]/c.Groups, c.Out/c.Groups
	k.each(out[0]*out[1], func(p int) {
		n, o := p/c.Out, p%c.Out
		result := k.out.data[p*out[2]*out[3] : (p+1)*out[2]*out[3]]
		if c.Bias {
			for i := range result {
				result[i] = k.params[1].data[o]
			}
		}
		for i := range inGroup {
			plane := x[(n*in[1]+o/outGroup*inGroup+i)*in[2]*in[3]:]
			kernel := weight[(o*inGroup+i)*c.Kernel*c.Kernel:]
			c.eachRow(in, out, func(tap, from, to, length int) {
				if c.Stride == 1 {
					addScaled(result[to:to+length], plane[from:], kernel[tap])
					return
				}
				for j := range length {
					result[to+j] += kernel[tap] * plane[from+j*c.Stride]
				}
			})
		}
	})
}

func (c Conv) backward(k *call) {
	if k.inGrads[0] != nil {
		c.backwardInput(k)
	}
	if k.paramGrads[0] != nil {
		c.backwardWeight(k)
	}
	if c.Bias && k.paramGrads[1] != nil {
		c.backwardBias(k)
	}
}

func (c Conv) backwardInput(k *call) {
	in, out := k.in[0].shape, k.out.shape
	inGroup, outGroup := in[1]/c.Groups, c.Out/c.Groups
	k.each(in[0]*in[1], func(p int) {
		n, i := p/in[1], p%in[1]
		grad := k.inGrads[0][p*in[2]*in[3] : (p+1)*in[2]*in[3]]
		first := i / inGroup * outGroup
		for o := first; o < first+outGroup; o++ {
			outGrad := k.outGrad[(n*c.Out+o)*out[2]*out[3]:]
			kernel := k.params[0].data[(o*inGroup+i%inGroup)*c.Kernel*c.Kernel:]
			c.eachRow(in, out, func(tap, from, to, length int) {
				if c.Stride == 1 {
					addScaled(grad[from:from+length], outGrad[to:], kernel[tap])
					return
				}
				for j := range length {
					grad[from+j*c.Stride] += kernel[tap] * outGrad[to+j]
				}
			})
		}
	})
}

func (c Conv) backwardWeight(k *call) {
	in, out := k.in[0].shape, k.out.shape
	inGroup, outGroup := in[1]/c.Groups, c.Out/c.Groups
	k.each(c.Out*inGroup, func(p int) {
		o, i := p/inGroup, p%inGroup
		grad := k.paramGrads[0][p*c.Kernel*c.Kernel:]
		for n := range in[0] {
			plane := k.in[0].data[(n*in[1]+o/outGroup*inGroup+i)*in[2]*in[3]:]
			outGrad := k.outGrad[(n*c.Out+o)*out[2]*out[3]:]
			c.eachRow(in, out, func(tap, from, to, length int) {
				if c.Stride == 1 {
					grad[tap] += dot(plane[from:from+length], outGrad[to:])
					return
				}
				for j := range length {
					grad[tap] += plane[from+j*c.Stride] * outGrad[to+j]
				}
			})
		}
	})
}

func (c Conv) backwardBias(k *call) {
	plane := k.out.shape[2] * k.out.shape[3]
	for p := range k.out.shape[0] * c.Out {
		for _, d := range k.outGrad[p*plane : (p+1)*plane] {
			k.paramGrads[1][p%c.Out] += d
		}
	}
}

// eachRow visits, for each place of the kernel, the rows of one plane that it
// joins: length values of the input from one place on, Stride apart, and as
// many of the result from another. What falls on padding is left out.
func (c Conv) eachRow(in, out Shape, f func(tap, from, to, length int)) {
	for ky := range c.Kernel {
		firstY, endY := c.inside(ky*c.Dilation-c.Pad.Top, in[2], out[2])
		for kx := range c.Kernel {
			offset := kx*c.Dilation - c.Pad.Left
			firstX, endX := c.inside(offset, in[3], out[3])
			if endX <= firstX {
				continue
			}
			for y := firstY; y < endY; y++ {
				row := (y*c.Stride + ky*c.Dilation - c.Pad.Top) * in[3]
				f(ky*c.Kernel+kx, row+firstX*c.Stride+offset, y*out[3]+firstX, endX-firstX)
			}
		}
	}
}

// inside is the range of places in the result whose source, place*Stride +
// offset, lies within the input.
func (c Conv) inside(offset, in, out int) (first, end int) {
	if offset < 0 {
		first = (-offset + c.Stride - 1) / c.Stride
	}
	if offset >= in {
		return 0, 0
	}
	return first, min((in-1-offset)/c.Stride+1, out)
}
