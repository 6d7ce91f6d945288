package nn

import "fmt"

// Resize adds a bilinear resize to h x w with half-pixel centres and no
// antialiasing (PyTorch's interpolate with align_corners=False). To its own
// size it is x itself.
func (g *Graph) Resize(x *Value, h, w int) *Value {
	if g.owns(x) && len(x.shape) == 4 && x.shape[2] == h && x.shape[3] == w {
		return x
	}
	return g.add(resize{h, w}, nameOf(x), nil, x)
}

type resize struct{ height, width int }

func (resize) kind() string { return "resize" }

func (r resize) infer(in []Shape) (Shape, error) {
	if err := wantImage(in[0]); err != nil {
		return nil, err
	}
	if r.height < 1 || r.width < 1 {
		return nil, fmt.Errorf("cannot resize %v to %d x %d", in[0], r.height, r.width)
	}
	return Shape{in[0][0], in[0][1], r.height, r.width}, nil
}

// sample says how one place of the result is mixed from two of the input.
type sample struct {
	low, high     int
	atLow, atHigh float64 // their shares
}

// samples are the places along one axis. PyTorch's source coordinate is a
// float32, which shows at odd sizes; so is this one.
func samples(in, out int) []sample {
	scale := float32(in) / float32(out)
	s := make([]sample, out)
	for i := range s {
		at := max(float32(scale*(float32(i)+0.5))-0.5, 0)
		low := min(int(at), in-1)
		share := at - float32(low)
		s[i] = sample{low, min(low+1, in-1), float64(1 - share), float64(share)}
	}
	return s
}

func (r resize) forward(c *call) {
	in, x := c.in[0].shape, c.in[0].data
	rows, columns := samples(in[2], r.height), samples(in[3], r.width)
	c.each(in[0]*in[1], func(p int) {
		plane, out := x[p*in[2]*in[3]:], c.out.data[p*r.height*r.width:]
		for i, v := range rows {
			top, bottom := plane[v.low*in[3]:], plane[v.high*in[3]:]
			for k, h := range columns {
				out[i*r.width+k] = v.atLow*(h.atLow*top[h.low]+h.atHigh*top[h.high]) +
					v.atHigh*(h.atLow*bottom[h.low]+h.atHigh*bottom[h.high])
			}
		}
	})
}

func (r resize) backward(c *call) {
	if c.inGrads[0] == nil {
		return
	}
	in := c.in[0].shape
	rows, columns := samples(in[2], r.height), samples(in[3], r.width)
	c.each(in[0]*in[1], func(p int) {
		plane, out := c.inGrads[0][p*in[2]*in[3]:], c.outGrad[p*r.height*r.width:]
		for i, v := range rows {
			top, bottom := plane[v.low*in[3]:], plane[v.high*in[3]:]
			for k, h := range columns {
				d := out[i*r.width+k]
				top[h.low] += d * v.atLow * h.atLow
				top[h.high] += d * v.atLow * h.atHigh
				bottom[h.low] += d * v.atHigh * h.atLow
				bottom[h.high] += d * v.atHigh * h.atHigh
			}
		}
	})
}
