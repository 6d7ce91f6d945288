package winograd

import (
	"math"
	"testing"
)

// lossAt is what a tile of m outputs at some points and infinity loses by rounding
// what is multiplied, by what a direct convolution with three weights loses: the
// ratio of the variances in one axis, and of the spreads in two. Neighbouring
// inputs go with each other by rho. The transforms are those of Cook and Toom:
// of inputs, what is left of the product over all points without one's own
// factor; of weights, their polynomial at the point by the product of its
// distances; of outputs, the powers of the point.
func lossAt(m int, points []float64, rho float64) float64 {
	n := m + 2
	polynomial := func(without int) []float64 {
		p := []float64{1}
		for i, at := range points {
			if i == without {
				continue
			}
			next := make([]float64, len(p)+1)
			for k, c := range p {
				next[k] -= at * c
				next[k+1] += c
			}
			p = next
		}
		return p
	}
	total := 0.0
	for e := range n {
		finite := e < len(points)
		var input []float64
		weights, outputs := 1.0, 1.0 // sums of squares; at infinity the last weight and the last output
		if finite {
			input = polynomial(e)
			distances := 1.0
			for i, at := range points {
				if i != e {
					distances *= points[e] - at
				}
			}
			x2 := points[e] * points[e]
			weights = (1 + x2 + x2*x2) / (distances * distances)
			outputs = 0
			for k := range m {
				outputs += math.Pow(x2, float64(k))
			}
		} else {
			input = polynomial(-1)
		}
		variance := 0.0
		for i, a := range input {
			for j, b := range input {
				variance += a * b * math.Pow(rho, math.Abs(float64(i-j)))
			}
		}
		total += outputs * weights * variance
	}
	return total / float64(m) / 3
}

// The figures of docs/decisions/0008-winograd-in-bfloat16.md.
func TestThePointsOfSmallTilesLoseLessThanHalfOfTheUsualOnes(t *testing.T) {
	for _, c := range []struct {
		name      string
		m         int
		points    []float64
		far, near float64 // with rho of 0 and of 0.9
	}{
		{"tiles of 2", 2, []float64{0, 1, -1}, 1.7, 1.1},
		{"tiles of 4, usual", 4, []float64{0, 1, -1, 2, -2}, 10.8, 2.8},
		{"tiles of 4, ours", 4, []float64{0, 5. / 8, -5. / 8, 3. / 2, -3. / 2}, 4.8, 1.7},
		{"tiles of 6", 6, []float64{0, 1, -1, 2, -2, 0.5, -0.5}, 20.6, 4.1},
	} {
		far, near := lossAt(c.m, c.points, 0), lossAt(c.m, c.points, 0.9)
		if math.Abs(far-c.far) > 0.06 || math.Abs(near-c.near) > 0.06 {
			t.Errorf("%s lose %.2f and %.2f, not %.1f and %.1f", c.name, far, near, c.far, c.near)
		}
	}
	least, at := math.Inf(1), [2]float64{}
	for a := 2; a < 64; a++ {
		for b := a + 1; b <= 64; b++ {
			x, y := float64(a)/16, float64(b)/16
			if l := lossAt(4, []float64{0, x, -x, y, -y}, 0); l < least {
				least, at = l, [2]float64{x, y}
			}
		}
	}
	if ours := lossAt(4, []float64{0, 0.625, -0.625, 1.5, -1.5}, 0); ours > 1.001*least {
		t.Errorf("ours lose %.3f, %v lose %.3f", ours, at, least)
	}
}
