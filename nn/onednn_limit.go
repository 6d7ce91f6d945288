//go:build cgo

package nn

import (
	"context"
	"strings"
	"time"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// suitable are convolutions that come near a processor's limit: many channels,
// and planes that are neither small nor larger than the caches bear. The first
// is for those in a hurry.
var suitable = []square{{256, 32, 3}, {256, 128, 3}, {512, 64, 3}, {512, 128, 1}}

// square is a convolution of as many channels to as many on a square plane.
type square struct{ channels, side, kernel int }

func (s square) convolution() onednn.Convolution {
	pad := (s.kernel - 1) / 2
	return onednn.Convolution{
		N: 1, In: s.channels, Height: s.side, Width: s.side, Out: s.channels, OutHeight: s.side, OutWidth: s.side,
		Kernel: s.kernel, Stride: 1, Dilation: 1, Groups: 1, Activation: onednn.NoActivation,
		PadTop: pad, PadLeft: pad, PadBottom: pad, PadRight: pad,
	}
}

func operations(c onednn.Convolution) float64 {
	return float64(2 * c.Out * c.OutHeight * c.OutWidth * c.In * c.Kernel * c.Kernel)
}

func measureLimits(ctx context.Context, threads int, each time.Duration) (Limits, error) {
	e, err := onednn.NewEngine(threads)
	if err != nil {
		return Limits{}, err
	}
	defer e.Close()
	var l Limits
	for _, a := range []struct {
		in  func(*onednn.Convolution)
		out *float64
	}{
		{func(*onednn.Convolution) {}, &l.Float32},
		{func(c *onednn.Convolution) { c.Winograd = true }, &l.Winograd},
		{func(c *onednn.Convolution) {
			c.SrcType, c.WeightsType, c.DstType = onednn.BF16, onednn.BF16, onednn.BF16
		}, &l.BFloat16},
		{func(c *onednn.Convolution) { c.SrcType, c.WeightsType, c.DstType = onednn.U8, onednn.S8, onednn.U8 }, &l.Int8},
	} {
		err := e.Do(ctx, func() error {
			var err error
			*a.out, err = limitOf(ctx, e, a.in, each)
			return err
		})
		if err != nil {
			return Limits{}, err
		}
	}
	err = e.Do(ctx, func() error {
		own, err := ownLimit(ctx, method{kinds: floats()}, winograd6, each)
		if err != nil {
			return err
		}
		l.Winograd = max(l.Winograd, own)
		if roundsWinograd() {
			halves := kinds{onednn.BF16, onednn.BF16, mayRound}
			l.RoundedWinograd, err = ownLimit(ctx, method{kinds: halves}, roundedWinograd, each)
		}
		return err
	})
	return l, err
}

// ownLimit is limitOf for one of our own algorithms.
func ownLimit(ctx context.Context, m method, by algorithm, each time.Duration) (float64, error) {
	m.order, m.by[forward] = blocked, by
	limit := 0.0
	for i, begin := 0, time.Now(); i < len(suitable) && (i == 0 || time.Since(begin) < each); i++ {
		spec := suitable[i].convolution()
		if !m.fits(spec, forward) {
			continue
		}
		t, err := tryWinograd(m.ownConvolution(spec, forward), forward, false)
		if err != nil {
			return 0, err
		}
		for _, b := range t.blocks {
			fill(b.Float32s(0, b.Bytes()/4))
		}
		best, err := fastest(ctx, each/time.Duration(len(suitable)), t.run)
		t.free()
		if err != nil {
			return 0, err
		}
		limit = max(limit, operations(spec)/best.Seconds())
	}
	return limit, nil
}

// limitOf is the best rate of an arithmetic over the suitable convolutions, of
// which the first is always run.
func limitOf(ctx context.Context, e *onednn.Engine, arithmetic func(*onednn.Convolution), each time.Duration) (float64, error) {
	limit := 0.0
	for i, begin := 0, time.Now(); i < len(suitable) && (i == 0 || time.Since(begin) < each); i++ {
		c := suitable[i].convolution()
		arithmetic(&c)
		rate, err := rateOf(ctx, e, withScales(c), each/time.Duration(len(suitable)))
		if err != nil {
			return 0, err
		}
		limit = max(limit, rate)
	}
	return limit, nil
}

// rateOf is the most operations a second of some runs, 0 where there is no
// kernel but the library's plain loops.
func rateOf(ctx context.Context, e *onednn.Engine, spec onednn.Convolution, each time.Duration) (float64, error) {
	p, err := e.ConvolutionForward(spec, nil, nil)
	if err != nil {
		return 0, nil // an algorithm or a type that is not there is no failure
	}
	defer p.Free()
	if strings.HasPrefix(p.Implementation(), "ref") {
		return 0, nil
	}
	var arguments []onednn.Argument
	for _, role := range []onednn.Role{onednn.Src, onednn.Weights, onednn.Dst} {
		l, err := p.Layout(role)
		if err != nil {
			return 0, err
		}
		b, err := onednn.Allocate(l.Bytes())
		if err != nil {
			return 0, err
		}
		defer b.Free()
		fill(b.Float32s(0, l.Bytes()/4))
		m, err := e.Memory(l, b, 0)
		if err != nil {
			return 0, err
		}
		defer m.Free()
		arguments = append(arguments, onednn.Argument{Role: role, Memory: m})
	}
	step, err := e.Step(p, arguments...)
	if err != nil {
		return 0, err
	}
	defer step.Free()
	best, err := fastest(ctx, each, step.Run)
	if err != nil {
		return 0, err
	}
	return operations(spec) / best.Seconds(), nil
}

// fastest is the least time of some runs.
func fastest(ctx context.Context, each time.Duration, run func() error) (time.Duration, error) {
	best := time.Duration(0)
	for i, begin := 0, time.Now(); i < 2 || time.Since(begin) < each; i++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		if took := time.Since(start); best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// fill writes a pattern that is an ordinary number in each type: zeros would
// let a processor run cooler and faster than it does at work.
func fill(s []float32) {
	for i := range s {
		s[i] = 0.50096 // its halves are bfloat16s of 0.50 and 0.46, its bytes of either sign
	}
}
