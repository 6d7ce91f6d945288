package nn

import "math"

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
	for _, p := range params {
		rate, decay := lr, a.options.WeightDecay
		if a.options.Rule != nil {
			r, d := a.options.Rule(p)
			rate, decay = rate*r, decay*d
		}
		if rate != 0 {
			a.move(p, rate, decay)
		}
	}
}

func (a *Adam) move(p *TrainedParameter, rate, decay float64) {
	b1, b2, eps := a.options.Beta1, a.options.Beta2, a.options.Eps
	mean := a.memory.of(p.Name+".mean", len(p.Value))
	square := a.memory.of(p.Name+".square", len(p.Value))
	size := rate / (1 - math.Pow(b1, float64(a.steps)))
	spread := math.Sqrt(1 - math.Pow(b2, float64(a.steps)))
	shrink, added := 1.0, decay
	if a.decoupled {
		shrink, added = 1-rate*decay, 0
	}
	split(len(p.Value), func(from, to int) {
		for i := from; i < to; i++ {
			value := float64(p.Value[i]) * shrink
			g := float64(p.Grad[i]) + added*value
			m := float64(mean[i]) + (1-b1)*(g-float64(mean[i]))
			s := b2*float64(square[i]) + (1-b2)*g*g
			mean[i], square[i] = float32(m), float32(s)
			p.Value[i] = float32(value - size*m/(math.Sqrt(s)/spread+eps))
		}
	})
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
