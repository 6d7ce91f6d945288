package nn

import (
	"fmt"
	"math"
)

// CrossEntropyOptions vary the loss. The zero value is the plain one.
type CrossEntropyOptions struct {
	// Smoothing takes this share of each label and spreads it evenly over all
	// classes.
	Smoothing float64
	// ClassWeights multiply each class's term; nil: 1 each. As in PyTorch with
	// soft labels, the mean is over items, not over weights.
	ClassWeights []float64
}

// CrossEntropy is the mean over items of -sum(target * log(softmax(logits))).
// logits and target are [N C]; a target row holds the shares of the classes,
// which need not be 0 or 1. grad is filled with the gradient by the logits.
func CrossEntropy(logits, target, grad Tensor, o CrossEntropyOptions) (float64, error) {
	if len(logits.Shape) != 2 || !target.Shape.Equal(logits.Shape) || !grad.Shape.Equal(logits.Shape) {
		return 0, fmt.Errorf("cross entropy: logits %v, target %v and gradient %v are not one [N C]",
			logits.Shape, target.Shape, grad.Shape)
	}
	if err := checkLossData(logits, target, grad); err != nil {
		return 0, fmt.Errorf("cross entropy: %w", err)
	}
	items, classes := logits.Shape[0], logits.Shape[1]
	if o.ClassWeights != nil && len(o.ClassWeights) != classes {
		return 0, fmt.Errorf("cross entropy: %d class weights for %d classes", len(o.ClassWeights), classes)
	}
	if o.Smoothing < 0 || o.Smoothing > 1 {
		return 0, fmt.Errorf("cross entropy: label smoothing of %g is not a share", o.Smoothing)
	}
	loss := 0.0
	shares := make([]float64, classes)
	for n := range items {
		row := logits.Data[n*classes : (n+1)*classes]
		logSum := logSumExp(row)
		whole := 0.0
		for c, t := range target.Data[n*classes : (n+1)*classes] {
			shares[c] = float64(t)*(1-o.Smoothing) + o.Smoothing/float64(classes)
			if o.ClassWeights != nil {
				shares[c] *= o.ClassWeights[c]
			}
			whole += shares[c]
			loss -= shares[c] * (float64(row[c]) - logSum)
		}
		for c, x := range row {
			p := math.Exp(float64(x) - logSum)
			grad.Data[n*classes+c] = float32((p*whole - shares[c]) / float64(items))
		}
	}
	return loss / float64(items), nil
}

// logSumExp is log(sum(exp(x))) without overflow.
func logSumExp(x []float32) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

// checkLossData returns an error when there is nothing to take a mean of, or
// when data do not fit their shapes.
func checkLossData(tensors ...Tensor) error {
	for _, t := range tensors {
		if t.Shape.Elements() < 1 {
			return fmt.Errorf("shape %v holds no values", t.Shape)
		}
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}
