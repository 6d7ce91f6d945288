package nn

import (
	"context"
	"time"
)

// LayerTime is what one step of a program took.
type LayerTime struct {
	Layer          string // that the step belongs to
	Kind           string // of operation, such as "convolution" or "reorder"
	Implementation string // the library's name of the kernel, or empty
	Operations     int64  // useful multiplications and additions of a convolution
	Time           time.Duration
}

// Profile runs the program like Run and times every step. Programs of the
// reference executor have none.
func (p *Program) Profile(ctx context.Context, inputs, outputs []Tensor) ([]LayerTime, error) {
	if err := p.checkRun(inputs, outputs); err != nil {
		return nil, err
	}
	e, ok := p.exec.(profiler)
	if !ok {
		return nil, p.exec.run(ctx, inputs, outputs)
	}
	return e.profile(ctx, inputs, outputs)
}

// profiler is an executor that can time its steps.
type profiler interface {
	profile(ctx context.Context, inputs, outputs []Tensor) ([]LayerTime, error)
}
