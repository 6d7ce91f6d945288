package network

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// importable is a plan that a checkpoint can be one of.
type importable struct {
	name string
	plan Plan
}

func importables() []importable {
	both := CompactJoint()
	both.SharedHead, both.Classes, both.Positive = true, classes(), 1
	return []importable{
		{"full-classifier", FullClassifier()},
		{"full-classifier-50", FullClassifier50()},
		{"full-segmenter", FullSegmenter()},
		{"full-joint", FullJoint()},
		{"compact-classifier", CompactClassifier()},
		{"compact-joint", CompactJoint()},
		{"compact-joint", both}, // with a classifier's head
	}
}

// FromCheckpoint makes a model of a PyTorch checkpoint's state dict. The name
// is that of a plan as in a training configuration ("full-joint"); empty, the
// network is found out from the names and shapes of the tensors. A prefix
// "module." of all names, which DataParallel leaves, is taken off.
//
// Where tensors are missing, unknown or of another shape, the error is a
// [MismatchError] that lists all of them.
func FromCheckpoint(c *weights.Checkpoint, name string) (*Model, error) {
	stored := map[string]*weights.StoredTensor{}
	var state []nn.Parameter
	prefix := commonPrefix(c.Tensors)
	for _, t := range c.Tensors {
		name := strings.TrimPrefix(t.Name, prefix)
		stored[name] = t
		state = append(state, nn.Parameter{Name: name, Shape: t.Shape})
	}
	p, err := recognise(state, name)
	if err != nil {
		return nil, err
	}
	all, err := p.Parameters()
	if err != nil {
		return nil, err
	}
	w := nn.Weights{}
	for _, q := range all {
		t, err := readParameter(q, stored[q.Name])
		if err != nil {
			return nil, err
		}
		if !finite(t.Data) {
			return nil, fmt.Errorf("tensor %q holds a value that is not finite", q.Name)
		}
		w[q.Name] = t
	}
	return &Model{Plan: p, Weights: w}, nil
}

// maxBatches is up to where a model's file keeps a counter of batches.
const maxBatches = 1 << 24

// readParameter reads one tensor. A counter of batches that is not there, or
// cannot be kept, starts anew: nothing needs it.
func readParameter(q nn.Parameter, stored *weights.StoredTensor) (nn.Tensor, error) {
	counter := strings.HasSuffix(q.Name, batchCounter)
	if stored == nil && counter {
		return nn.NewTensor(q.Shape...), nil
	}
	t, err := stored.Read()
	if counter && (err != nil || !(t.Data[0] >= 0 && t.Data[0] <= maxBatches)) {
		return nn.NewTensor(q.Shape...), nil
	}
	if err != nil {
		return nn.Tensor{}, err
	}
	return nn.Tensor{Shape: q.Shape, Data: t.Data}, nil
}

// commonPrefix is "module.", as often as all names begin with it.
func commonPrefix(tensors []*weights.StoredTensor) string {
	const wrapper = "module."
	prefix := ""
	for len(tensors) > 0 && !slices.ContainsFunc(tensors, func(t *weights.StoredTensor) bool {
		return !strings.HasPrefix(t.Name, prefix+wrapper)
	}) {
		prefix += wrapper
	}
	return prefix
}

// recognise finds the plan that a state belongs to, among those of a name if
// one is given.
func recognise(state []nn.Parameter, name string) (Plan, error) {
	var nearest *MismatchError
	least, tried := 0, 0
	for _, candidate := range importables() {
		if name != "" && name != candidate.name {
			continue
		}
		tried++
		all, err := candidate.plan.Parameters()
		if err != nil {
			return Plan{}, err
		}
		differs := candidate.plan.mismatch(all, state)
		if differs == nil {
			return candidate.plan, nil
		}
		if nearest == nil || differs.count() < nearest.count() {
			nearest, least = differs, len(all)
		}
	}
	switch {
	case tried == 0:
		return Plan{}, fmt.Errorf("there is no network %q", name)
	case name == "" && len(nearest.Missing) > least/2: // a list would tell nothing
		return Plan{}, errors.New("its tensors are those of no network that jcs knows: name the network that it should be to see what differs")
	}
	return Plan{}, nearest
}

func finite(values []float32) bool {
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}
