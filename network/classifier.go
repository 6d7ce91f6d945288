package network

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/jcs-ct/jcs/nn"
)

// Precision says how exact the arithmetic is.
type Precision = nn.Precision

// The precisions that other rooms name: see nn.
const (
	Exact    = nn.Exact
	Auto     = nn.Auto
	Float32  = nn.Float32
	BFloat16 = nn.BFloat16
	Int8     = nn.Int8
)

// Timings are what was measured of this machine before: see nn.
type Timings = nn.Timings

// OpenTimings reads them from a file: see nn.
func OpenTimings(path, machine string) (*Timings, error) { return nn.OpenTimings(path, machine) }

// Engine is a thread, with helpers, that networks are run on: see nn.
type Engine = nn.Engine

// NewEngine starts an engine: see nn.
func NewEngine(threads int) (*Engine, error) { return nn.NewEngine(threads) }

// Packed keeps weights that several networks share: see nn.
type Packed = nn.Packed

// Options say how a model is run.
type Options struct {
	Precision Precision // empty: exact
	Threads   int       // 0: all processors
	Engine    *Engine   // to run on, with its threads; nil: one of its own with Threads
	Packed    *Packed   // weights to share with other networks; nil: none
	Timings   *Timings  // what was measured before; nil: measure again
	Batch     int       // slices that a classifier looks at in one run; 0: one
	// Spend has the model give its weights away to the network that is compiled,
	// so that they do not lie in memory twice. They are read from the model's file
	// again if another network is compiled.
	Spend bool
	Map   MapOptions
}

// engine are the options to compile a model with: Auto may take the precisions
// that the model's record allows.
func (o Options) engine(m *Model) (nn.Options, error) {
	e := nn.Options{Precision: o.Precision, Threads: o.Threads, Engine: o.Engine, Packed: o.Packed, Timings: o.Timings}
	m.Record.Apply(&e)
	if o.Precision == nn.Int8 && e.Calibration == nil {
		return e, fmt.Errorf("the %s was never calibrated for int8: calibrate it with jcs model calibrate, or take another precision", m.Plan.Name)
	}
	return e, nil
}

// Classifier runs a classifier's model. Several goroutines may use it: one of
// them computes at a time, while others prepare and explain their slices.
type Classifier struct {
	model    *Model
	options  Options
	program  *nn.Program
	buffers  pool
	evidence []float32 // the activation map's weights
}

// Classification is what a classifier says of one slice.
type Classification struct {
	Probabilities []float32 // of each class, in the plan's order
	Positive      float64   // probability of the class that is looked for
	Map           ActivationMap
}

// maxBatch bounds the memory that a classifier may be asked for.
const maxBatch = 256

// NewClassifier compiles a classifier, or the shared head of a segmenter.
func NewClassifier(m *Model, o Options) (*Classifier, error) {
	if !m.Plan.classifies() {
		return nil, fmt.Errorf("the %s is no classifier", m.Plan.Name)
	}
	o.Batch = max(o.Batch, 1)
	if o.Batch > maxBatch {
		return nil, fmt.Errorf("a batch of %d slices is more than %d", o.Batch, maxBatch)
	}
	prefix := ""
	if m.Plan.segments() {
		prefix = "class."
	}
	g, err := m.Plan.GraphWith(GraphOptions{Outputs: []string{prefix + "softmax", prefix + "features"}}, o.Batch, m.Plan.Height, m.Plan.Width)
	if err != nil {
		return nil, err
	}
	engine, err := o.engine(m)
	if err != nil {
		return nil, err
	}
	w, spent, err := m.giveWeights(o.Spend)
	if err != nil {
		return nil, err
	}
	engine.Spend = spent
	features := g.Outputs()[1].Value.Shape()
	c := &Classifier{model: m, options: o}
	if c.evidence, err = HeadWeights(w, m.Plan.Positive, features[2]*features[3]); err != nil {
		return nil, err
	}
	if c.program, err = nn.Compile(g, w, engine); err != nil {
		return nil, fmt.Errorf("compiling the %s: %w", m.Plan.Name, err)
	}
	c.buffers.shape, c.buffers.program = nn.Shape{o.Batch, 3, m.Plan.Height, m.Plan.Width}, c.program
	return c, nil
}

// Plan is the plan of the classifier's model.
func (c *Classifier) Plan() Plan { return c.model.Plan }

// Batch is the most slices that ClassifyBatch takes.
func (c *Classifier) Batch() int { return c.options.Batch }

// Precision is what the classifier computes in: never Auto.
func (c *Classifier) Precision() Precision { return c.program.Precision() }

// Memory is what the compiled classifier keeps: see nn.
func (c *Classifier) Memory() nn.Memory { return c.program.Memory() }

// Classify looks at one slice. It takes as long as a whole batch.
func (c *Classifier) Classify(ctx context.Context, src *image.Gray) (Classification, error) {
	all, err := c.ClassifyBatch(ctx, []*image.Gray{src})
	if err != nil {
		return Classification{}, err
	}
	return all[0], nil
}

// ClassifyBatch looks at several slices, Batch at the most, in one run of the
// network. What it says of one does not depend on the others, nor on its place
// among them. Where there are fewer than Batch, the rest is computed in vain.
func (c *Classifier) ClassifyBatch(ctx context.Context, pictures []*image.Gray) ([]Classification, error) {
	if len(pictures) == 0 || len(pictures) > c.options.Batch {
		return nil, fmt.Errorf("classifying %d slices: the network was compiled for 1 to %d", len(pictures), c.options.Batch)
	}
	plan := c.model.Plan
	b := c.buffers.take()
	defer c.buffers.give(b)
	each := len(b.input.Data) / c.options.Batch
	for i, src := range pictures {
		if err := plan.PrepareInto(b.input.Data[i*each:(i+1)*each], src); err != nil {
			return nil, err
		}
	}
	if err := c.program.Run(ctx, []nn.Tensor{b.input}, b.outputs); err != nil {
		return nil, fmt.Errorf("classifying a slice: %w", err)
	}
	out := make([]Classification, len(pictures))
	for i := range out {
		var err error
		if out[i], err = c.explain(part(b.outputs[0], i), part(b.outputs[1], i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// explain reads the network's answer [1 C] and its last features [1 C H W].
func (c *Classifier) explain(probabilities, features nn.Tensor) (Classification, error) {
	plan := c.model.Plan
	m, err := NewActivationMap(features, c.evidence, plan.Width, plan.Height, c.options.Map)
	if err != nil {
		return Classification{}, err
	}
	r := Classification{Probabilities: append([]float32(nil), probabilities.Data...), Map: m}
	r.Positive = float64(r.Probabilities[plan.Positive])
	if r.Positive != r.Positive {
		return Classification{}, errors.New("classifying a slice: the network's answer is not a number")
	}
	return r, nil
}

// Close frees the classifier's memory.
func (c *Classifier) Close() { c.program.Close() }
