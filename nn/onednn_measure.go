//go:build cgo

package nn

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// stopwatch tells how long primitives take, by running them once for each key
// that the timings do not know yet. It belongs to an engine's thread.
type stopwatch struct {
	engine  *onednn.Engine
	timings *Timings
	only    func(way string) bool // if set, other ways do not exist
}

// part is a memory that a measured primitive needs.
type part struct {
	role   onednn.Role
	layout *onednn.Layout
}

// convolution is the time of one pass of a convolution by a method, or none.
// Over limit seconds it need not be exact.
func (s *stopwatch) convolution(spec onednn.Convolution, m method, p convPass, limit float64) float64 {
	way := describe(spec, m, p, s.engine.Threads())
	if s.only != nil && !s.only(way) {
		return none
	}
	return s.time(way, limit, func() (*trial, error) {
		if m.by[p].own() {
			return tryWinograd(m.ownConvolution(spec, p), p, spec.Training)
		}
		return s.try(s.prepare(m.apply(spec, p), m, p))
	})
}

func (s *stopwatch) prepare(spec onednn.Convolution, m method, pass convPass) (*onednn.Primitive, []part, error) {
	src, dst, err := m.layouts(spec, pass)
	if err != nil {
		return nil, nil, err
	}
	var p *onednn.Primitive
	roles := []onednn.Role{onednn.Src, onednn.Weights, onednn.Dst}
	bias := onednn.Bias
	switch pass {
	case forward:
		p, err = s.engine.ConvolutionForward(withScales(spec), src, dst)
	case backwardData:
		spec.Bias = false
		roles = []onednn.Role{onednn.DiffSrc, onednn.Weights, onednn.DiffDst}
		p, err = s.engine.ConvolutionBackwardData(spec, src, dst)
	default:
		roles, bias = []onednn.Role{onednn.Src, onednn.DiffWeights, onednn.DiffDst}, onednn.DiffBias
		p, err = s.engine.ConvolutionBackwardWeights(spec, src, dst)
	}
	if err != nil {
		return nil, nil, err
	}
	if strings.HasPrefix(p.Implementation(), "ref") { // loops without end
		p.Free()
		return nil, nil, errors.New("only a reference implementation")
	}
	if spec.Bias {
		roles = append(roles, bias)
	}
	var parts []part
	for _, r := range roles {
		l, err := p.Layout(r)
		if err != nil {
			p.Free()
			return nil, nil, err
		}
		parts = append(parts, part{r, l})
	}
	return p, parts, nil
}

// withScales gives an 8-bit convolution scales to be measured with.
func withScales(spec onednn.Convolution) onednn.Convolution {
	if spec.WeightsType == onednn.S8 {
		spec.Scales = make([]float32, spec.Out)
		for i := range spec.Scales {
			spec.Scales[i] = 1
		}
		spec.SumScale, spec.DstScale = 1, 1
	}
	return spec
}

// reorder is the time of a copy from one format to another, or none.
func (s *stopwatch) reorder(shape Shape, from, to format) float64 {
	if from == to {
		return 0
	}
	key := fmt.Sprintf("reorder %v %d %s>%d %s t%d", shape, from.kind, from.order, to.kind, to.order, s.engine.Threads())
	return s.time(key, 0, func() (*trial, error) {
		a, err := from.layout(shape)
		if err != nil {
			return nil, err
		}
		b, err := to.layout(shape)
		if err != nil {
			return nil, err
		}
		p, err := s.engine.Reorder(a, b)
		return s.try(p, []part{{onednn.Src, a}, {onednn.Dst, b}}, err)
	})
}

func (s *stopwatch) time(key string, limit float64, prepare func() (*trial, error)) float64 {
	if t, ok := s.timings.get(key); ok {
		return t
	}
	t, err := measure(limit, prepare)
	if err != nil {
		t = none
	}
	t = s.timings.decreed(key, t)
	s.timings.put(key, t)
	return t
}

// enough is what a measurement may take once it has run a few times.
const enough = 5 * time.Millisecond

// trial is something to be timed, and the memories that it runs in.
type trial struct {
	run    func() error
	blocks []*onednn.Block
	frees  []func()
}

// memory is some of a trial's own, not the one page of zeros that the system
// shows where nothing was written.
func (t *trial) memory(bytes int) (*onednn.Block, error) {
	b, err := onednn.Allocate(bytes)
	if err != nil {
		return nil, err
	}
	t.blocks = append(t.blocks, b)
	clear(b.Float32s(0, bytes/4))
	return b, nil
}

func (t *trial) free() {
	for i := len(t.frees) - 1; i >= 0; i-- {
		t.frees[i]()
	}
	for _, b := range t.blocks {
		b.Free()
	}
}

// try makes a trial of a primitive, which it owns from then on.
func (s *stopwatch) try(p *onednn.Primitive, parts []part, err error) (*trial, error) {
	if err != nil {
		return nil, err
	}
	t := &trial{frees: []func(){p.Free}}
	step, err := s.tie(t, p, parts)
	if err != nil {
		t.free()
		return nil, err
	}
	t.run = step.Run
	return t, nil
}

func (s *stopwatch) tie(t *trial, p *onednn.Primitive, parts []part) (*onednn.Step, error) {
	var arguments []onednn.Argument
	for _, part := range parts {
		b, err := t.memory(part.layout.Bytes())
		if err != nil {
			return nil, err
		}
		m, err := s.engine.Memory(part.layout, b, 0)
		if err != nil {
			return nil, err
		}
		t.frees = append(t.frees, m.Free)
		arguments = append(arguments, onednn.Argument{Role: part.role, Memory: m})
	}
	step, err := s.engine.Step(p, arguments...)
	if err != nil {
		return nil, err
	}
	t.frees = append(t.frees, step.Free)
	return step, nil
}

// measure is the least time of some runs: what else the machine does can only
// make one longer.
func measure(limit float64, prepare func() (*trial, error)) (float64, error) {
	t, err := prepare()
	if err != nil {
		return 0, err
	}
	defer t.free()
	best := 0.0
	begin := time.Now()
	for run := 0; run < 3 || run < 25 && time.Since(begin) < enough; run++ {
		start := time.Now()
		if err := t.run(); err != nil {
			return 0, err
		}
		took := time.Since(start).Seconds()
		if best == 0 || took < best {
			best = took
		}
		if run >= 1 && limit > 0 && best > 1.3*limit { // beaten
			break
		}
	}
	return best, nil
}
