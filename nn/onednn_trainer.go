//go:build cgo

package nn

import (
	"context"
	"errors"
	"fmt"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// master is a parameter in row-major order outside the arena, and, where it is
// trained, its gradient.
type master struct {
	value, grad tensor
}

// oneDNNTrainer runs forward and backward passes. Its steps are in three
// parts: forward, backward, and a tail that leads to the inputs alone.
type oneDNNTrainer struct {
	engine                  *onednn.Engine
	ownEngine               bool
	low                     *lowering
	inputs, outputs         []tensor
	outputGrads, inputGrads []tensor
	forwardEnd, backwardEnd int
	params                  []*TrainedParameter
	all                     []*Parameter
	ready                   bool // a forward pass waits for its backward pass
}

func newOneDNNTrainer(g *Graph, w Weights, o Options) (trainExecutor, error) {
	e, own, err := engineFor(o)
	if err != nil {
		return nil, err
	}
	switch o.Precision {
	case "", Exact, BFloat16:
	default:
		o.Precision = Float32
	}
	t := &oneDNNTrainer{engine: e.inner, ownEngine: own, all: g.parameters}
	s := staged{nodes: g.nodes, wanted: g.outputs, weights: parameters{given: w}}.prune()
	if o.takes(FuseActivation) {
		s = fuseForTraining(s).prune()
	}
	err = t.engine.Do(context.Background(), func() error {
		t.low = newLowering(t.engine, s.weights, o, true)
		t.low.uses = s.uses()
		t.low.findHomes(s.nodes)
		t.low.needs = needed(s.nodes)
		t.low.methods, _ = chooseMethods(t.engine, s, o, t.low.needs)
		t.low.master(g.parameters)
		t.lowerForward(s)
		t.lowerBackward(s)
		return t.low.bind()
	})
	if err != nil {
		t.close()
		return nil, fmt.Errorf("compiling for training with oneDNN: %w", err)
	}
	for _, p := range g.parameters {
		if p.Trained {
			m := t.low.masters[p.Name]
			t.params = append(t.params, &TrainedParameter{
				Name: p.Name, Shape: p.Shape, Value: t.low.floats(m.value), Grad: t.low.floats(m.grad),
			})
		}
	}
	return t, nil
}

// master copies the weights to where an optimiser changes them.
func (l *lowering) master(params []*Parameter) {
	for _, p := range params {
		m := master{value: l.keep(l.plain(p.Shape), p.Shape)}
		if l.err != nil {
			return
		}
		copy(m.value.block.Float32s(0, p.Shape.Elements()), l.weights.tensor(p.Name).Data)
		if p.Trained {
			m.grad = l.keep(l.plain(p.Shape), p.Shape)
		}
		l.masters[p.Name] = m
	}
}

// parameter is a parameter seen as view, in the layout that a primitive wants.
func (l *lowering) parameter(p *Parameter, view Shape, want *onednn.Layout) tensor {
	if l.err != nil {
		return tensor{}
	}
	if !l.training {
		return l.constant(p.Name, view, want)
	}
	return l.as(tensor{slot: l.masters[p.Name].value.slot, layout: l.plain(view), shape: view}, want)
}

// vector is a parameter of one axis.
func (l *lowering) vector(p *Parameter) tensor { return l.parameter(p, p.Shape, l.plain(p.Shape)) }

func (t *oneDNNTrainer) lowerForward(s staged) {
	l := t.low
	for _, v := range s.nodes {
		l.lower(v)
		if _, ok := v.op.(input); ok {
			t.inputs = append(t.inputs, l.values[v])
		}
	}
	t.outputs = l.results(s.wanted)
	t.forwardEnd = len(l.steps)
}

func (t *oneDNNTrainer) lowerBackward(s staged) {
	l := t.low
	if l.err != nil {
		return
	}
	for _, o := range s.wanted {
		g := l.allocate(l.plain(o.Value.shape), o.Value.shape)
		if l.err != nil {
			return
		}
		l.touch(g, t.forwardEnd)
		t.outputGrads = append(t.outputGrads, g)
		l.gradients[o.Value] = append(l.gradients[o.Value], contribution{term{tensor: g, scale: 1}, 0, channels(o.Value)})
	}
	l.unwind()
	t.backwardEnd = len(l.steps)
	l.inTail = true
	for _, lower := range l.tail {
		lower()
	}
	for _, v := range s.nodes {
		if _, ok := v.op.(input); ok {
			l.current = v
			g, ok := l.gradient(v)
			if !ok {
				t.inputGrads = append(t.inputGrads, tensor{})
				continue
			}
			t.inputGrads = append(t.inputGrads, l.asPlain(g))
		}
	}
	l.current = nil
	for _, g := range t.inputGrads { // all are read behind the last one's steps
		l.touch(g, len(l.steps))
	}
}

// unwind lowers the backward passes, last operation first. Those of
// operations without a trained parameter on their way go to the tail.
func (l *lowering) unwind() {
	for i := len(l.tape) - 1; i >= 0; i-- {
		r := l.tape[i]
		lower := func() {
			l.current = r.value
			r.backward()
		}
		if l.needs[r.value] {
			lower()
		} else {
			l.tail = append(l.tail, lower)
		}
	}
}

func (t *oneDNNTrainer) forward(ctx context.Context, inputs, outputs []Tensor) error {
	return t.engine.Do(ctx, func() error {
		t.ready = false // until this one is through
		for i, in := range t.inputs {
			copy(t.low.floats(in), inputs[i].Data)
		}
		if err := t.low.run(ctx.Done(), 0, t.forwardEnd); err != nil {
			return interruption(ctx, err)
		}
		for i, out := range t.outputs {
			copy(outputs[i].Data, t.low.floats(out))
		}
		t.ready = true
		return nil
	})
}

func (t *oneDNNTrainer) backward(ctx context.Context, outputGrads, inputGrads []Tensor) error {
	return t.engine.Do(ctx, func() error {
		if !t.ready {
			return errors.New("a backward pass needs a forward pass before it")
		}
		t.ready = false // it overwrites what the forward pass left
		for i, g := range t.outputGrads {
			copy(t.low.floats(g), outputGrads[i].Data)
		}
		end := t.backwardEnd
		if inputGrads != nil {
			end = len(t.low.steps)
		}
		if err := t.low.run(ctx.Done(), t.forwardEnd, end); err != nil {
			return interruption(ctx, err)
		}
		for i := range inputGrads {
			if t.inputGrads[i].slot == nil {
				clear(inputGrads[i].Data)
				continue
			}
			copy(inputGrads[i].Data, t.low.floats(t.inputGrads[i]))
		}
		return nil
	})
}

func (t *oneDNNTrainer) parameters() []*TrainedParameter { return t.params }

func (t *oneDNNTrainer) weights() Weights {
	w := Weights{}
	for _, p := range t.all {
		c := NewTensor(p.Shape...)
		copy(c.Data, t.low.floats(t.low.masters[p.Name].value))
		w[p.Name] = c
	}
	return w
}

func (t *oneDNNTrainer) close() {
	closeLowering(t.engine, t.low, t.ownEngine)
	t.low = nil
}
