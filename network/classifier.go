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

// Options say how a model is run.
type Options struct {
	Precision Precision // empty: exact
	Threads   int       // 0: all processors
	Timings   *Timings  // what was measured before; nil: measure again
	Map       MapOptions
}

// engine are the options to compile a model with: Auto may take the precisions
// that the model's record allows.
func (o Options) engine(m *Model) (nn.Options, error) {
	e := nn.Options{Precision: o.Precision, Threads: o.Threads, Timings: o.Timings, Allow: m.Record.Allowed()}
	if m.Record != nil {
		e.Calibration = m.Record.Calibration
	}
	if o.Precision == nn.Int8 && e.Calibration == nil {
		return e, fmt.Errorf("the %s was never calibrated for int8: calibrate it with jcs model calibrate, or take another precision", m.Plan.Name)
	}
	return e, nil
}

// Classifier runs a classifier's model, slice by slice. One goroutine at a
// time may use it.
type Classifier struct {
	model    *Model
	options  Options
	program  *nn.Program
	input    nn.Tensor
	outputs  []nn.Tensor // probabilities [1 C], features [1 C H W]
	evidence []float32   // the activation map's weights
}

// Classification is what a classifier says of one slice.
type Classification struct {
	Probabilities []float32 // of each class, in the plan's order
	Positive      float64   // probability of the class that is looked for
	Map           ActivationMap
}

// NewClassifier compiles a classifier, or the shared head of a segmenter.
func NewClassifier(m *Model, o Options) (*Classifier, error) {
	if !m.Plan.classifies() {
		return nil, fmt.Errorf("the %s is no classifier", m.Plan.Name)
	}
	prefix := ""
	if m.Plan.segments() {
		prefix = "class."
	}
	g, err := m.Plan.GraphWith(GraphOptions{Outputs: []string{prefix + "softmax", prefix + "features"}}, 1, m.Plan.Height, m.Plan.Width)
	if err != nil {
		return nil, err
	}
	engine, err := o.engine(m)
	if err != nil {
		return nil, err
	}
	program, err := nn.Compile(g, m.Weights, engine)
	if err != nil {
		return nil, fmt.Errorf("compiling the %s: %w", m.Plan.Name, err)
	}
	c := &Classifier{model: m, options: o, program: program, outputs: program.NewOutputs()}
	c.input = nn.NewTensor(1, 3, m.Plan.Height, m.Plan.Width)
	features := c.outputs[1].Shape
	c.evidence, err = HeadWeights(m.Weights, m.Plan.Positive, features[2]*features[3])
	if err != nil {
		program.Close()
		return nil, err
	}
	return c, nil
}

// Plan is the plan of the classifier's model.
func (c *Classifier) Plan() Plan { return c.model.Plan }

// Classify looks at one slice.
func (c *Classifier) Classify(ctx context.Context, src *image.Gray) (Classification, error) {
	plan := c.model.Plan
	if err := plan.PrepareInto(c.input.Data, src); err != nil {
		return Classification{}, err
	}
	if err := c.program.Run(ctx, []nn.Tensor{c.input}, c.outputs); err != nil {
		return Classification{}, fmt.Errorf("classifying a slice: %w", err)
	}
	m, err := NewActivationMap(c.outputs[1], c.evidence, plan.Width, plan.Height, c.options.Map)
	if err != nil {
		return Classification{}, err
	}
	r := Classification{Probabilities: append([]float32(nil), c.outputs[0].Data...), Map: m}
	r.Positive = float64(r.Probabilities[plan.Positive])
	if r.Positive != r.Positive {
		return Classification{}, errors.New("classifying a slice: the network's answer is not a number")
	}
	return r, nil
}

// Close frees the classifier's memory.
func (c *Classifier) Close() { c.program.Close() }
