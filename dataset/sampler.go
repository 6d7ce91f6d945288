package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// sampler draws pictures for batches: of each source as many as its PerBatch,
// in the order of the sources. Each source goes through rounds of as many
// draws as it has pictures; a round's order depends on the seed and the
// round's number alone.
type sampler struct {
	seed    uint64
	sources []drawn
}

// drawn is one source's pictures, by their places in the store.
type drawn struct {
	perBatch int
	places   []int
	weights  []float64 // expected draws in a round: their sum is len(places)
}

func newSampler(st *Store, sources []Source, seed uint64) (*sampler, error) {
	s := &sampler{seed: seed}
	for _, src := range sources {
		if src.PerBatch == 0 {
			continue
		}
		d := drawn{perBatch: src.PerBatch}
		for i, p := range st.Pictures {
			if p.Item.Source == src.Name {
				d.places = append(d.places, i)
			}
		}
		if len(d.places) == 0 {
			return nil, fmt.Errorf("source %q has no pictures to train on", src.Name)
		}
		d.weigh(st, src)
		s.sources = append(s.sources, d)
	}
	if len(s.sources) == 0 {
		return nil, fmt.Errorf("no source has a per_batch above 0")
	}
	return s, nil
}

// weigh spreads a round's draws: each picture by its group's size to the power
// of -Balance, and equally over the classes when asked for.
func (d *drawn) weigh(st *Store, src Source) {
	size := map[string]int{}
	for _, i := range d.places {
		size[st.Pictures[i].Item.Group]++
	}
	d.weights = make([]float64, len(d.places))
	sums := map[int]float64{}
	class := func(i int) int {
		if src.Classes {
			return st.Pictures[i].Item.Label
		}
		return 0
	}
	for k, i := range d.places {
		d.weights[k] = math.Pow(float64(size[st.Pictures[i].Item.Group]), -src.Balance)
		sums[class(i)] += d.weights[k]
	}
	for k, i := range d.places {
		d.weights[k] *= float64(len(d.places)) / float64(len(sums)) / sums[class(i)]
	}
}

// batchSize is the number of pictures in a batch.
func (s *sampler) batchSize() int {
	n := 0
	for _, d := range s.sources {
		n += d.perBatch
	}
	return n
}

// batch fills places with the store's places of a step's pictures.
func (s *sampler) batch(step int, places []int) []int {
	places = places[:0]
	for k, d := range s.sources {
		round, order := -1, []int(nil)
		for j := range d.perBatch {
			draw := step*d.perBatch + j
			if r := draw / len(d.places); r != round {
				round, order = r, d.round(newRand(s.seed, uint64(k), uint64(r)))
			}
			places = append(places, order[draw%len(d.places)])
		}
	}
	return places
}

// round draws one round: systematic sampling, so that each picture comes as
// often as its weight says, give or take one, then a shuffle.
func (d *drawn) round(rng *rand.Rand) []int {
	order := make([]int, 0, len(d.places))
	u, sum := rng.Float64(), 0.0
	for k, w := range d.weights {
		sum += w
		for len(order) < len(d.places) && float64(len(order))+u < sum {
			order = append(order, d.places[k])
		}
	}
	for len(order) < len(d.places) { // the last sum may miss a whole number by rounding
		order = append(order, d.places[len(d.places)-1])
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}
