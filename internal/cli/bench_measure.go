package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/train"
)

// workload is a compiled network on a batch of noise.
type workload struct {
	input      nn.Shape // of a worker
	workers    int      // 0 for one
	operations int64
	memory     nn.Memory
	precision  nn.Precision // that it computes in, where that is known: never auto
	// run runs it once. parts, if any, are what that consists of.
	run     func(ctx context.Context) (parts map[string]time.Duration, err error)
	profile func(ctx context.Context) (layers []nn.LayerTime, parts map[string]time.Duration, err error)
	close   func()

	preparation time.Duration // of one slice for the network, outside of it
}

// measure runs a task in this process.
func (b benchTask) measure(ctx context.Context, t *terminal) (benchRun, error) {
	m, config, r, err := b.network()
	if err != nil {
		return r, err
	}
	o := nn.Options{Precision: nn.Precision(b.Precision), Threads: b.Threads, Without: b.Without}
	if o.Precision != nn.Exact {
		o.Timings = t.openTimings()
	}
	var w *workload
	switch {
	case config != nil:
		w, err = b.configuredStep(*config, o)
	case b.What == benchTraining:
		w, err = b.planStep(m, o)
	default:
		w, err = b.inference(m, o)
	}
	reduced := b.Precision == arithmeticBFloat16 || b.Precision == arithmeticInt8
	switch {
	case err != nil && reduced: // not for this model, or on this processor
		r.Unavailable = err.Error()
		return r, nil
	case err != nil:
		return r, err
	}
	defer w.close()
	first, err := profileOf(ctx, w, 1)
	if err != nil {
		return r, fmt.Errorf("running %s: %w", r.Network, err)
	}
	shares := first.arithmetic()
	if reduced && shares[b.Precision] == 0 {
		r.Unavailable = fmt.Sprintf("no convolution of it is computed in %s here", b.Precision)
		return r, nil
	}
	if r.benchFigures, err = b.figures(ctx, w); err != nil {
		return r, fmt.Errorf("running %s: %w", r.Network, err)
	}
	r.Arithmetic = shares
	if b.Precision == string(nn.Auto) {
		r.Chosen = string(w.precision)
	}
	return r, nil
}

// network is the one that the task names, or the training configuration.
func (b benchTask) network() (*network.Model, *train.Config, benchRun, error) {
	r := benchRun{Network: b.Network, Precision: b.Precision, Without: b.Without}
	switch {
	case b.Config != "":
		c, err := train.ReadConfig(b.Config)
		if err != nil {
			return nil, nil, r, usageError{err}
		}
		r.Network = c.Plan.Base
		return nil, &c, r, nil
	case b.Network != "":
		plan := plans()[b.Network]
		m, err := network.Untrained(plan, 1)
		return m, nil, r, err
	case b.Part == "":
		m, err := network.Load(b.Model)
		if err != nil {
			return nil, nil, r, usageError{err}
		}
		r.describe(b.Model, m)
		return m, nil, r, nil
	}
	models, err := modelFlags{Model: b.Model}.load(b.Part)
	if err != nil {
		return nil, nil, r, err
	}
	m := models.Classifier
	if b.Part == segmenterPart {
		m = models.Segmenter
	}
	r.describe(models.Name, m)
	return m, nil, r, nil
}

// describe names a model's network: as --network does where it is one of those.
func (r *benchRun) describe(model string, m *network.Model) {
	r.Network, r.Model, r.SHA256 = m.Plan.Name, model, m.SHA256
	for name, plan := range plans() {
		if plan.Name == m.Plan.Name {
			r.Network = name
		}
	}
}

// figures runs a workload for a while.
func (b benchTask) figures(ctx context.Context, w *workload) (benchFigures, error) {
	f := benchFigures{
		Height: w.input[2], Width: w.input[3], Batch: w.input[0], Workers: w.workers, Operations: w.operations,
		Arena: int64(w.memory.Arena), Activations: int64(w.memory.Activations), Weights: int64(w.memory.Weights),
		PreparationMS: milliseconds(w.preparation),
	}
	parts := map[string][]time.Duration{}
	took, err := repeat(ctx, b.For, func() error {
		each, err := w.run(ctx)
		for part, d := range each {
			parts[part] = append(parts[part], d)
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f.setTimes(took)
	f.setParts(parts)
	f.PeakMemory = peakMemory()
	if !b.Profile {
		return f, nil
	}
	p, err := profileOf(ctx, w, profiledRuns)
	if err != nil {
		return f, err
	}
	if len(p.Layers) > 0 {
		f.Profile = p
	}
	return f, nil
}

// setParts writes the medians of the parts that a run consists of.
func (f *benchFigures) setParts(parts map[string][]time.Duration) {
	for part, took := range parts {
		if f.PartsMS == nil {
			f.PartsMS = map[string]float64{}
		}
		f.PartsMS[part] = milliseconds(median(took[len(took)-f.Runs:])) // without the warm-ups
	}
}

// sized is the plan for the task's size. The crop stays the share of the slice
// that it is.
func (b benchTask) sized(p network.Plan) network.Plan {
	if b.Size > 0 {
		p.Preparation.ShorterSide = p.Preparation.ShorterSide * b.Size / p.Height
		p.Height, p.Width = b.Size, b.Size
	}
	return p
}
