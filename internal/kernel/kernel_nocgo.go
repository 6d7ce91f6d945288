//go:build !cgo

package kernel

// SquareSum is the sum of the squares, in an order that the number of values
// alone decides.
func SquareSum(x []float32) float64 { return squareSum(x) }

// Scale multiplies each value.
func Scale(x []float32, factor float32) { scale(x, factor) }

// Move makes a step: it moves values, and the means of gradients and of their
// squares.
func (a Adam) Move(value, grad, mean, square []float32) { adamMove(value, grad, mean, square, a) }

// MoveTowards moves averages by a share of the way to values.
func MoveTowards(average, value []float32, share float64) { moveTowards(average, value, share) }

// LogitSums are the sums of the mask sigmoid(x). small gets exp(-|x|).
func LogitSums(x, target, small []float32) MaskSums { return logitSums(x, target, small) }

// LogitSlopes fills the gradient by x; grad holds the small of LogitSums before.
func LogitSlopes(x, target, grad []float32, s MaskSlope) { logitSlopes(x, target, grad, s) }

// ProbabilitySums are the sums of the mask p, its logarithms clamped at -100.
func ProbabilitySums(p, target []float32) MaskSums { return probabilitySums(p, target) }

// ProbabilitySlopes fills the gradient by p.
func ProbabilitySlopes(p, target, grad []float32, s MaskSlope) {
	probabilitySlopes(p, target, grad, s)
}
