package dataset

import (
	"math"
	"math/rand/v2"
)

// Mixing blends pictures of a batch, and their labels by the same weight, as
// mixup does (Zhang and others, 2018) and the published classifier's training.
type Mixing struct {
	Chance float64 `toml:"chance"` // share of the batches that are mixed
	Alpha  float64 `toml:"alpha"`  // of the symmetric beta distribution of the weight
}

// Draw gives what step step mixes: item i of n becomes share of itself and
// 1-share of item partner[i]. A nil partner leaves the batch as it is.
func (m Mixing) Draw(seed uint64, step, n int) (share float64, partner []int) {
	rng := newRand(seed, 2<<32, uint64(step))
	if !chance(rng, m.Chance) || m.Alpha <= 0 {
		return 1, nil
	}
	share = beta(rng, m.Alpha)
	return share, rng.Perm(n)
}

// beta draws from the symmetric beta distribution by Jöhnk's method, which
// suits the small alphas that mixing takes.
func beta(rng *rand.Rand, alpha float64) float64 {
	for {
		x, y := math.Pow(rng.Float64(), 1/alpha), math.Pow(rng.Float64(), 1/alpha)
		if s := x + y; s > 0 && s <= 1 {
			return x / s
		}
	}
}
