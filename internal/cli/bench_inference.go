package cli

import (
	"context"
	"image"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// inference compiles a network for what a diagnosis asks of it: a classifier's
// probabilities and last features, a segmenter's mask. Only classifiers are
// given several slices at once, as in a diagnosis. The model's record says what
// auto may take, and the ranges that int8 needs.
func (b benchTask) inference(m *network.Model, o nn.Options) (*workload, error) {
	plan := b.sized(m.Plan)
	batch, wanted := 1, network.HeadOutputs()[:1]
	if plan.Kind == network.ClassifierKind {
		batch, wanted = max(b.Batch, 1), []string{"softmax", "features"}
	}
	g, err := plan.GraphWith(network.GraphOptions{Outputs: wanted}, batch, plan.Height, plan.Width)
	if err != nil {
		return nil, usageError{err}
	}
	m.Record.Apply(&o)
	input := nn.NewTensor(batch, 3, plan.Height, plan.Width)
	preparation, err := prepareNoise(plan, input)
	if err != nil {
		return nil, err
	}
	programs, err := b.sideBySide(g, m.Weights, o)
	if err != nil {
		return nil, err
	}
	first, in := programs[0], []nn.Tensor{input}
	outputs := make([][]nn.Tensor, len(programs))
	for i, p := range programs {
		outputs[i] = p.NewOutputs()
	}
	memory := first.Memory() // weights are shared
	memory.Arena *= len(programs)
	memory.Activations *= len(programs)
	return &workload{
		input: input.Shape, workers: len(programs), operations: g.Operations() * int64(len(programs)), memory: memory,
		precision: first.Precision(), preparation: preparation,
		run: func(ctx context.Context) (map[string]time.Duration, error) {
			all, ctx := errgroup.WithContext(ctx)
			for i, p := range programs {
				all.Go(func() error { return p.Run(ctx, in, outputs[i]) })
			}
			return nil, all.Wait()
		},
		profile: func(ctx context.Context) ([]nn.LayerTime, map[string]time.Duration, error) {
			layers, err := first.Profile(ctx, in, outputs[0])
			return layers, nil, err
		},
		close: func() { closeAll(programs) },
	}, nil
}

// sideBySide compiles a network for each worker, with its share of the threads.
func (b benchTask) sideBySide(g *nn.Graph, w nn.Weights, o nn.Options) ([]*nn.Program, error) {
	n := max(b.Workers, 1)
	threads := o.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	o.Packed = &nn.Packed{}
	o.Spend = n == 1 // then this process compiles nothing else
	var programs []*nn.Program
	for i := range n {
		o.Threads = max(1, (threads+n-1-i)/n)
		p, err := nn.Compile(g, w, o)
		if err != nil {
			closeAll(programs)
			return nil, err
		}
		programs = append(programs, p)
	}
	return programs, nil
}

func closeAll(programs []*nn.Program) {
	for _, p := range programs {
		p.Close()
	}
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
