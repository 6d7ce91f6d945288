package nn

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Calibration holds, for each convolution by its name, the ranges of what it
// reads and writes on a set of typical inputs. 8-bit arithmetic needs it.
type Calibration struct {
	Convolutions map[string]Ranges `json:"convolutions"`
	// Kept are the names of convolutions that are too sensitive for a precision's
	// narrowest type: those of bfloat16 stay float32, those of int8 are computed in
	// bfloat16 unless they are kept from that too.
	Kept map[Precision][]string `json:"kept,omitempty"`
	// Rounded says that bfloat16 was judged with Winograd's transformed values
	// rounded to it, which loses most. Where it was not, they are not rounded.
	Rounded bool `json:"rounded,omitempty"`
}

// keeps reports whether a convolution is kept from a precision's narrowest type.
// A nil calibration keeps none.
func (c *Calibration) keeps(p Precision, convolution string) bool {
	return c != nil && slices.Contains(c.Kept[p], convolution)
}

// Ranges are those of one convolution's input and result, after what was fused
// into it. A range is what 8 bits should span: a little of what lies beyond it
// is cut, where that loses less than a coarser step would.
type Ranges struct {
	In  Range `json:"in"`
	Out Range `json:"out"`
}

// Range is an interval around 0 of a tensor's values.
type Range struct {
	Limit  float32 `json:"limit"`            // largest magnitude to be told apart
	Signed bool    `json:"signed,omitempty"` // whether there are values below 0
}

// step is what one of the 8-bit levels is worth: 255 of them without a sign,
// 127 to each side with one.
func (r Range) step() float32 {
	if r.Signed {
		return r.Limit / 127
	}
	return r.Limit / 255
}

// usable reports whether 8 bits can span the range.
func (r Range) usable() bool {
	return r.Limit > 1e-12 && !math.IsInf(float64(r.Limit), 0)
}

// Calibrator watches a network's convolutions in exact arithmetic.
type Calibrator struct {
	program *Program
	watched map[string]*watchedConv
}

type watchedConv struct {
	in, out  histogram
	channels ChannelSizes
}

// ChannelSizes are the largest magnitudes that were seen of each channel which a
// convolution reads, and of each that it writes.
type ChannelSizes struct{ In, Out []float32 }

// observer is an executor that can tell what its convolutions read and write,
// [N C H W].
type observer interface {
	observe(watch func(convolution string, in, out Tensor))
}

// NewCalibrator compiles a graph to be watched. Options.Precision and Without
// are not looked at.
func NewCalibrator(g *Graph, w Weights, o Options) (*Calibrator, error) {
	o.Precision, o.Without = Exact, nil
	o.watched = true
	p, err := Compile(g, w, o)
	if err != nil {
		return nil, err
	}
	c := &Calibrator{program: p, watched: map[string]*watchedConv{}}
	e, ok := p.exec.(observer)
	if !ok {
		p.Close()
		return nil, fmt.Errorf("calibrating: only the oneDNN executor can be watched, and this build has none")
	}
	e.observe(func(name string, in, out Tensor) {
		h := c.watched[name]
		if h == nil {
			h = &watchedConv{channels: ChannelSizes{In: make([]float32, in.Shape[1]), Out: make([]float32, out.Shape[1])}}
			c.watched[name] = h
		}
		h.in.add(in.Data)
		h.out.add(out.Data)
		raise(h.channels.In, in)
		raise(h.channels.Out, out)
	})
	return c, nil
}

// raise brings the magnitudes of channels to those of an [N C H W].
func raise(channels []float32, t Tensor) {
	plane := t.Shape[2] * t.Shape[3]
	for i := range len(t.Data) / plane {
		largest := &channels[i%len(channels)]
		for _, x := range t.Data[i*plane:][:plane] {
			*largest = max(*largest, x, -x)
		}
	}
}

// Observe runs the network on one more typical input.
func (c *Calibrator) Observe(ctx context.Context, inputs []Tensor) error {
	return c.program.Run(ctx, inputs, c.program.NewOutputs())
}

// Calibration is what was seen so far.
func (c *Calibrator) Calibration() *Calibration {
	all := &Calibration{Convolutions: map[string]Ranges{}, Rounded: roundsWinograd()}
	for name, h := range c.watched {
		all.Convolutions[name] = Ranges{In: h.in.span(), Out: h.out.span()}
	}
	return all
}

// Channels are the sizes of the channels of each convolution, by its name.
func (c *Calibrator) Channels() map[string]ChannelSizes {
	all := map[string]ChannelSizes{}
	for name, h := range c.watched {
		all[name] = h.channels
	}
	return all
}

// Close frees the calibrator's memory.
func (c *Calibrator) Close() { c.program.Close() }

// histogram counts magnitudes by the upper bits of their float32: sign left
// out, exponent and 6 bits of fraction, so that a bin is 1.6 % wide.
type histogram struct {
	bins   [1 << 14]uint64
	signed bool
	high   float32
}

const binShift = 17

func (h *histogram) add(values []float32) {
	for _, v := range values {
		bits := math.Float32bits(v)
		if bits&(1<<31) != 0 && v != 0 {
			h.signed = true
		}
		h.bins[bits&^(1<<31)>>binShift]++
		h.high = max(h.high, v, -v)
	}
}

// value is the middle of a bin.
func (h *histogram) value(bin int) float64 {
	return float64(math.Float32frombits(uint32(bin)<<binShift | 1<<(binShift-1)))
}

// span is the range whose 8-bit levels lose least: the sum of squares of what
// rounding loses within it and what cutting loses beyond it.
func (h *histogram) span() Range {
	r := Range{Limit: h.high, Signed: h.signed}
	if h.high == 0 {
		return r
	}
	top := int(math.Float32bits(h.high) >> binShift)
	least := math.Inf(1)
	for limit := top; limit > top-4<<(23-binShift) && limit > 0; limit-- {
		try := Range{Limit: float32(h.value(limit)), Signed: h.signed}
		if limit == top {
			try.Limit = h.high
		}
		if loss := h.loss(try, top); loss < least {
			least, r = loss, try
		}
	}
	return r
}

// loss counts zeros, which every range holds exactly, for nothing.
func (h *histogram) loss(r Range, top int) float64 {
	step := float64(r.step())
	rounding := step * step / 12
	sum := 0.0
	for bin := 1; bin <= top; bin++ {
		n := float64(h.bins[bin])
		if n == 0 {
			continue
		}
		v := h.value(bin)
		switch beyond := v - float64(r.Limit); {
		case beyond > 0:
			sum += n * beyond * beyond
		case v < step/2:
			sum += n * v * v
		default:
			sum += n * rounding
		}
	}
	return sum
}
