package nn

import (
	"fmt"
	"slices"

	"github.com/jcs-ct/jcs/internal/kernel"
)

// BCEDiceOptions vary the loss of a mask. The zero value is the published one.
type BCEDiceOptions struct {
	// DicePerItem takes the Dice of each item by itself and then their mean,
	// so that a slice with a small lesion counts as much as one with a large
	// one. The published loss takes one Dice over the whole batch.
	DicePerItem bool
	// HeadWeights weigh the channels of the output, which are heads of deep
	// supervision; nil: 1 each, as published.
	HeadWeights []float64
}

// diceEps keeps Dice defined where output and target are empty.
const diceEps = 1e-5

// BCEDice is the published loss of a mask: the mean binary cross entropy, its
// logarithms clamped at -100, plus 1 - Dice, with
// Dice = (2*sum(p*y) + 1e-5) / (sum(p) + sum(y) + 1e-5).
//
// probability is [N K H W]: K heads of deep supervision, whose losses are
// summed. target, in 0..1, is [N 1 H W] for all heads, or has the output's own
// shape. Tensors of another rank, all of one shape, are one head each of N
// items. grad is filled with the gradient by the probability.
func BCEDice(probability, target, grad Tensor, o BCEDiceOptions) (float64, error) {
	return maskLoss(probabilityLoss(), probability, target, grad, o)
}

// BCEDiceLogits is BCEDice of sigmoid(logits), with the gradient by the
// logits: nothing is lost where the sigmoid saturates, and nothing is clamped.
func BCEDiceLogits(logits, target, grad Tensor, o BCEDiceOptions) (float64, error) {
	return maskLoss(logitLoss(), logits, target, grad, o)
}

// DeepSupervision is the weighted sum of one loss over several outputs, whose
// gradients it fills. nil weights count 1 each. perHead are the unweighted losses.
func DeepSupervision(outputs []Tensor, target Tensor, grads []Tensor, weights []float64,
	loss func(output, target, grad Tensor) (float64, error)) (total float64, perHead []float64, err error) {
	if len(grads) != len(outputs) || (weights != nil && len(weights) != len(outputs)) {
		return 0, nil, fmt.Errorf("deep supervision: %d outputs, %d gradients, %d weights", len(outputs), len(grads), len(weights))
	}
	for k := range outputs {
		head, err := loss(outputs[k], target, grads[k])
		if err != nil {
			return 0, nil, fmt.Errorf("deep supervision, output %d: %w", k, err)
		}
		perHead = append(perHead, head)
		weight := 1.0
		if weights != nil {
			weight = weights[k]
			for i := range grads[k].Data {
				grads[k].Data[i] *= float32(weight)
			}
		}
		total += weight * head
	}
	return total, perHead, nil
}

// pixelLoss is a cross entropy, and the probability that goes with it, of the
// pixels of an output x and their targets.
type pixelLoss struct {
	// sums adds up over pixels. It may leave something in grad for slopes.
	sums func(x, target, grad []float32) kernel.MaskSums
	// slopes fills grad.
	slopes func(x, target, grad []float32, s kernel.MaskSlope)
}

func probabilityLoss() pixelLoss {
	return pixelLoss{
		sums:   func(p, target, _ []float32) kernel.MaskSums { return kernel.ProbabilitySums(p, target) },
		slopes: kernel.ProbabilitySlopes,
	}
}

func logitLoss() pixelLoss { return pixelLoss{kernel.LogitSums, kernel.LogitSlopes} }

// mask is one item of one head, with its target and its gradient.
type mask struct {
	output, target, grad []float32
	sums                 kernel.MaskSums
	slope                kernel.MaskSlope
}

func maskLoss(f pixelLoss, output, target, grad Tensor, o BCEDiceOptions) (float64, error) {
	heads, err := masksOf(output, target, grad, o)
	if err != nil {
		return 0, fmt.Errorf("mask loss: %w", err)
	}
	all := slices.Concat(heads...)
	spans := spansOf(len(all), func(i int) int { return len(all[i].output) })
	sums := make([]kernel.MaskSums, len(spans))
	eachSpan(spans, func(i int, s span) {
		m := all[s.item]
		sums[i] = f.sums(m.output[s.from:s.to], m.target[s.from:s.to], m.grad[s.from:s.to])
	})
	for i, s := range spans {
		all[s.item].sums.Add(sums[i])
	}
	total := 0.0
	for k, items := range heads {
		weight := 1.0
		if o.HeadWeights != nil {
			weight = o.HeadWeights[k]
		}
		total += headLoss(items, weight, o.DicePerItem)
	}
	eachSpan(spans, func(_ int, s span) {
		m := all[s.item]
		f.slopes(m.output[s.from:s.to], m.target[s.from:s.to], m.grad[s.from:s.to], m.slope)
	})
	return total, nil
}

// headLoss is the loss of a head's items by their sums. It leaves with each how
// its gradient is made.
func headLoss(items []*mask, weight float64, dicePerItem bool) (loss float64) {
	n, pixels := float64(len(items)), float64(len(items)*len(items[0].output))
	diceShare := 1.0
	if dicePerItem {
		diceShare = 1 / n
	} else {
		shareSums(items)
	}
	for _, m := range items {
		area := m.sums.Both + diceEps
		dice := (2*m.sums.Overlap + diceEps) / area
		loss += weight * (m.sums.Entropy/pixels + (1-dice)/n)
		m.slope = kernel.MaskSlope{Entropy: weight / pixels, Overlap: weight * diceShare / area, Dice: dice}
	}
	return loss
}

// shareSums gives every item the overlap and the areas of the whole batch.
func shareSums(items []*mask) {
	var overlap, both float64
	for _, m := range items {
		overlap += m.sums.Overlap
		both += m.sums.Both
	}
	for _, m := range items {
		m.sums.Overlap, m.sums.Both = overlap, both
	}
}

// masksOf cuts the tensors into heads of items.
func masksOf(output, target, grad Tensor, o BCEDiceOptions) ([][]*mask, error) {
	s := output.Shape
	heads, shared := 1, false
	if len(s) == 4 {
		heads = s[1]
		shared = target.Shape.Equal(Shape{s[0], 1, s[2], s[3]})
	}
	if !grad.Shape.Equal(s) || !(shared || target.Shape.Equal(s)) || len(s) == 0 {
		return nil, fmt.Errorf("output %v, target %v and gradient %v do not fit each other", s, target.Shape, grad.Shape)
	}
	if err := checkLossData(output, target, grad); err != nil {
		return nil, err
	}
	if o.HeadWeights != nil && len(o.HeadWeights) != heads {
		return nil, fmt.Errorf("%d head weights for %d heads", len(o.HeadWeights), heads)
	}
	size := s.Elements() / s[0] / heads
	masks := make([][]*mask, heads)
	for k := range masks {
		masks[k] = make([]*mask, s[0])
		for n := range masks[k] {
			at := (n*heads + k) * size
			from := at
			if shared {
				from = n * size
			}
			masks[k][n] = &mask{output: output.Data[at : at+size], target: target.Data[from : from+size], grad: grad.Data[at : at+size]}
		}
	}
	return masks, nil
}
