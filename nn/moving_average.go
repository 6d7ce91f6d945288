package nn

import (
	"fmt"

	"github.com/jcs-ct/jcs/internal/kernel"
)

// MovingAverage follows the trained parameters with a slower copy, which often
// predicts better than the last step's.
type MovingAverage struct {
	decay  float64
	steps  int
	values memory
}

// NewMovingAverage keeps decay of the average at each update, less at first:
// min(decay, (1+n)/(10+n)) at the nth, so that the start is soon forgotten.
func NewMovingAverage(decay float64) *MovingAverage {
	return &MovingAverage{decay: decay, values: memory{}}
}

// Update takes in the parameters as they are after a step. The first update
// copies them.
func (m *MovingAverage) Update(params []*TrainedParameter) {
	n := float64(m.steps)
	m.steps++
	share := 1 - min(m.decay, (1+n)/(10+n))
	if n == 0 {
		for _, p := range params {
			m.values[p.Name] = append([]float32(nil), p.Value...)
		}
		return
	}
	averages := make([][]float32, len(params))
	for i, p := range params {
		averages[i] = m.values.of(p.Name, len(p.Value))
	}
	spans := spansOf(len(params), func(i int) int { return len(averages[i]) })
	eachSpan(spans, func(_ int, s span) {
		kernel.MoveTowards(averages[s.item][s.from:s.to], params[s.item].Value[s.from:s.to], share)
	})
}

// Weights returns w with the trained parameters replaced by their averages.
// Before the first update that is w itself.
func (m *MovingAverage) Weights(w Weights) Weights {
	out := make(Weights, len(w))
	for name, t := range w {
		if average := m.values[name]; len(average) == len(t.Data) && average != nil {
			t.Data = append([]float32(nil), average...)
		}
		out[name] = t
	}
	return out
}

// State copies what a checkpoint needs.
func (m *MovingAverage) State() map[string][]float32 {
	state := m.values.copy()
	state[stepKey] = []float32{float32(m.steps)}
	return state
}

// Restore takes a State, for the parameters that will be averaged.
func (m *MovingAverage) Restore(state map[string][]float32, params []*TrainedParameter) error {
	values, err := restoreMemory(state, params, "")
	if err != nil {
		return fmt.Errorf("moving average: %w", err)
	}
	m.steps = 0
	if steps := values[stepKey]; steps != nil {
		m.steps = int(steps[0])
	}
	delete(values, stepKey)
	m.values = values
	return nil
}
