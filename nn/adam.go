package nn

import (
	"math"

	"github.com/jcs-ct/jcs/internal/kernel"
)

// AdamOptions are the settings of Adam and AdamW. Zero Beta1, Beta2 and Eps
// stand for the usual 0.9, 0.999 and 1e-8.
type AdamOptions struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64
	Rule              Rule // nil: every parameter alike
}

// Adam is the optimiser of Kingma and Ba (2015), in PyTorch's form.
type Adam struct {
	options   AdamOptions
	decoupled bool
	steps     int
	memory    memory // name.mean and name.square
}

// NewAdam adds the weight decay to the gradient, as the published training does.
func NewAdam(o AdamOptions) *Adam {
	if o.Beta1 == 0 {
		o.Beta1 = 0.9
	}
	if o.Beta2 == 0 {
		o.Beta2 = 0.999
	}
	if o.Eps == 0 {
		o.Eps = 1e-8
	}
	return &Adam{options: o, memory: memory{}}
}

// NewAdamW shrinks the weights beside the gradient (Loshchilov and Hutter, 2019).
func NewAdamW(o AdamOptions) *Adam {
	a := NewAdam(o)
	a.decoupled = true
	return a
}

// Step implements [Optimiser].
func (a *Adam) Step(params []*TrainedParameter, lr float64) {
	a.steps++
	moves := make([]adamMove, 0, len(params))
	for _, p := range params {
		if rate, decay := a.options.Rule.shares(p, lr, a.options.WeightDecay); rate != 0 {
			moves = append(moves, a.move(p, rate, decay))
		}
	}
	spans := spansOf(len(moves), func(i int) int { return len(moves[i].value) })
	eachSpan(spans, func(_ int, s span) {
		m := moves[s.item]
		m.step.Move(m.value[s.from:s.to], m.grad[s.from:s.to], m.mean[s.from:s.to], m.square[s.from:s.to])
	})
}

// adamMove is a parameter's step.
type adamMove struct {
	step                      kernel.Adam
	value, grad, mean, square []float32
}

func (a *Adam) move(p *TrainedParameter, rate, decay float64) adamMove {
	b1, b2 := a.options.Beta1, a.options.Beta2
	step := kernel.Adam{
		Size:   rate / (1 - math.Pow(b1, float64(a.steps))),
		Spread: math.Sqrt(1 - math.Pow(b2, float64(a.steps))),
		Eps:    a.options.Eps, Beta1: b1, Beta2: b2, Shrink: 1, Added: decay,
	}
	if a.decoupled {
		step.Shrink, step.Added = 1-rate*decay, 0
	}
	size := len(p.Value)
	return adamMove{step, p.Value, p.Grad, a.memory.of(p.Name+".mean", size), a.memory.of(p.Name+".square", size)}
}

// State implements [Optimiser].
func (a *Adam) State() map[string][]float32 {
	state := a.memory.copy()
	state[stepKey] = []float32{float32(a.steps)} // exact up to 16 million
	return state
}

// Restore implements [Optimiser].
func (a *Adam) Restore(state map[string][]float32, params []*TrainedParameter) error {
	m, err := restoreMemory(state, params, ".mean", ".square")
	if err != nil {
		return err
	}
	a.steps = 0
	if steps := m[stepKey]; steps != nil {
		a.steps = int(steps[0])
	}
	delete(m, stepKey)
	a.memory = m
	return nil
}
