package dataset

import "math/rand/v2"

// newRand is a generator that depends on a seed and a place (a step and a slot
// in its batch, say) alone, so that an order can be taken up anywhere.
func newRand(seed uint64, place ...uint64) *rand.Rand {
	a, b := mix(seed), mix(^seed)
	for _, p := range place {
		a, b = mix(a^p), mix(b+p)
	}
	return rand.New(rand.NewPCG(a, b))
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
