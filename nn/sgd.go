package nn

// SGDOptions are the settings of gradient descent with momentum.
type SGDOptions struct {
	Momentum    float64
	WeightDecay float64 // added to the gradient
	Rule        Rule    // nil: every parameter alike
}

// SGD is gradient descent with momentum in PyTorch's form: the velocity is
// momentum times itself plus the gradient, and is multiplied by the rate.
type SGD struct {
	options SGDOptions
	memory  memory // name.velocity
}

// NewSGD returns the optimiser at rest.
func NewSGD(o SGDOptions) *SGD { return &SGD{options: o, memory: memory{}} }

// Step implements [Optimiser].
func (s *SGD) Step(params []*TrainedParameter, lr float64) {
	for _, p := range params {
		rate, decay := s.options.Rule.shares(p, lr, s.options.WeightDecay)
		if rate == 0 {
			continue
		}
		velocity := s.memory.of(p.Name+".velocity", len(p.Value))
		eachSpan(spansOf(1, func(int) int { return len(velocity) }), func(_ int, part span) {
			for i := part.from; i < part.to; i++ {
				g := float64(p.Grad[i]) + decay*float64(p.Value[i])
				v := s.options.Momentum*float64(velocity[i]) + g
				velocity[i] = float32(v)
				p.Value[i] = float32(float64(p.Value[i]) - rate*v)
			}
		})
	}
}

// State implements [Optimiser].
func (s *SGD) State() map[string][]float32 { return s.memory.copy() }

// Restore implements [Optimiser].
func (s *SGD) Restore(state map[string][]float32, params []*TrainedParameter) error {
	m, err := restoreMemory(state, params, ".velocity")
	if err != nil {
		return err
	}
	s.memory = m
	return nil
}
