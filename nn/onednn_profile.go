//go:build cgo

package nn

import (
	"strings"
	"time"

	"github.com/jcs-ct/jcs/internal/onednn"
)

func (p *oneDNNProgram) profile(run func() error) ([]LayerTime, error) { return p.low.profile(run) }

func (t *oneDNNTrainer) profile(run func() error) ([]LayerTime, error) {
	backward := map[*instruction]bool{}
	for _, s := range t.low.steps[t.forwardEnd:] {
		backward[s] = true
	}
	steps := make([]*instruction, 0, len(t.low.steps))
	times, err := t.low.profile(run, func(s *instruction) { steps = append(steps, s) })
	for i, s := range steps {
		times[i].Backward = backward[s]
	}
	return times, err
}

func (t *oneDNNTrainer) memory() Memory { return t.low.memory() }

// profile times the steps that run makes, and tells each of them.
func (l *lowering) profile(run func() error, each ...func(*instruction)) ([]LayerTime, error) {
	var times []LayerTime
	l.timed = func(s *instruction, took time.Duration) {
		times = append(times, s.layerTime(took))
		for _, f := range each {
			f(s)
		}
	}
	err := run()
	l.timed = nil
	return times, err
}

func (s *instruction) layerTime(took time.Duration) LayerTime {
	t := LayerTime{Layer: s.name, Kind: s.kind, Time: took}
	switch {
	case s.primitive != nil:
		t.Implementation = s.primitive.Implementation()
	case s.kernel != "":
		t.Implementation = s.kernel
	default:
		return t
	}
	if s.kind == (Conv{}).kind() {
		t.Operations, t.Arithmetic = s.convolution()
	}
	return t
}

// convolution are the operations of one of a convolution's passes, each result
// times the weights that it is made of, and what it multiplies in.
func (s *instruction) convolution() (operations int64, arithmetic string) {
	var result Shape
	var weights int
	arithmetic = string(Float32)
	if strings.HasSuffix(s.kernel, roundedSuffix) {
		arithmetic = string(BFloat16)
	}
	for _, o := range s.operands {
		if o.shape == nil { // a memory to work in
			continue
		}
		switch o.role {
		case onednn.Dst, onednn.DiffDst:
			result = o.shape
		case onednn.Weights, onednn.DiffWeights:
			weights = o.shape.Elements()
		}
		if o.role != onednn.Src && o.role != onednn.DiffDst || s.kernel != "" { // ours compute in what their name says
			continue
		}
		switch o.layout.Type() {
		case onednn.BF16:
			arithmetic = string(BFloat16)
		case onednn.U8, onednn.S8:
			arithmetic = string(Int8)
		}
	}
	if len(result) < 2 {
		return 0, arithmetic
	}
	return 2 * int64(result.Elements()) * int64(weights/result[1]), arithmetic
}
