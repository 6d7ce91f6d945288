package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// The files of a run, in its folder.
const (
	CheckpointFile = "checkpoint.safetensors" // to go on from
	BestFile       = "best.safetensors"       // the model with the best score so far
	MetricsFile    = "metrics.csv"
	CurvesFile     = "curves.png"
	BatchFile      = "batch.png"    // what the network is given
	TimingsFile    = "timings.json" // what was measured to choose the fastest ways of computing
)

// rowEvery is the number of steps between two rows of the metrics.
const rowEvery = 10

// maxSkipped is how many steps may have a gradient that is not finite.
const maxSkipped = 20

// Run trains a network into the folder out, which may hold an earlier run of
// the same configuration: with o.Resume it is gone on with, without it is
// refused. When ctx ends, a checkpoint is written and ctx's error returned.
func Run(ctx context.Context, c Config, out string, o Options) error {
	r := &run{config: c, out: out, options: o}
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	return r.train(ctx)
}

// run is a training run under way.
type run struct {
	config  Config
	options Options
	out     string
	plan    network.Plan // of the network in training
	model   network.Plan // of what is kept of it

	data      DataManifest
	validator *validator
	loader    *dataset.Loader
	trainer   *nn.Trainer
	optimiser nn.Optimiser
	average   *nn.MovingAverage
	schedule  nn.Schedule
	record    *record
	progress  progress

	batch          *batch
	outputs, grads []nn.Tensor
}

func (r *run) tell(e Event) {
	if r.options.Events != nil {
		e.Steps = r.config.Steps
		r.options.Events(e)
	}
}

func (r *run) say(format string, args ...any) {
	r.tell(Event{Step: r.progress.Step, Message: fmt.Sprintf(format, args...)})
}

func (r *run) file(name string) string { return filepath.Join(r.out, name) }

// prepare reads the data and brings everything to where the run begins.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.model, err = r.config.NetworkPlan(); err != nil {
		return err
	}
	if r.plan, err = r.config.trainedPlan(); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return fmt.Errorf("making the folder of the run: %w", err)
	}
	_, err = os.Stat(r.file(CheckpointFile))
	if exists := err == nil; exists != r.options.Resume {
		if exists {
			return fmt.Errorf("%s holds a run already: resume it, or give another folder", r.out)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("looking for a checkpoint: %w", err)
		}
		return fmt.Errorf("%s holds no run to resume", r.out)
	}
	train, err := r.readData(ctx)
	if err != nil {
		return err
	}
	return r.begin(train)
}

// readData loads the training and the validation part.
func (r *run) readData(ctx context.Context) (*dataset.Store, error) {
	items, err := dataset.ReadAll(r.config.Data.Folder, r.config.Sources)
	if err != nil {
		return nil, err
	}
	r.data = describeData(items)
	workers := max(r.config.Data.Workers, 2)
	all, err := dataset.Load(ctx, dataset.Select(items, dataset.Train), r.config.Sources, r.config.Data.Longest, workers)
	if err != nil {
		return nil, err
	}
	validation, err := dataset.Load(ctx, dataset.Select(items, dataset.Validation), r.config.Sources, 0, workers)
	if err != nil {
		return nil, err
	}
	r.data.TrainSHA, r.data.ValidationSHA = all.Digest(), validation.Digest()
	keepUseful(all, r.plan)
	keepUseful(validation, r.model)
	r.validator = newValidator(r.model, r.config, r.options, validation)
	if len(validation.Pictures) == 0 {
		return nil, errors.New("no picture is in the validation part: without one the best weights cannot be told")
	}
	r.say("%d pictures to train on, %d to validate", len(all.Pictures), len(validation.Pictures))
	return all, nil
}

// keepUseful drops the pictures that teach this network nothing: without a
// label for a classifier, without a mask for a segmenter, without either for
// both in one.
func keepUseful(st *dataset.Store, plan network.Plan) {
	var kept []*dataset.Picture
	for _, p := range st.Pictures {
		labelled, masked := p.Item.Label >= 0, p.Mask != nil
		switch {
		case plan.Kind == network.ClassifierKind && labelled,
			plan.Kind != network.ClassifierKind && (masked || plan.SharedHead && labelled):
			kept = append(kept, p)
		}
	}
	st.Pictures = kept
}

// begin makes the trainer, from the start or from a checkpoint.
func (r *run) begin(st *dataset.Store) error {
	c := checkpoint{progress: progress{Best: math.Inf(-1)}}
	var err error
	if r.options.Resume {
		if c, err = loadCheckpoint(r.file(CheckpointFile)); err != nil {
			return err
		}
		if c.progress.Config != r.config.digest {
			return fmt.Errorf("the checkpoint in %s was made with another configuration", r.out)
		}
		if c.progress.Data != r.data.TrainSHA {
			return fmt.Errorf("the data are not those that the checkpoint in %s was trained on", r.out)
		}
	} else {
		if c.weights, c.progress.Start, err = r.config.startWeights(r.plan); err != nil {
			return err
		}
		c.progress.Config, c.progress.Data = r.config.digest, r.data.TrainSHA
		c.progress.Best = 0
	}
	r.progress = c.progress
	if err := r.makeTrainer(st, c); err != nil {
		return err
	}
	r.record = newRecord(r.file(MetricsFile), r.validator.sources)
	if s := r.progress.Start; s != nil && !r.options.Resume {
		r.say("%d tensors start from %s, %d anew", len(s.Taken), s.File, len(s.Renewed))
	}
	return r.record.resume(r.progress.Rows)
}

