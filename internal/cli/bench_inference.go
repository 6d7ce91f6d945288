package cli

import (
	"context"
	"image"
	"time"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// inference compiles a network for what a diagnosis asks of it: a classifier's
// probabilities and last features, a segmenter's mask. Only classifiers are
// given several slices at once, as in a diagnosis. The model's record says what
// auto may take, and the ranges that int8 needs.
func (b benchTask) inference(m *network.Model, o nn.Options) (*workload, error) {
	plan := b.sized(m.Plan)
	batch, outputs := 1, network.HeadOutputs()[:1]
	if plan.Kind == network.ClassifierKind {
		batch, outputs = max(b.Batch, 1), []string{"softmax", "features"}
	}
	g, err := plan.GraphWith(network.GraphOptions{Outputs: outputs}, batch, plan.Height, plan.Width)
	if err != nil {
		return nil, usageError{err}
	}
	m.Record.Apply(&o)
	o.Spend = true // this process compiles nothing else
	program, err := nn.Compile(g, m.Weights, o)
	if err != nil {
		return nil, err
	}
	input := nn.NewTensor(batch, 3, plan.Height, plan.Width)
	preparation, err := prepareNoise(plan, input)
	if err != nil {
		program.Close()
		return nil, err
	}
	in, out := []nn.Tensor{input}, program.NewOutputs()
	return &workload{
		input: input.Shape, operations: g.Operations(), memory: program.Memory(),
		precision: program.Precision(), preparation: preparation,
		run: func(ctx context.Context) (map[string]time.Duration, error) { return nil, program.Run(ctx, in, out) },
		profile: func(ctx context.Context) ([]nn.LayerTime, map[string]time.Duration, error) {
			layers, err := program.Profile(ctx, in, out)
			return layers, nil, err
		},
		close: program.Close,
	}, nil
}

// prepareNoise fills a batch with a slice of noise and returns the median of
// the time that its preparation takes.
func prepareNoise(plan network.Plan, batch nn.Tensor) (time.Duration, error) {
	slice := noise(512)
	size := len(batch.Data) / batch.Shape[0]
	var took []time.Duration
	for range fewestRuns {
		start := time.Now()
		if err := plan.PrepareInto(batch.Data[:size], slice); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	for i := size; i < len(batch.Data); i += size {
		copy(batch.Data[i:], batch.Data[:size])
	}
	return median(took), nil
}

// noise is a picture without a pattern, the same every time.
func noise(side int) *image.Gray {
	p := image.NewGray(image.Rect(0, 0, side, side))
	state := uint32(1)
	for i := range p.Pix {
		state = state*1664525 + 1013904223
		p.Pix[i] = uint8(state >> 24)
	}
	return p
}
