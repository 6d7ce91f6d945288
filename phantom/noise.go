package phantom

import (
	"math"
	"math/rand/v2"
)

// kernel is a Gaussian over pixels, from its middle on, and mirrored.
type kernel []float32

// gaussian returns the kernel of a standard deviation in pixels.
func gaussian(sigma float64) kernel {
	if sigma < 0.05 {
		return kernel{1}
	}
	k := make(kernel, 1+min(64, int(math.Ceil(3*sigma))))
	sum := 0.0
	for i := range k {
		v := math.Exp(-0.5 * float64(i*i) / (sigma * sigma))
		k[i] = float32(v)
		sum += v
		if i > 0 {
			sum += v
		}
	}
	for i := range k {
		k[i] = float32(float64(k[i]) / sum)
	}
	return k
}

// gain is the standard deviation that is left of white noise.
func (k kernel) gain() float64 {
	sum := float64(k[0] * k[0])
	for _, v := range k[1:] {
		sum += 2 * float64(v*v)
	}
	return math.Sqrt(sum)
}

// line convolves n values that lie step apart; the ends repeat.
func (k kernel) line(dst, src []float32, n, step int) {
	if len(k) == 1 {
		for i := range n {
			dst[i*step] = src[i*step]
		}
		return
	}
	for i := range n {
		sum := k[0] * src[i*step]
		for j := 1; j < len(k); j++ {
			sum += k[j] * (src[max(0, i-j)*step] + src[min(n-1, i+j)*step])
		}
		dst[i*step] = sum
	}
}

// smooth convolves a section by a kernel in each direction. scratch is as long
// as v.
func smooth(v, scratch []float32, columns, rows int, across, down kernel) {
	if len(across) == 1 && len(down) == 1 {
		return
	}
	for r := range rows {
		across.line(scratch[r*columns:], v[r*columns:], columns, 1)
	}
	// Rows are added up whole, which is kinder to the cache than columns.
	for r := range rows {
		out := v[r*columns:][:columns]
		for i, x := range scratch[r*columns:][:columns] {
			out[i] = down[0] * x
		}
		for j := 1; j < len(down); j++ {
			above, below := scratch[max(0, r-j)*columns:][:columns], scratch[min(rows-1, r+j)*columns:][:columns]
			for i := range out {
				out[i] += down[j] * (above[i] + below[i])
			}
		}
	}
}

// scanner is what a section's values go through: point spread and noise.
type scanner struct {
	blur, grain, tissue [2]kernel
	noiseHU             float64
}

// tissueMM is the grain of what is too fine in the lungs to be drawn.
const tissueMM = 1.6

func newScanner(c Config) scanner {
	of := func(mm float64) [2]kernel {
		return [2]kernel{gaussian(mm / c.PixelMM[0]), gaussian(mm / c.PixelMM[1])}
	}
	return scanner{of(c.BlurMM), of(c.GrainMM), of(tissueMM), c.NoiseHU}
}

// addNoise adds the grain of a scanner and, in the lungs, the soft unevenness
// of their tissue.
func (sc scanner) addNoise(s *section, rng *rand.Rand) {
	if sc.noiseHU == 0 {
		return
	}
	n := len(s.hu)
	grain, scratch := make([]float32, n), make([]float32, n)
	for _, layer := range []struct {
		k     [2]kernel
		sigma float64
		lungs bool
	}{{sc.grain, sc.noiseHU, false}, {sc.tissue, 1.1 * sc.noiseHU, true}} {
		sigma := layer.sigma / (layer.k[0].gain() * layer.k[1].gain())
		for i := range grain {
			grain[i] = float32(rng.NormFloat64() * sigma)
		}
		smooth(grain, scratch, s.columns, s.rows, layer.k[0], layer.k[1])
		for i, g := range grain {
			if !layer.lungs || s.lung[i] != 0 {
				s.hu[i] += g
			}
		}
	}
}