// timings are kept with the run, so that it goes on with the same ways of
// computing, and so with the same bits, as it began.
func (r *run) timings() *nn.Timings {
	t, err := nn.OpenTimings(r.file(TimingsFile), r.options.Machine)
	if err != nil {
		r.say("%v", err)
	}
	return t
}

func (r *run) makeTrainer(st *dataset.Store, c checkpoint) error {
	var err error
	a := r.config.Augment
	r.loader, err = dataset.NewLoader(st, r.config.Sources, a, r.config.Seed, c.progress.Step, max(r.config.Data.Workers, 1), 2)
	if err != nil {
		return err
	}
	n := r.loader.BatchSize()
	g, err := r.plan.GraphWith(network.GraphOptions{Outputs: r.config.outputs(r.plan)}, n, a.Height, a.Width)
	if err != nil {
		return err
	}
	r.trainer, err = nn.NewTrainer(g, c.weights, nn.Options{
		Precision: cmp.Or(r.config.Optimise.Precision, nn.Float32), Timings: r.timings(), Executor: r.options.Executor, Threads: r.options.Threads,
	})
	if err != nil {
		return fmt.Errorf("compiling the %s for training: %w", r.plan.Name, err)
	}
	r.batch = newBatch(n, a.Height, a.Width, len(r.plan.Classes))
	r.outputs, r.grads = r.trainer.NewOutputs(), r.trainer.NewOutputs()
	r.optimiser = r.config.optimiser()
	r.schedule = r.config.schedule((len(st.Pictures) + n - 1) / n)
	r.average = nn.NewMovingAverage(r.config.Optimise.Average)
	if !r.options.Resume {
		return nil
	}
	if err := r.optimiser.Restore(c.optimiser, r.trainer.Parameters()); err != nil {
		return err
	}
	return r.average.Restore(c.average, r.trainer.Parameters())
}

// train makes the steps that are left.
func (r *run) train(ctx context.Context) error {
	clock := newClock(r.loader.BatchSize())
	for {
		if err := r.note(ctx, clock); err != nil {
			return r.interrupted(ctx, err)
		}
		if r.progress.Step == r.config.Steps {
			return nil
		}
		asked := time.Now()
		b, err := r.loader.Next(ctx)
		clock.wait(time.Since(asked))
		if err != nil {
			return r.interrupted(ctx, err)
		}
		// A step is never left half done: its forward pass has moved the running
		// statistics already, and a checkpoint would not be where it says.
		l, err := r.step(context.WithoutCancel(ctx), b)
		if err != nil {
			return err
		}
		clock.tick()
		r.tell(Event{Step: r.progress.Step, Loss: l.total(), Rate: r.rate(), PerSecond: clock.perSecond(), DataShare: clock.dataShare(),
			Left: clock.left(r.config.Steps - r.progress.Step)})
	}
}

// interrupted keeps what has been done when the error is that the run was
// asked to end.
func (r *run) interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || r.progress.Step == 0 {
		return err
	}
	return errors.Join(err, r.saveCheckpoint())
}

// rate is the learning rate of the last step.
func (r *run) rate() float64 { return r.schedule(r.progress.Step - 1) }

// step makes one step: forward, loss, backward, and the optimiser's.
func (r *run) step(ctx context.Context, b dataset.Batch) (losses, error) {
	if r.progress.Step == 0 {
		if err := saveBatch(r.file(BatchFile), b.Samples); err != nil {
			return losses{}, err
		}
	}
	if err := r.batch.fill(r.plan, b.Samples); err != nil {
		return losses{}, err
	}
	share, partner := r.config.Mixing.Draw(r.config.Seed, r.progress.Step, len(b.Samples))
	r.batch.mix(share, partner)
	l, norm, err := r.learn(ctx, func(string) {})
	if err != nil {
		return l, err
	}
	r.progress.Step++
	r.progress.Window.add(l, norm)
	return l, nil
}

// learn makes a step with the batch that has been filled, and calls lap at the
// end of each of its parts.
func (r *run) learn(ctx context.Context, lap func(part string)) (l losses, norm float64, err error) {
	if err := r.trainer.Forward(ctx, []nn.Tensor{r.batch.input}, r.outputs); err != nil {
		return losses{}, 0, fmt.Errorf("step %d forward: %w", r.progress.Step+1, err)
	}
	lap(ForwardPart)
	if l, err = r.config.loss(r.plan, r.batch, r.outputs, r.grads); err != nil {
		return l, 0, err
	}
	lap(LossPart)
	if err := r.trainer.Backward(ctx, r.grads, nil); err != nil {
		return l, 0, fmt.Errorf("step %d backward: %w", r.progress.Step+1, err)
	}
	lap(BackwardPart)
	norm, err = r.update(r.schedule(r.progress.Step))
	lap(UpdatePart)
	return l, norm, err
}

