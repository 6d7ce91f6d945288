package network

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/jcs-ct/jcs/nn"
)

// tapsAtOnce bounds the memory that calibration takes for inner values, in
// values: a network with more is run several times for each picture.
const tapsAtOnce = 64 << 20

// ONNXRanges runs the network on pictures, in exact arithmetic, and returns the
// extremes of each value that a network of 8 bits keeps, by its name there.
// The options must be those of the export that the ranges are for. progress
// may be nil.
func (m *Model) ONNXRanges(ctx context.Context, pictures []*image.Gray, o ONNXOptions, threads int, progress func(done, total int)) (map[string]Range, error) {
	if len(pictures) == 0 {
		return nil, errors.New("calibrating: no picture is given")
	}
	plan, s, err := m.Plan.exampleSizes(o)
	if err != nil {
		return nil, fmt.Errorf("calibrating the %s: %w", plan.Name, err)
	}
	l := newGraphLayout(s.inputs, s.outputs, s.nodes[0])
	var places []*nn.Value
	_, err = l.quantise(func(v *nn.Value) (Range, error) {
		places = append(places, v)
		return Range{}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("calibrating the %s: %w", plan.Name, err)
	}
	ranges := map[string]Range{}
	groups := inGroups(places)
	for i, group := range groups {
		seen, err := m.extremes(ctx, plan, s.graph, group, pictures, threads, func(picture int) {
			if progress != nil {
				progress(i*len(pictures)+picture+1, len(groups)*len(pictures))
			}
		})
		if err != nil {
			return nil, fmt.Errorf("calibrating the %s: %w", plan.Name, err)
		}
		for k, v := range group {
			ranges[l.keys[v]] = seen[k]
		}
	}
	return ranges, nil
}

// inGroups parts values so that each group fits into memory.
func inGroups(values []*nn.Value) [][]*nn.Value {
	var groups [][]*nn.Value
	free := 0
	for _, v := range values {
		size := v.Shape().Elements()
		if size > free {
			groups = append(groups, nil)
			free = tapsAtOnce
		}
		free -= size
		groups[len(groups)-1] = append(groups[len(groups)-1], v)
	}
	return groups
}

// extremes runs the graph on every picture and returns the range of each value.
func (m *Model) extremes(ctx context.Context, plan Plan, g *nn.Graph, values []*nn.Value, pictures []*image.Gray, threads int, done func(picture int)) ([]Range, error) {
	o := nn.Options{Precision: nn.Exact, Threads: threads}
	for i, v := range values {
		o.Taps = append(o.Taps, fmt.Sprintf("calibration.%d", i))
		g.Tap(o.Taps[i], v)
	}
	program, err := nn.Compile(g, m.Weights, o)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	outputs := program.NewOutputs()
	taps := outputs[len(outputs)-len(values):]
	input := nn.NewTensor(1, 3, plan.Height, plan.Width)
	ranges := make([]Range, len(values))
	for p, picture := range pictures {
		if err := plan.PrepareInto(input.Data, picture); err != nil {
			return nil, err
		}
		if err := program.Run(ctx, []nn.Tensor{input}, outputs); err != nil {
			return nil, err
		}
		for i, t := range taps {
			r := rangeOf(t.Data)
			if p > 0 {
				r = Range{min(r.Low, ranges[i].Low), max(r.High, ranges[i].High)}
			}
			if r.Low-r.Low != 0 || r.High-r.High != 0 {
				return nil, fmt.Errorf("picture %d leads to values that are not finite", p)
			}
			ranges[i] = r
		}
		done(p)
	}
	return ranges, nil
}

// rangeOf is the extremes of values; NaN where one is not a number.
func rangeOf(values []float32) Range {
	r := Range{values[0], values[0]}
	for _, v := range values {
		r = Range{min(r.Low, v), max(r.High, v)}
	}
	return r
}
