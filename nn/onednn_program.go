//go:build cgo

package nn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jcs-ct/jcs/internal/onednn"
)

const haveOneDNN = true

// Engine is a thread with a pool of helpers that programs compute on, one at a
// time. Programs that share one engine share its pool. It is safe for use by
// several goroutines.
type Engine struct {
	inner *onednn.Engine
	arena arena
}

// NewEngine starts an engine; 0 threads takes all processors.
func NewEngine(threads int) (*Engine, error) {
	e, err := onednn.NewEngine(threads)
	if err != nil {
		return nil, err
	}
	return &Engine{inner: e}, nil
}

// Close ends the engine. What was compiled for it must be closed before.
func (e *Engine) Close() { e.inner.Close() }

// engineFor is the engine that the options name, or one of the program's own.
func engineFor(o Options) (e *Engine, own bool, err error) {
	if o.Engine != nil {
		return o.Engine, false, nil
	}
	e, err = NewEngine(o.Threads)
	return e, true, err
}

// oneDNNProgram is an inference program.
type oneDNNProgram struct {
	engine    *onednn.Engine
	ownEngine bool
	low       *lowering
	inputs    []tensor
	outputs   []tensor
	precision Precision
}

func (p *oneDNNProgram) computesIn() Precision { return p.precision }

func newOneDNNExecutor(g *Graph, w Weights, wanted []Output, o Options) (executor, error) {
	e, own, err := engineFor(o)
	if err != nil {
		return nil, err
	}
	p := &oneDNNProgram{engine: e.inner, ownEngine: own}
	s := stage(g, w, wanted, o)
	err = p.engine.Do(context.Background(), func() error {
		p.low = newLowering(p.engine, s.weights, o, false)
		p.low.shared, p.low.packed = &e.arena, o.packed()
		p.low.uses = s.uses()
		p.low.findHomes(s.nodes)
		p.low.watched = o.watched
		p.low.calibration = o.Calibration
		p.low.methods, p.precision = chooseMethods(p.engine, s, o, nil)
		var spend *spender
		if o.Spend {
			spend = newSpender(s)
			defer spend.end()
		}
		for _, v := range s.nodes {
			p.low.lower(v)
			if spend != nil && p.low.err == nil {
				spend.done(v)
			}
		}
		for _, v := range s.nodes {
			if _, ok := v.op.(input); ok {
				p.inputs = append(p.inputs, p.low.values[v])
			}
		}
		p.outputs = p.low.results(s.wanted)
		p.low.weights = parameters{} // what was folded is packed now
		return p.low.bind()
	})
	if err != nil {
		p.close()
		return nil, fmt.Errorf("compiling for oneDNN: %w", err)
	}
	return p, nil
}

// chooseMethods picks how each convolution is computed in the precision that
// the options ask for, and for Auto the precision too. There is nothing to
// choose for Exact. In training, needs are the values that gradients are led
// through.
func chooseMethods(e *onednn.Engine, s staged, o Options, needs map[*Value]bool) (map[*Value]method, Precision) {
	if o.Precision == "" || o.Precision == Exact {
		return nil, Exact
	}
	watch := &stopwatch{engine: e, timings: o.timings(), only: o.only}
	defer watch.timings.save()
	try := []Precision{o.Precision}
	if o.Precision == Auto {
		try = append([]Precision{Float32}, o.Allow...)
	}
	var best map[*Value]method
	least, chosen := 0.0, o.Precision
	for _, p := range try {
		o.Precision = p
		if methods, seconds := assign(s, watch, allowed(s, o, needs != nil), needs); best == nil || seconds < least {
			best, least, chosen = methods, seconds, p
		}
	}
	return best, chosen
}

// results brings the wanted values into row-major order and keeps their memory
// until after the last step.
func (l *lowering) results(wanted []Output) []tensor {
	out := make([]tensor, len(wanted))
	for i, o := range wanted {
		out[i] = l.asPlain(l.values[o.Value])
	}
	if l.err == nil {
		for _, t := range out {
			l.touch(t, len(l.steps))
		}
	}
	return out
}