// update moves the weights by their gradients, unless these are not finite.
func (r *run) update(rate float64) (norm float64, err error) {
	clip := r.config.Optimise.Clip
	if clip == 0 {
		clip = math.Inf(1)
	}
	params := r.trainer.Parameters()
	norm = nn.ClipGradients(params, clip)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		if r.progress.Skipped++; r.progress.Skipped > maxSkipped {
			return 0, fmt.Errorf("step %d: the gradient was not finite in more than %d steps: a lower optimise.rate may help", r.progress.Step+1, maxSkipped)
		}
		return 0, nil
	}
	r.optimiser.Step(params, rate)
	r.average.Update(params)
	return norm, nil
}

// note writes the row, the validation and the checkpoint that are due.
func (r *run) note(ctx context.Context, clock *clock) error {
	done := r.progress.Step
	if done == r.progress.Noted {
		return nil
	}
	due := done%r.config.Validate.Every == 0 || done == r.config.Steps
	if !due && done%rowEvery != 0 {
		return nil
	}
	l, norm := r.progress.Window.mean()
	line := row{Step: done, Rate: r.rate(), Loss: l, Norm: norm, PerSecond: clock.perSecond(), DataShare: clock.dataShare()}
	if due {
		if err := r.validate(ctx, &line); err != nil {
			return err
		}
		clock.pause()
	}
	if err := r.record.add(line); err != nil {
		return err
	}
	r.progress.Noted, r.progress.Rows, r.progress.Window = done, len(r.record.rows), window{}
	if !due {
		return nil
	}
	if err := drawCurves(r.file(CurvesFile), r.record); err != nil {
		return err
	}
	return r.saveCheckpoint()
}

// validate judges the averaged weights and keeps them when they are the best.
func (r *run) validate(ctx context.Context, line *row) error {
	w := r.average.Weights(r.trainer.Weights())
	album := newAlbum(r.validator)
	figures, score, err := r.validator.judge(ctx, w, album.add)
	if err != nil {
		return err
	}
	line.IsValidated, line.Figures, line.Score = true, figures, score
	return r.keepBest(w, figures, score, album)
}

// keepBest saves the model and its pictures when its score is the best so far.
func (r *run) keepBest(w nn.Weights, figures []Figures, score float64, album *album) error {
	best := r.progress.BestStep == 0 || score > r.progress.Best
	r.tell(Event{Step: r.progress.Step, Message: "validated", Figures: figures, Score: score, Best: best})
	if !best {
		return nil
	}
	r.progress.Best, r.progress.BestStep = score, r.progress.Step
	manifest, err := r.manifest(figures, score)
	if err != nil {
		return err
	}
	m := network.Model{Plan: r.model, Weights: w, Manifest: manifest}
	if err := m.Save(r.file(BestFile), weights.F32); err != nil {
		return err
	}
	return album.save(r.out)
}

func (r *run) saveCheckpoint() error {
	c := checkpoint{progress: r.progress, weights: r.trainer.Weights(), optimiser: r.optimiser.State(), average: r.average.State()}
	return c.save(r.file(CheckpointFile))
}

func (r *run) close() {
	if r.loader != nil {
		r.loader.Close()
	}
	if r.trainer != nil {
		r.trainer.Close()
	}
}

func (w *window) add(l losses, norm float64) {
	w.Steps++
	w.Mask += l.Mask
	w.Class += l.Class
	w.Norm += norm
}

func (w window) mean() (losses, float64) {
	n := float64(max(w.Steps, 1))
	return losses{Mask: w.Mask / n, Class: w.Class / n}, w.Norm / n
}

// clock measures the rate of training, validation left out.
type clock struct {
	batch   int
	last    time.Time
	seconds float64 // of a step, averaged over the last ones
	waited  float64 // of those for the step's batch
	waiting float64 // for that of the step that is being made
}

func newClock(batch int) *clock { return &clock{batch: batch, last: time.Now()} }

func (c *clock) tick() {
	s := time.Since(c.last).Seconds()
	c.last = time.Now()
	if c.seconds == 0 {
		c.seconds, c.waited = s, c.waiting
	}
	c.seconds += 0.1 * (s - c.seconds)
	c.waited += 0.1 * (c.waiting - c.waited)
}

// wait counts how long the step that is being made waits for its batch.
func (c *clock) wait(d time.Duration) { c.waiting = d.Seconds() }

// dataShare is the share of its time that a step waits for its batch, from 0 to 1.
func (c *clock) dataShare() float64 { return c.waited / max(c.seconds, 1e-9) }

func (c *clock) pause() { c.last = time.Now() }

func (c *clock) perSecond() float64 { return float64(c.batch) / max(c.seconds, 1e-9) }

func (c *clock) left(steps int) time.Duration {
	return time.Duration(float64(steps) * c.seconds * float64(time.Second)).Round(time.Second)
}
