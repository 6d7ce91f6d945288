package nn

import "math"

// Schedule gives the learning rate of a step, counted from 0.
type Schedule func(step int) float64

// Constant is always base.
func Constant(base float64) Schedule {
	return func(int) float64 { return base }
}

// Poly falls from base to 0 as (1 - step/steps)^power; 0.9 is usual.
func Poly(base float64, steps int, power float64) Schedule {
	return func(step int) float64 {
		return base * math.Pow(1-progress(step, steps), power)
	}
}

// Cosine falls from base to final along half a cosine.
func Cosine(base, final float64, steps int) Schedule {
	return func(step int) float64 {
		return final + (base-final)*(1+math.Cos(math.Pi*progress(step, steps)))/2
	}
}

// WarmUp multiplies the first steps of a schedule by factors that rise in a
// line from near the share from to 1, which the last of them has.
func WarmUp(s Schedule, steps int, from float64) Schedule {
	return func(step int) float64 {
		if step >= steps {
			return s(step)
		}
		return s(step) * (from + (1-from)*float64(step+1)/float64(steps))
	}
}

// PublishedPoly is the schedule of the published training as it stands: poly
// of power 0.9, and 200 steps of warm-up from a tenth of base that hold in the
// first epoch only. An epoch shorter than that ends it early, and the rate
// jumps: with 79 batches from 1.1e-5 to 2.5e-5 of 2.5e-5. [WarmUp] of [Poly]
// does what was meant.
func PublishedPoly(base float64, epochs, batches int) Schedule {
	poly := Poly(base, epochs*batches, 0.9)
	warm := WarmUp(Constant(base), 200, 0.1)
	return func(step int) float64 {
		if step < min(batches, 200) {
			return warm(step)
		}
		return poly(step)
	}
}

// progress is the share of the steps that lie behind, at most 1.
func progress(step, steps int) float64 {
	if step >= steps {
		return 1
	}
	return float64(step) / float64(steps)
}
