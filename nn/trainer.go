package nn

import (
	"context"
	"fmt"
)

// Trainer runs a graph forward and backward. It holds the master weights in
// float32. The loss stands outside: Forward gives outputs, a loss turns them
// into gradients, Backward takes those. One goroutine at a time may use it.
type Trainer struct {
	exec    trainExecutor
	inputs  []Shape
	outputs []Shape
	params  []*TrainedParameter
}

// TrainedParameter is a view of one trained tensor and its gradient. The
// trainer owns both; an optimiser changes Value in place between steps.
type TrainedParameter struct {
	Name  string
	Shape Shape
	Value []float32
	Grad  []float32 // overwritten by each Backward
}

type trainExecutor interface {
	forward(ctx context.Context, inputs, outputs []Tensor) error
	// backward takes the gradient of the loss by each output and fills the
	// parameters' gradients and, where not nil, those of the inputs.
	backward(ctx context.Context, outputGrads, inputGrads []Tensor) error
	parameters() []*TrainedParameter
	// weights copies all parameters and buffers out.
	weights() Weights
	close()
}

// NewTrainer compiles a graph for training with a copy of the weights.
// Exact, the empty precision, takes direct convolutions. BFloat16 takes the
// fastest ways, of which Winograd's with products of bfloat16 is one for all
// convolutions but the first and the last ones; what is kept from one operation
// to the next, the sums, the weights and their gradients are float32 even so.
// Any other precision takes the fastest in float32. Options.Taps are not looked
// at.
func NewTrainer(g *Graph, w Weights, o Options) (*Trainer, error) {
	if err := g.Err(); err != nil {
		return nil, fmt.Errorf("describing the network: %w", err)
	}
	if err := checkWeights(g, w); err != nil {
		return nil, err
	}
	if err := CheckPasses(o.Without); err != nil {
		return nil, err
	}
	t := &Trainer{}
	for _, in := range g.inputs {
		t.inputs = append(t.inputs, in.shape)
	}
	for _, out := range g.outputs {
		t.outputs = append(t.outputs, out.Value.shape)
	}
	if len(t.outputs) == 0 {
		return nil, fmt.Errorf("the network has no output")
	}
	exec, err := newTrainExecutor(g, w, o)
	if err != nil {
		return nil, err
	}
	t.exec = exec
	t.params = exec.parameters()
	return t, nil
}

func newTrainExecutor(g *Graph, w Weights, o Options) (trainExecutor, error) {
	switch o.Executor {
	case Reference:
		return newReferenceTrainer(g, w)
	case OneDNN, "":
		if haveOneDNN {
			return newOneDNNTrainer(g, w, o)
		}
		if o.Executor == OneDNN {
			return nil, fmt.Errorf("this build has no oneDNN: it was made without cgo")
		}
		return newReferenceTrainer(g, w)
	}
	return nil, fmt.Errorf("there is no executor %q", o.Executor)
}

// NewOutputs returns tensors for Forward to fill.
func (t *Trainer) NewOutputs() []Tensor {
	out := make([]Tensor, len(t.outputs))
	for i, s := range t.outputs {
		out[i] = NewTensor(s...)
	}
	return out
}

// Forward runs the network in training mode: live batch norms take the batch's
// statistics and move the running ones.
func (t *Trainer) Forward(ctx context.Context, inputs, outputs []Tensor) error {
	if err := checkTensors("input", inputs, t.inputs); err != nil {
		return err
	}
	if err := checkTensors("output", outputs, t.outputs); err != nil {
		return err
	}
	return t.exec.forward(ctx, inputs, outputs)
}

// Backward follows a Forward. outputGrads are the gradients of the loss by
// each output. inputGrads may be nil, or hold a tensor for each input to fill.
func (t *Trainer) Backward(ctx context.Context, outputGrads, inputGrads []Tensor) error {
	if err := checkTensors("output gradient", outputGrads, t.outputs); err != nil {
		return err
	}
	if inputGrads != nil {
		if err := checkTensors("input gradient", inputGrads, t.inputs); err != nil {
			return err
		}
	}
	return t.exec.backward(ctx, outputGrads, inputGrads)
}

// Parameters are the trained tensors in the order of their first use.
func (t *Trainer) Parameters() []*TrainedParameter { return t.params }

// Weights copies all parameters and buffers as they are now.
func (t *Trainer) Weights() Weights { return t.exec.weights() }

// Close frees the trainer's memory. It must not be used afterwards.
func (t *Trainer) Close() { t.exec.close() }
