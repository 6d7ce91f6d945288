package train

import (
	"fmt"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// outputs are the names of what the training graph returns: the heads of a
// segmenting network and then the logits of a shared head, or a classifier's
// logits.
func (c Config) outputs(plan network.Plan) []string {
	if plan.Kind == network.ClassifierKind {
		return []string{"logits"}
	}
	names := network.HeadLogits()
	if c.Loss.Probabilities {
		names = network.HeadOutputs()
	}
	if plan.SharedHead {
		names = append(names, "class.logits")
	}
	return names
}

// losses are the parts of one step's loss, weighted.
type losses struct{ Mask, Class float64 }

func (l losses) total() float64 { return l.Mask + l.Class }

// loss fills grads, the gradients by outputs, and returns the loss.
func (c Config) loss(plan network.Plan, b *batch, outputs, grads []nn.Tensor) (losses, error) {
	var l losses
	var err error
	if plan.Kind == network.ClassifierKind {
		l.Class, err = c.classLoss(outputs[0], b.labels, grads[0], 1)
		return l, err
	}
	if l.Mask, err = c.maskLoss(b, outputs[:5], grads[:5]); err != nil {
		return l, err
	}
	if plan.SharedHead {
		l.Class, err = c.classLoss(outputs[5], b.labels, grads[5], c.Loss.Class)
	}
	return l, err
}

// maskLoss is the deep supervision of the items that have masks.
func (c Config) maskLoss(b *batch, outputs, grads []nn.Tensor) (float64, error) {
	for _, g := range grads {
		clear(g.Data)
	}
	if b.masked == 0 {
		return 0, nil
	}
	function := nn.BCEDiceLogits
	if c.Loss.Probabilities {
		function = nn.BCEDice
	}
	o := nn.BCEDiceOptions{DicePerItem: !c.Loss.WholeBatch}
	first := make([]nn.Tensor, len(outputs))
	slopes := make([]nn.Tensor, len(outputs))
	for i := range outputs {
		first[i], slopes[i] = firstItems(outputs[i], b.masked), firstItems(grads[i], b.masked)
	}
	total, _, err := nn.DeepSupervision(first, firstItems(b.masks, b.masked), slopes, c.Loss.Heads,
		func(output, target, grad nn.Tensor) (float64, error) { return function(output, target, grad, o) })
	if err != nil {
		return 0, fmt.Errorf("loss of the masks: %w", err)
	}
	return total, nil
}

// classLoss is the cross entropy of the items whose label is known.
func (c Config) classLoss(logits, labels, grad nn.Tensor, weight float64) (float64, error) {
	clear(grad.Data)
	classes := logits.Shape[1]
	var known []int
	for i := range logits.Shape[0] {
		sum := float32(0)
		for _, v := range labels.Data[i*classes : (i+1)*classes] {
			sum += v
		}
		if sum > 0.5 {
			known = append(known, i)
		}
	}
	if len(known) == 0 || weight == 0 {
		return 0, nil
	}
	x, y, g := nn.NewTensor(len(known), classes), nn.NewTensor(len(known), classes), nn.NewTensor(len(known), classes)
	for k, i := range known {
		copy(x.Data[k*classes:], logits.Data[i*classes:(i+1)*classes])
		copy(y.Data[k*classes:], labels.Data[i*classes:(i+1)*classes])
	}
	l, err := nn.CrossEntropy(x, y, g, nn.CrossEntropyOptions{Smoothing: c.Loss.Smoothing})
	if err != nil {
		return 0, fmt.Errorf("loss of the classes: %w", err)
	}
	for k, i := range known {
		for j := range classes {
			grad.Data[i*classes+j] = float32(weight) * g.Data[k*classes+j]
		}
	}
	return weight * l, nil
}

func firstItems(t nn.Tensor, n int) nn.Tensor {
	shape := append(nn.Shape{n}, t.Shape[1:]...)
	return nn.Tensor{Shape: shape, Data: t.Data[:shape.Elements()]}
}
