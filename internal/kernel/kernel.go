package kernel

import "math"

// Adam is a step of Adam (Kingma and Ba, 2015) in PyTorch's form.
type Adam struct {
	Size         float64 // the rate, over what the mean still lacks
	Spread       float64 // the root of what the mean square still lacks
	Eps          float64
	Beta1, Beta2 float64
	Shrink       float64 // what is left of the values before the step
	Added        float64 // share of the values that the gradients get
}

// MaskSums are what the loss of a mask adds up over its pixels: the cross
// entropy, probability times target, and probability plus target.
type MaskSums struct{ Entropy, Overlap, Both float64 }

// Add adds what other pixels sum to.
func (s *MaskSums) Add(o MaskSums) {
	s.Entropy += o.Entropy
	s.Overlap += o.Overlap
	s.Both += o.Both
}

// MaskSlope says how a mask's gradient is made: Entropy times the slope of the
// cross entropy, less (2*target - Dice) times Overlap times that of the
// probability.
type MaskSlope struct{ Entropy, Overlap, Dice float64 }

const (
	lanes   = 16 // of a sum: value i is added in lane i % lanes
	block   = 512
	rounder = 0x1.8p52
)

// The twins of what is in kernel.c. Conversions to float64 keep each product
// rounded by itself on processors that could join it with a sum.

func squareSum(x []float32) float64 {
	var lane [lanes]float64
	for i, v := range x {
		lane[i%lanes] += float64(float64(v) * float64(v))
	}
	return sumOfLanes(lane)
}

func sumOf(x []float64) float64 {
	var lane [lanes]float64
	for i, v := range x {
		lane[i%lanes] += v
	}
	return sumOfLanes(lane)
}

func sumOfLanes(lane [lanes]float64) float64 {
	sum := 0.0
	for _, v := range lane {
		sum += v
	}
	return sum
}

func scale(x []float32, factor float32) {
	for i := range x {
		x[i] *= factor
	}
}

func adamMove(value, grad, mean, square []float32, a Adam) {
	overSpread := 1 / a.Spread
	for i := range value {
		v := float64(value[i]) * a.Shrink
		g := float64(grad[i]) + float64(a.Added*v)
		m := float64(mean[i]) + float64((1-a.Beta1)*(g-float64(mean[i])))
		s := float64(a.Beta2*float64(square[i])) + float64(float64((1-a.Beta2)*g)*g)
		mean[i], square[i] = float32(m), float32(s)
		value[i] = float32(v - float64(a.Size*m)/(float64(math.Sqrt(s)*overSpread)+a.Eps))
	}
}

func moveTowards(average, value []float32, share float64) {
	for i := range average {
		a := float64(average[i])
		average[i] = float32(a + float64(share*(float64(value[i])-a)))
	}
}

// expMinus is exp(-a) for a from 0 to 700: a power of two times a Taylor series.
func expMinus(a float64) float64 {
	shifted := float64(a*-0x1.71547652b82fep+0) + rounder // 1/ln 2
	n := shifted - rounder
	r := (-a - float64(n*0x1.62e42fee00000p-1)) - float64(n*0x1.a39ef35793c76p-33) // ln 2 in two parts
	p := 1.0 / 6227020800
	for _, c := range [...]float64{
		1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
		1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1,
	} {
		p = float64(p*r) + c
	}
	return p * math.Float64frombits((math.Float64bits(shifted)+1023)<<52)
}

// logOf is log(x) of a normal number above 0: the exponent, and twice the
// series of artanh((m-1)/(m+1)) for the m from sqrt(1/2) to sqrt(2) that is left.
func logOf(x float64) float64 {
	bits := math.Float64bits(x)
	exponent := (bits - 0x3fe6a09e667f3bcd + 1024<<52) >> 52 // plus 1024
	m := math.Float64frombits(bits - (exponent-1024)<<52)
	n := math.Float64frombits(exponent+0x4330000000000000) - (0x1p52 + 1024)
	t := (m - 1) / (m + 1)
	q := t * t
	p := 1.0 / 23
	for _, c := range [...]float64{1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1} {
		p = float64(p*q) + c
	}
	return float64(n*0x1.62e42fefa39efp-1) + float64(2*t*p)
}

// sigmoid is that of x, given exp(-|x|).
func sigmoid(x, small float64) float64 {
	if x < 0 {
		return small / (1 + small)
	}
	return 1 / (1 + small)
}

// maskSums adds up what pixel makes of each value.
func maskSums(x, target []float32, pixel func(i int, x, y float64) (entropy, p float64)) MaskSums {
	var total MaskSums
	var entropy, overlap, both [block]float64
	for from := 0; from < len(x); from += block {
		size := min(block, len(x)-from)
		for i := range size {
			y := float64(target[from+i])
			e, p := pixel(from+i, float64(x[from+i]), y)
			entropy[i], overlap[i], both[i] = e, p*y, p+y
		}
		total.Add(MaskSums{sumOf(entropy[:size]), sumOf(overlap[:size]), sumOf(both[:size])})
	}
	return total
}

func logitSums(x, target, small []float32) MaskSums {
	return maskSums(x, target, func(i int, x, y float64) (entropy, p float64) {
		a := math.Abs(x)
		if a > 700 {
			a = 700
		}
		s := expMinus(a)
		small[i] = float32(s)
		above := x
		if x < 0 {
			above = 0
		}
		return (above - float64(x*y)) + logOf(1+s), sigmoid(x, s)
	})
}

func logitSlopes(x, target, grad []float32, s MaskSlope) {
	for i := range x {
		y := float64(target[i])
		p := sigmoid(float64(x[i]), float64(grad[i]))
		grad[i] = float32(float64(s.Entropy*(p-y)) - float64(float64(float64(2*y-s.Dice)*s.Overlap)*float64(p*(1-p))))
	}
}

func clampedLog(x float64) float64 {
	if x < 0x1p-200 {
		x = 0x1p-200
	}
	l := logOf(x)
	if l < -100 {
		l = -100
	}
	return l
}

func probabilitySums(p, target []float32) MaskSums {
	return maskSums(p, target, func(_ int, p, y float64) (entropy, q float64) {
		return -float64((1-y)*clampedLog(1-p)) - float64(y*clampedLog(p)), p
	})
}

func probabilitySlopes(x, target, grad []float32, s MaskSlope) {
	for i := range x {
		p, y := float64(x[i]), float64(target[i])
		spread := float64(p * (1 - p))
		if spread < 1e-12 { // the bound is PyTorch's
			spread = 1e-12
		}
		grad[i] = float32(float64(s.Entropy*((p-y)/spread)) - float64((float64(2*y)-s.Dice)*s.Overlap))
	}
}
