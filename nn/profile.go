package nn

import (
	"context"
	"time"
)

// LayerTime is what one step of a program or trainer took.
type LayerTime struct {
	Layer          string // that the step belongs to
	Kind           string // of operation, such as "convolution" or "reorder"
	Implementation string // the library's name of the kernel, or empty
	Operations     int64  // useful multiplications and additions of a convolution
	// Arithmetic is what a convolution multiplies in: "f32", "bf16" or "int8".
	Arithmetic string
	Backward   bool // a step of a trainer's backward pass
	Time       time.Duration
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
	return e.profile(func() error { return p.exec.run(ctx, inputs, outputs) })
}

// Profile calls run, which is to call Forward and Backward, and returns what
// every step of theirs took, in order. Those of the reference executor have
// none.
func (t *Trainer) Profile(run func() error) ([]LayerTime, error) {
	e, ok := t.exec.(profiler)
	if !ok {
		return nil, run()
	}
	return e.profile(run)
}

// profiler is an executor that can time its steps while run is called.
type profiler interface {
	profile(run func() error) ([]LayerTime, error)
}
