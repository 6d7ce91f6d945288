package phantom

import "math/rand/v2"

// blur smooths a slice by passes of a box of 2*radius+1 pixels, which come near
// a Gaussian; edges repeat. scratch is of the same length.
func blur(v, scratch []float32, columns, rows, radius, passes int) {
	for range passes {
		for r := range rows {
			boxLine(scratch[r*columns:], v[r*columns:], columns, 1, radius)
		}
		for c := range columns {
			boxLine(v[c:], scratch[c:], rows, columns, radius)
		}
	}
}

// boxLine writes the running mean of n values that lie step apart.
func boxLine(dst, src []float32, n, step, radius int) {
	at := func(i int) float64 { return float64(src[max(0, min(i, n-1))*step]) }
	sum := 0.0
	for i := -radius; i <= radius; i++ {
		sum += at(i)
	}
	for i := range n {
		dst[i*step] = float32(sum / float64(2*radius+1))
		sum += at(i+radius+1) - at(i-radius)
	}
}

// soften is the scanner's point spread: a 3x3 binomial kernel.
func soften(v, scratch []float32, columns, rows int) {
	line := func(dst, src []float32, n, step int) {
		for i := range n {
			a, b := src[max(0, i-1)*step], src[min(n-1, i+1)*step]
			dst[i*step] = 0.25*a + 0.5*src[i*step] + 0.25*b
		}
	}
	for r := range rows {
		line(scratch[r*columns:], v[r*columns:], columns, 1)
	}
	for c := range columns {
		line(v[c:], scratch[c:], rows, columns)
	}
}

// binomialGain is the standard deviation that soften leaves of white noise.
const binomialGain = 0.375

// addNoise adds the grain of a scanner and, in the lungs, the soft unevenness
// of tissue that is too fine to be resolved. sigma is in HU.
func addNoise(p *plane, sigma float64, rng *rand.Rand) {
	if sigma == 0 {
		return
	}
	n := len(p.hu)
	grain, scratch := make([]float32, n), make([]float32, n)
	for i := range grain {
		grain[i] = float32(rng.NormFloat64() * sigma / binomialGain)
	}
	soften(grain, scratch, p.columns, p.rows)
	for i, g := range grain {
		p.hu[i] += g
	}
	radius := max(1, int(3/p.pixel))
	for i := range grain {
		grain[i] = float32(rng.NormFloat64() * 1.3 * sigma * float64(radius))
	}
	blur(grain, scratch, p.columns, p.rows, radius, 2)
	for i, g := range grain {
		if p.lung[i] != 0 {
			p.hu[i] += g
		}
	}
}
