package nn

import (
	"fmt"
	"math"
	"runtime"
	"sync"
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

// pixelLoss is the cross entropy of one value x of the output and its target y.
type pixelLoss struct {
	// value returns the cross entropy and the probability.
	value func(x, y float64) (bce, p float64)
	// slope returns the derivatives of both by x.
	slope func(x, y float64) (bce, p float64)
}

func probabilityLoss() pixelLoss {
	return pixelLoss{
		value: func(p, y float64) (float64, float64) {
			bce := 0.0
			if y < 1 {
				bce -= (1 - y) * max(math.Log(1-p), -100)
			}
			if y > 0 {
				bce -= y * max(math.Log(p), -100)
			}
			return bce, p
		},
		slope: func(p, y float64) (float64, float64) {
			return (p - y) / max(p*(1-p), 1e-12), 1 // the bound is PyTorch's
		},
	}
}

func logitLoss() pixelLoss {
	return pixelLoss{
		value: func(x, y float64) (float64, float64) {
			small := math.Exp(-math.Abs(x)) // cannot overflow
			p := 1 / (1 + small)
			if x < 0 {
				p = small / (1 + small)
			}
			return max(x, 0) - x*y + math.Log1p(small), p
		},
		slope: func(x, y float64) (float64, float64) {
			p := Sigmoid.at(x)
			return p - y, p * (1 - p)
		},
	}
}

// mask is one item of one head, with its target and its gradient.
type mask struct {
	output, target, grad  []float32
	bce, overlap, sumBoth float64
}

func maskLoss(f pixelLoss, output, target, grad Tensor, o BCEDiceOptions) (float64, error) {
	heads, err := masksOf(output, target, grad, o)
	if err != nil {
		return 0, fmt.Errorf("mask loss: %w", err)
	}
	total := 0.0
	for k, items := range heads {
		weight := 1.0
		if o.HeadWeights != nil {
			weight = o.HeadWeights[k]
		}
		eachMask(items, func(m *mask) { m.sums(f) })
		pixels := float64(len(items) * len(items[0].output))
		diceShare := 1.0
		if o.DicePerItem {
			diceShare = 1 / float64(len(items))
		} else {
			shareSums(items)
		}
		for _, m := range items {
			total += weight * (m.bce/pixels + (1-m.dice())/float64(len(items)))
		}
		eachMask(items, func(m *mask) { m.gradient(f, weight, 1/pixels, diceShare) })
	}
	return total, nil
}

// shareSums gives every item the overlap and the areas of the whole batch.
func shareSums(items []mask) {
	var overlap, both float64
	for _, m := range items {
		overlap += m.overlap
		both += m.sumBoth
	}
	for i := range items {
		items[i].overlap, items[i].sumBoth = overlap, both
	}
}

func (m *mask) sums(f pixelLoss) {
	for i, x := range m.output {
		y := float64(m.target[i])
		bce, p := f.value(float64(x), y)
		m.bce += bce
		m.overlap += p * y
		m.sumBoth += p + y
	}
}

func (m *mask) dice() float64 { return (2*m.overlap + diceEps) / (m.sumBoth + diceEps) }

// gradient fills the item's gradient: the cross entropy counts bceShare for
// each pixel, Dice diceShare.
func (m *mask) gradient(f pixelLoss, weight, bceShare, diceShare float64) {
	area, dice := m.sumBoth+diceEps, m.dice()
	for i, x := range m.output {
		y := float64(m.target[i])
		slope, dp := f.slope(float64(x), y)
		m.grad[i] = float32(weight * (bceShare*slope - diceShare*(2*y-dice)/area*dp))
	}
}

// masksOf cuts the tensors into heads of items.
func masksOf(output, target, grad Tensor, o BCEDiceOptions) ([][]mask, error) {
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
	masks := make([][]mask, heads)
	for k := range masks {
		masks[k] = make([]mask, s[0])
		for n := range masks[k] {
			at := (n*heads + k) * size
			from := at
			if shared {
				from = n * size
			}
			masks[k][n] = mask{output: output.Data[at : at+size], target: target.Data[from : from+size], grad: grad.Data[at : at+size]}
		}
	}
	return masks, nil
}

// eachMask calls f for each item, spread over the processors.
func eachMask(items []mask, f func(*mask)) {
	workers := min(len(items), runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(items); i += workers {
				f(&items[i])
			}
		})
	}
	wg.Wait()
}
