package nn

import (
	"context"
	"fmt"
)

// referenceExecutor is inference in plain Go. Values and sums are float64.
type referenceExecutor struct {
	inputs []*Value
	wanted []Output
	engine *engine
	busy   chan struct{} // holds one token while a run goes on
}

func newReferenceExecutor(g *Graph, w Weights, wanted []Output) (executor, error) {
	engine, err := newEngine(g, valuesOf(wanted), false)
	if err != nil {
		return nil, err
	}
	for _, p := range g.parameters {
		engine.params[p.Name] = widen(w[p.Name])
	}
	return &referenceExecutor{inputs: g.inputs, wanted: wanted, engine: engine, busy: make(chan struct{}, 1)}, nil
}

func (r *referenceExecutor) run(ctx context.Context, inputs, outputs []Tensor) error {
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for the network: %w", ctx.Err())
	}
	if err := r.engine.forward(ctx, widenInputs(r.inputs, inputs)); err != nil {
		return err
	}
	for i, out := range r.wanted {
		narrow(outputs[i].Data, r.engine.values[out.Value].data)
	}
	r.engine.values = nil
	return nil
}

func (r *referenceExecutor) close() {}

// referenceTrainer is training in plain Go. Trained parameters are rounded to
// float32 between steps, as are the buffers, so that a checkpoint loses nothing.
type referenceTrainer struct {
	graph  *Graph
	wanted []*Value
	engine *engine
	params []*TrainedParameter
}

func newReferenceTrainer(g *Graph, w Weights) (trainExecutor, error) {
	wanted := valuesOf(g.outputs)
	engine, err := newEngine(g, wanted, true)
	if err != nil {
		return nil, err
	}
	t := &referenceTrainer{graph: g, wanted: wanted, engine: engine}
	for _, p := range g.parameters {
		engine.params[p.Name] = widen(w[p.Name])
		if !p.Trained {
			continue
		}
		engine.grads[p.Name] = make([]float64, p.Shape.Elements())
		t.params = append(t.params, &TrainedParameter{
			Name: p.Name, Shape: p.Shape,
			Value: append([]float32(nil), w[p.Name].Data...),
			Grad:  make([]float32, p.Shape.Elements()),
		})
	}
	return t, nil
}

func (t *referenceTrainer) forward(ctx context.Context, inputs, outputs []Tensor) error {
	for _, p := range t.params {
		t.engine.params[p.Name] = widen(Tensor{p.Shape, p.Value})
	}
	if err := t.engine.forward(ctx, widenInputs(t.graph.inputs, inputs)); err != nil {
		return err
	}
	for _, p := range t.graph.parameters {
		if !p.Trained {
			buffer := t.engine.params[p.Name].data
			for i, v := range buffer {
				buffer[i] = float64(float32(v))
			}
		}
	}
	for i, v := range t.wanted {
		narrow(outputs[i].Data, t.engine.values[v].data)
	}
	return nil
}

func (t *referenceTrainer) backward(ctx context.Context, outputGrads, inputGrads []Tensor) error {
	outGrads := map[*Value][]float64{}
	for i, v := range t.wanted {
		grad := widen(outputGrads[i]).data
		for k, d := range outGrads[v] { // one value under two names
			grad[k] += d
		}
		outGrads[v] = grad
	}
	wanted := map[*Value]bool{}
	if inputGrads != nil {
		for _, v := range t.graph.inputs {
			wanted[v] = true
		}
	}
	grads, err := t.engine.backward(ctx, outGrads, wanted)
	if err != nil {
		return err
	}
	for _, p := range t.params {
		narrow(p.Grad, t.engine.grads[p.Name])
	}
	for i := range inputGrads {
		narrow(inputGrads[i].Data, grads[t.graph.inputs[i]])
	}
	return nil
}

func (t *referenceTrainer) parameters() []*TrainedParameter { return t.params }

func (t *referenceTrainer) weights() Weights {
	w := Weights{}
	for _, p := range t.graph.parameters {
		out := NewTensor(p.Shape...)
		narrow(out.Data, t.engine.params[p.Name].data)
		w[p.Name] = out
	}
	for _, p := range t.params {
		copy(w[p.Name].Data, p.Value)
	}
	return w
}

func (t *referenceTrainer) close() {}

func valuesOf(outputs []Output) []*Value {
	values := make([]*Value, len(outputs))
	for i, o := range outputs {
		values[i] = o.Value
	}
	return values
}

func widenInputs(values []*Value, tensors []Tensor) map[*Value]array {
	m := make(map[*Value]array, len(values))
	for i, v := range values {
		m[v] = widen(tensors[i])
	}
	return m
}
