package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Bootstrap says how intervals are made: whole groups (patients, runs of
// neighbouring slices) are drawn with replacement, and the 2.5th and 97.5th
// percentile of the metric over the draws are its 95 % interval (Efron and
// Tibshirani, An Introduction to the Bootstrap, 1993, sections 8 and 13).
// Drawing slices instead of groups would make the interval far too narrow, as
// the slices of a patient are alike.
type Bootstrap struct {
	Resamples int    // 2000 if zero, no intervals if negative
	Seed      uint64 // the same seed and cases give the same intervals
}

// Interval is the lower and upper end of a 95 % interval.
type Interval [2]float64

// BootstrapRecord states in the result how its intervals were made.
type BootstrapRecord struct {
	Resamples int    `json:"resamples"`
	Seed      uint64 `json:"seed"`
	Groups    int    `json:"groups"` // groups drawn from; cases without a group count as one each
}

func (b Bootstrap) resamples() int {
	if b.Resamples == 0 {
		return 2000
	}
	return max(b.Resamples, 0)
}

// intervals draws groups and calls statistic with the number of times that each
// case counts in a draw. Metrics that are absent from a draw are left out of
// their own percentiles; a metric absent from more than half gets no interval.
func (b Bootstrap) intervals(groups []string, statistic func(times []float64) map[string]float64) (map[string]Interval, *BootstrapRecord) {
	member, count := units(groups)
	n := b.resamples()
	if n == 0 || count < 2 {
		return nil, nil
	}
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	drawn := make([]float64, count)
	times := make([]float64, len(groups))
	values := map[string][]float64{}
	for range n {
		clear(drawn)
		for range count {
			drawn[rng.IntN(count)]++
		}
		for i, unit := range member {
			times[i] = drawn[unit]
		}
		for name, v := range statistic(times) {
			values[name] = append(values[name], v)
		}
	}
	out := map[string]Interval{}
	for name, v := range values {
		if 2*len(v) < n {
			continue
		}
		slices.Sort(v)
		out[name] = Interval{percentile(v, 0.025), percentile(v, 0.975)}
	}
	return out, &BootstrapRecord{Resamples: n, Seed: b.Seed, Groups: count}
}

// units numbers the groups and says which one each case belongs to. A case with
// an empty group is a group of its own.
func units(groups []string) (member []int, count int) {
	number := map[string]int{}
	member = make([]int, len(groups))
	for i, g := range groups {
		unit, known := number[g]
		if g == "" || !known {
			unit = count
			count++
			number[g] = unit
		}
		member[i] = unit
	}
	return member, count
}

// percentile interpolates linearly between the neighbours in a sorted list.
func percentile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
