package nn

import (
	"fmt"
	"math"

	"github.com/jcs-ct/jcs/internal/kernel"
)

// Optimiser changes parameters by their gradients. It keeps what it remembers
// under the parameters' names, in float32, so that a restored one goes on with
// the same bits.
type Optimiser interface {
	// Step moves every parameter once, at the learning rate lr.
	Step(params []*TrainedParameter, lr float64)
	// State copies what a checkpoint needs.
	State() map[string][]float32
	// Restore takes a State, for the parameters that will be stepped.
	Restore(state map[string][]float32, params []*TrainedParameter) error
}

// Rule gives a parameter its own share of the learning rate and of the weight
// decay; 1 and 1 is what all others get. A rate of 0 freezes it.
type Rule func(p *TrainedParameter) (rate, decay float64)

// NoDecayOfVectors spares biases and norms, the parameters of one axis, from
// weight decay.
func NoDecayOfVectors(p *TrainedParameter) (rate, decay float64) {
	if len(p.Shape) < 2 {
		return 1, 0
	}
	return 1, 1
}

// RateUnder multiplies the learning rate of all parameters whose name begins
// with prefix: an encoder that was trained before, say, by a quarter.
func RateUnder(prefix string, factor float64) Rule {
	return func(p *TrainedParameter) (rate, decay float64) {
		if len(p.Name) >= len(prefix) && p.Name[:len(prefix)] == prefix {
			return factor, 1
		}
		return 1, 1
	}
}

// Rules multiplies the shares of several rules.
func Rules(rules ...Rule) Rule {
	return func(p *TrainedParameter) (rate, decay float64) {
		rate, decay = 1, 1
		for _, rule := range rules {
			r, d := rule(p)
			rate, decay = rate*r, decay*d
		}
		return rate, decay
	}
}

// memory is what an optimiser keeps of each parameter: one or two slices of
// its size, by the parameter's name.
type memory map[string][]float32

// of returns the slice of a name, zeros at first.
func (m memory) of(name string, size int) []float32 {
	if len(m[name]) != size {
		m[name] = make([]float32, size)
	}
	return m[name]
}

func (m memory) copy() map[string][]float32 {
	out := make(map[string][]float32, len(m))
	for name, v := range m {
		out[name] = append([]float32(nil), v...)
	}
	return out
}

// restoreMemory copies a state after checking that each slice belongs to a
// parameter, with one of the suffixes, and is of its size.
func restoreMemory(state map[string][]float32, params []*TrainedParameter, suffixes ...string) (memory, error) {
	sizes := map[string]int{stepKey: 1}
	for _, p := range params {
		for _, suffix := range suffixes {
			sizes[p.Name+suffix] = len(p.Value)
		}
	}
	for name, v := range state {
		size, known := sizes[name]
		if !known {
			return nil, fmt.Errorf("restoring the optimiser: the network has no %q", name)
		}
		if len(v) != size {
			return nil, fmt.Errorf("restoring the optimiser: %q holds %d values, not %d", name, len(v), size)
		}
	}
	return memory(state).copy(), nil
}

// stepKey is where a state holds the number of steps made.
const stepKey = "step"

// ClipGradients scales all gradients so that their joint L2 norm is at most
// maxNorm, and returns the norm that they had. If that is not finite it leaves
// them as they are: the caller should then skip the step.
func ClipGradients(params []*TrainedParameter, maxNorm float64) (norm float64) {
	spans := spansOf(len(params), func(i int) int { return len(params[i].Grad) })
	sums := make([]float64, len(spans))
	eachSpan(spans, func(i int, s span) { sums[i] = kernel.SquareSum(params[s.item].Grad[s.from:s.to]) })
	sum := 0.0
	for _, part := range sums {
		sum += part
	}
	norm = math.Sqrt(sum)
	if math.IsNaN(norm) || math.IsInf(norm, 0) || norm <= maxNorm {
		return norm
	}
	factor := float32(maxNorm / norm)
	eachSpan(spans, func(_ int, s span) { kernel.Scale(params[s.item].Grad[s.from:s.to], factor) })
	return norm
}

// shares are what a parameter takes of the learning rate and of the weight
// decay by a rule, which may be nil.
func (r Rule) shares(p *TrainedParameter, rate, decay float64) (float64, float64) {
	if r == nil {
		return rate, decay
	}
	ofRate, ofDecay := r(p)
	return rate * ofRate, decay * ofDecay
}
