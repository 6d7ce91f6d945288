package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// The parts of a step, in this order.
const (
	ForwardPart  = "forward"
	LossPart     = "loss"
	BackwardPart = "backward"
	UpdatePart   = "update" // of the weights: the gradients' norm, the optimiser, the moving average
)

// Trial is a network in training on a batch of noise, to measure what a step of
// a run takes without the making of batches.
type Trial struct {
	run   *run
	graph *nn.Graph
}

// TrialOptions say what a step is made of.
type TrialOptions struct {
	Batch         int        // slices; 0: as many as the configuration's, or one
	Height, Width int        // 0: the configuration's, or the plan's
	Weights       nn.Weights // nil: those that a run without a start begins with
	Engine        nn.Options
}

// NewTrial compiles the network of a configuration as a run does. It reads none
// of the data.
func NewTrial(c Config, o TrialOptions) (*Trial, error) {
	plan, err := c.trainedPlan()
	if err != nil {
		return nil, err
	}
	total, masked := 0, 0
	for _, s := range c.Sources {
		total += s.PerBatch
		if s.Masks != "" || s.Mask != "" {
			masked += s.PerBatch
		}
	}
	if o.Batch == 0 {
		o.Batch = total
	}
	if o.Height == 0 {
		o.Height, o.Width = c.Augment.Height, c.Augment.Width
	}
	return newTrial(plan, c, o, masked*o.Batch/max(total, 1))
}

// NewPlanTrial compiles a network for the usual step: every slice with a mask or
// a label, losses and Adam as published.
func NewPlanTrial(plan network.Plan, o TrialOptions) (*Trial, error) {
	c := Config{
		Kind:     plan.Kind,
		Loss:     LossConfig{WholeBatch: true, Probabilities: true, Class: 1},
		Optimise: OptimiseConfig{Method: "adam", Rate: 2.5e-5, WeightDecay: 1e-4, DecayAll: true},
	}
	o.Batch = max(o.Batch, 1)
	if o.Height == 0 {
		o.Height, o.Width = plan.Height, plan.Width
	}
	masked := o.Batch
	if plan.Kind == network.ClassifierKind {
		masked = 0
	}
	return newTrial(plan, c, o, masked)
}

func newTrial(plan network.Plan, c Config, o TrialOptions, masked int) (*Trial, error) {
	if o.Batch < 1 || o.Height < 1 || o.Width < 1 {
		return nil, fmt.Errorf("a step of %d slices of %d x %d is none", o.Batch, o.Height, o.Width)
	}
	if o.Weights == nil {
		var err error
		if o.Weights, err = plan.Initial(c.Seed); err != nil {
			return nil, err
		}
	}
	g, err := plan.GraphWith(network.GraphOptions{Outputs: c.outputs(plan)}, o.Batch, o.Height, o.Width)
	if err != nil {
		return nil, err
	}
	trainer, err := nn.NewTrainer(g, o.Weights, o.Engine)
	if err != nil {
		return nil, fmt.Errorf("compiling the %s for training: %w", plan.Name, err)
	}
	r := &run{
		config: c, plan: plan, trainer: trainer, outputs: trainer.NewOutputs(), grads: trainer.NewOutputs(),
		batch: newBatch(o.Batch, o.Height, o.Width, len(plan.Classes)), optimiser: c.optimiser(),
		// Noise teaches nothing: steps this small keep the weights what they are.
		schedule: nn.Constant(1e-9), average: nn.NewMovingAverage(c.Optimise.Average),
	}
	r.batch.noise(masked)
	return &Trial{r, g}, nil
}

// noise fills a batch with slices that have no pattern, every fifth pixel or so
// a lesion, and labels in turn.
func (b *batch) noise(masked int) {
	state := uint32(1)
	next := func() float64 {
		state = state*1664525 + 1013904223
		return float64(state>>8) / (1 << 24)
	}
	for i := range b.input.Data {
		b.input.Data[i] = float32(math.Sqrt(12) * (next() - 0.5)) // of deviation 1
	}
	clear(b.masks.Data)
	for i := range b.masks.Data[:masked*len(b.masks.Data)/b.masks.Shape[0]] {
		if next() > 0.8 {
			b.masks.Data[i] = 1
		}
	}
	b.masked = masked
	clear(b.labels.Data)
	classes := b.labels.Shape[1]
	for i := range b.labels.Shape[0] {
		b.labels.Data[i*classes+i%classes] = 1
	}
}

// Graph is the network as it is trained.
func (t *Trial) Graph() *nn.Graph { return t.graph }

// Memory is the memory of the trainer.
func (t *Trial) Memory() nn.Memory { return t.run.trainer.Memory() }

// Step makes one step and returns what each part of it took.
func (t *Trial) Step(ctx context.Context) (map[string]time.Duration, error) {
	parts := map[string]time.Duration{}
	last := time.Now()
	_, norm, err := t.run.learn(ctx, func(part string) {
		now := time.Now()
		parts[part] = now.Sub(last)
		last = now
	})
	if err != nil {
		return nil, err
	}
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("the gradient of the %s is not finite, so that no step is made", t.run.plan.Name)
	}
	return parts, nil
}

// Profile makes one step and returns what each layer's steps took as well.
func (t *Trial) Profile(ctx context.Context) (layers []nn.LayerTime, parts map[string]time.Duration, err error) {
	layers, err = t.run.trainer.Profile(func() error {
		parts, err = t.Step(ctx)
		return err
	})
	return layers, parts, err
}

// Close frees the network's memory.
func (t *Trial) Close() { t.run.close() }
