package network

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// CheckONNX says what keeps a network from being exported so, but for weights.
func (p Plan) CheckONNX(o ONNXOptions) error {
	if err := p.Validate(); err != nil {
		return err
	}
	_, err := p.sizes(o)
	return err
}

// Examples prepares each picture, runs the network on it in exact arithmetic
// and hands on its input and the outputs of an export with these options, by
// their names. Others can hold their own preparation and runtime against them.
func (m *Model) Examples(ctx context.Context, pictures []*image.Gray, o ONNXOptions, threads int, hand func(picture int, name string, t weights.Tensor) error) error {
	if len(pictures) == 0 {
		return errors.New("no picture is given")
	}
	plan, s, err := m.Plan.exampleSizes(o)
	if err != nil {
		return err
	}
	program, err := nn.Compile(s.graph, m.Weights, nn.Options{Precision: nn.Exact, Threads: threads})
	if err != nil {
		return fmt.Errorf("compiling the %s: %w", plan.Name, err)
	}
	defer program.Close()
	outputs := program.NewOutputs()
	input := nn.NewTensor(1, 3, plan.Height, plan.Width)
	for i, picture := range pictures {
		if err := plan.PrepareInto(input.Data, picture); err != nil {
			return err
		}
		if err := program.Run(ctx, []nn.Tensor{input}, outputs); err != nil {
			return err
		}
		if err := hand(i, "input", weights.Tensor{Shape: input.Shape, Data: input.Data}); err != nil {
			return err
		}
		for k, out := range s.outputs {
			if err := hand(i, out.Name, weights.Tensor{Shape: outputs[k].Shape, Data: outputs[k].Data}); err != nil {
				return err
			}
		}
	}
	return nil
}

// exampleSizes is the graph that an export is calibrated and shown with: one
// picture of the size that it is fixed to, or that the plan was made for.
func (p Plan) exampleSizes(o ONNXOptions) (Plan, *planes, error) {
	if o.Height > 0 {
		p.Height, p.Width = o.Height, o.Width
	}
	o.Batch, o.Height, o.Width = 1, p.Height, p.Width
	s, err := p.sizes(o)
	return p, s, err
}