func (p *oneDNNProgram) run(ctx context.Context, inputs, outputs []Tensor) error {
	return p.engine.Do(ctx, func() error {
		if err := p.low.tie(); err != nil {
			return err
		}
		for i, t := range p.inputs {
			copy(p.low.floats(t), inputs[i].Data)
		}
		if err := p.low.run(ctx.Done(), 0, len(p.low.steps)); err != nil {
			return interruption(ctx, err)
		}
		for i, t := range p.outputs {
			copy(outputs[i].Data, p.low.floats(t))
		}
		return nil
	})
}

// observe has watch told of what each convolution read and wrote.
func (p *oneDNNProgram) observe(watch func(convolution string, in, out Tensor)) {
	p.low.observer = watch
}

func (p *oneDNNProgram) memory() Memory { return p.low.memory() }

func interruption(ctx context.Context, err error) error {
	if errors.Is(err, errInterrupted) {
		return ctx.Err()
	}
	return err
}

func (p *oneDNNProgram) close() {
	closeLowering(p.engine, p.low, p.ownEngine)
	p.low = nil
}

func closeLowering(e *onednn.Engine, l *lowering, ownEngine bool) {
	if l != nil {
		// The only error is that the engine is closed, and its memory with it.
		_ = e.Do(context.Background(), func() error { l.free(); return nil })
	}
	if ownEngine {
		e.Close()
	}
}

// lower turns one operation into steps.
func (l *lowering) lower(v *Value) {
	if l.err != nil {
		return
	}
	l.current = v
	defer func() { l.current = nil }()
	switch op := v.op.(type) {
	case input:
		t := l.allocate(l.plain(v.shape), v.shape)
		l.touch(t, 0)
		l.values[v] = t
	case Conv:
		l.convolution(v, fusedConv{Conv: op})
	case fusedConv:
		l.convolution(v, op)
	case activatedNorm:
		l.trainedNorm(v, op)
	case BatchNorm:
		l.batchNorm(v, op)
	case Activation:
		l.activation(v, op)
	case softmax:
		l.softmax(v)
	case maxPool:
		l.maxPool(v, op)
	case averagePool:
		l.averagePool(v, op)
	case globalAverage:
		l.globalAverage(v)
	case Linear:
		l.linear(v, op, onednn.NoActivation)
	case fusedLinear:
		l.linear(v, op.Linear, engineActivation(op.after))
	case resize:
		l.resize(v, op)
	case concat:
		l.concatenation(v)
	case slice:
		l.slice(v, op)
	case add:
		l.addition(v)
	case scaleChannels:
		l.channelScaling(v)
	default:
		l.fail(fmt.Errorf("oneDNN has no such operation"))
	}
}

// read is the value of an input, read once more. It may be a view with gaps.
func (l *lowering) read(v *Value) tensor {
	l.uses[v]--
	return l.values[v]
}

// readDense is read, for operations that take no gaps.
func (l *lowering) readDense(v *Value) tensor { return l.dense(l.read(v)) }

// suited compiles an operation for a tensor in the first of some orders, its
// own before all others, for which the library has more than reference loops.
func (l *lowering) suited(x tensor, compile func(*onednn.Layout) (*onednn.Primitive, error)) (*onednn.Primitive, tensor) {
	if l.err != nil {
		return nil, x
	}
	p, err := compile(x.layout)
	if err == nil && !strings.HasPrefix(p.Implementation(), "ref") || len(x.shape) != 4 {
		return l.primitive(p, err), x
	}
	for _, o := range []order{channelsLast, plainOrder} {
		layout := l.formatted(format{x.layout.Type(), o}, x.shape)
		if l.err != nil {
			return p, x
		}
		q, failed := compile(layout)
		if failed != nil {
			continue
		}
		if strings.HasPrefix(q.Implementation(), "ref") && err == nil {
			q.Free()
			continue
		}
		if err == nil {
			p.Free()
		}
		return q, l.as(x, layout)
	}
	return l.primitive(p, err), x
}
