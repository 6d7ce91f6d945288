package nn

import (
	"context"
	"fmt"
)

// Precision says how exact a program's arithmetic is.
type Precision string

// The precisions. Exact is direct float32: the same bits for the same input,
// thread count and machine. The others take for each convolution the fastest
// way that this machine has: Float32 among those in float32; BFloat16 among
// those and bfloat16; Int8 among all of them and 8 bits, which need
// Options.Calibration. Auto is the one of Float32 and those in Options.Allow
// that should be fastest by what was measured.
const (
	Exact    Precision = "exact"
	Auto     Precision = "auto"
	Float32  Precision = "f32"
	BFloat16 Precision = "bf16"
	Int8     Precision = "int8"
)

func (o Options) checkPrecision() error {
	switch o.Precision {
	case "", Exact, Auto, Float32, BFloat16:
		return nil
	case Int8:
		if o.Calibration == nil {
			return fmt.Errorf("precision int8 needs a calibration, and there is none")
		}
		return nil
	}
	return fmt.Errorf("there is no precision %q: exact, auto, f32, bf16 and int8 are", o.Precision)
}

// Executor names what runs a program.
type Executor string

// The executors. The zero value picks OneDNN where the build has it.
const (
	OneDNN    Executor = "onednn"
	Reference Executor = "reference" // plain Go with float64 sums: slow
)

// Options say how a graph is compiled.
type Options struct {
	Precision Precision // empty: Exact
	Executor  Executor
	Threads   int      // 0: all processors
	Engine    *Engine  // to share with other programs; nil: one of its own with Threads
	Taps      []string // inner values to return after the outputs, in this order
	Timings   *Timings // what was measured before; nil: measure again
	Packed    *Packed  // parameters to share with other programs; nil: none
	// Spend takes each parameter out of the weights once it is packed and nothing
	// else needs it, so that a large network's do not lie in memory twice.
	Spend bool

	// Without names passes that are left out, to see what each is worth. The
	// reference executor has none.
	Without []Pass

	Allow       []Precision  // for Auto: reduced precisions that may be taken
	Calibration *Calibration // for Int8, and convolutions that BFloat16 leaves alone
	// Narrowest takes the narrowest types that the precision allows for each
	// convolution, be they slow here: what another machine may come to choose.
	Narrowest bool

	only    func(way string) bool // for tests: ways of computing to choose among
	watched bool                  // for a calibrator
}

func (o Options) timings() *Timings {
	if o.Timings == nil {
		return &Timings{}
	}
	return o.Timings
}

func (o Options) packed() *Packed {
	if o.Packed == nil {
		return &Packed{}
	}
	return o.Packed
}

// Program runs a compiled graph. It owns its memory; several goroutines may
// call it, one run goes on at a time.
type Program struct {
	exec    executor
	inputs  []Shape
	outputs []namedShape
	// precision is what Auto came to, else what was asked for.
	precision Precision
}

// Precision is the one that the program computes in: never Auto.
func (p *Program) Precision() Precision { return p.precision }

type namedShape struct {
	name  string
	shape Shape
}

// executor runs the forward pass. Shapes have been checked when it is called.
type executor interface {
	run(ctx context.Context, inputs, outputs []Tensor) error
	close()
}

// Compile turns a graph and its weights into a program. Weights that the graph
// does not name are ignored; one that is missing or misshapen is an error.
func Compile(g *Graph, w Weights, o Options) (*Program, error) {
	if err := g.Err(); err != nil {
		return nil, fmt.Errorf("describing the network: %w", err)
	}
	if err := checkWeights(g, w); err != nil {
		return nil, err
	}
	if err := o.checkPrecision(); err != nil {
		return nil, err
	}
	if err := CheckPasses(o.Without); err != nil {
		return nil, err
	}
	wanted := append([]Output(nil), g.outputs...)
	for _, t := range o.Taps {
		v, ok := g.taps[t]
		if !ok {
			return nil, fmt.Errorf("the network has no tap %q", t)
		}
		wanted = append(wanted, Output{t, v})
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("the network has no output")
	}
	p := &Program{}
	for _, in := range g.inputs {
		p.inputs = append(p.inputs, in.shape)
	}
	for _, out := range wanted {
		p.outputs = append(p.outputs, namedShape{out.Name, out.Value.shape})
	}
	exec, err := newExecutor(g, w, wanted, o)
	if err != nil {
		return nil, err
	}
	p.exec, p.precision = exec, Exact // as good as the reference, at least
	if e, ok := exec.(interface{ computesIn() Precision }); ok {
		p.precision = e.computesIn()
	}
	return p, nil
}

func newExecutor(g *Graph, w Weights, wanted []Output, o Options) (executor, error) {
	switch o.Executor {
	case Reference:
		return newReferenceExecutor(g, w, wanted)
	case OneDNN, "":
		if haveOneDNN {
			return newOneDNNExecutor(g, w, wanted, o)
		}
		if o.Executor == OneDNN {
			return nil, fmt.Errorf("this build has no oneDNN: it was made without cgo")
		}
		return newReferenceExecutor(g, w, wanted)
	}
	return nil, fmt.Errorf("there is no executor %q", o.Executor)
}

func checkWeights(g *Graph, w Weights) error {
	for _, p := range g.parameters {
		t, ok := w[p.Name]
		if !ok {
			return fmt.Errorf("parameter %q (%v) is missing from the weights", p.Name, p.Shape)
		}
		if !t.Shape.Equal(p.Shape) {
			return fmt.Errorf("parameter %q is %v in the weights, %v in the network", p.Name, t.Shape, p.Shape)
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("parameter %q: %w", p.Name, err)
		}
	}
	return nil
}

// NewOutputs returns tensors for Run to fill: the graph's outputs, then the taps.
func (p *Program) NewOutputs() []Tensor {
	out := make([]Tensor, len(p.outputs))
	for i, o := range p.outputs {
		out[i] = NewTensor(o.shape...)
	}
	return out
}

// Run computes outputs from inputs, both in NCHW and in the graph's order. The
// caller owns all tensors; nothing of them is kept.
func (p *Program) Run(ctx context.Context, inputs, outputs []Tensor) error {
	if err := p.checkRun(inputs, outputs); err != nil {
		return err
	}
	return p.exec.run(ctx, inputs, outputs)
}

func (p *Program) checkRun(inputs, outputs []Tensor) error {
	if err := checkTensors("input", inputs, p.inputs); err != nil {
		return err
	}
	shapes := make([]Shape, len(p.outputs))
	for i, o := range p.outputs {
		shapes[i] = o.shape
	}
	return checkTensors("output", outputs, shapes)
}

// Close frees the program's memory. It must not be used afterwards.
func (p *Program) Close() { p.exec.close() }

func checkTensors(what string, got []Tensor, want []Shape) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d %ss given, the network has %d", len(got), what, len(want))
	}
	for i, t := range got {
		if !t.Shape.Equal(want[i]) {
			return fmt.Errorf("%s %d is %v, the network was compiled for %v", what, i, t.Shape, want[i])
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	return nil
}
