package nn

import (
	"math"
	"testing"
)

func TestSchedulesByHand(t *testing.T) {
	for name, c := range map[string]struct {
		schedule Schedule
		step     int
		want     float64
	}{
		"constant is constant":               {Constant(3), 1000, 3},
		"poly begins at its base":            {Poly(2, 100, 0.9), 0, 2},
		"poly of power 1 is a line":          {Poly(2, 100, 1), 25, 1.5},
		"poly of power 2 bends":              {Poly(2, 100, 2), 50, 0.5},
		"poly ends at nothing":               {Poly(2, 100, 0.9), 100, 0},
		"poly stays at nothing":              {Poly(2, 100, 0.9), 1000, 0},
		"cosine begins at its base":          {Cosine(2, 0.5, 100), 0, 2},
		"cosine is halfway in the middle":    {Cosine(2, 0.5, 100), 50, 1.25},
		"cosine ends at its end":             {Cosine(2, 0.5, 100), 100, 0.5},
		"cosine stays at its end":            {Cosine(2, 0.5, 100), 200, 0.5},
		"warm-up begins above its share":     {WarmUp(Constant(1), 10, 0.1), 0, 0.19},
		"warm-up ends at the schedule":       {WarmUp(Constant(1), 10, 0.1), 9, 1},
		"warm-up leaves the rest alone":      {WarmUp(Poly(1, 100, 1), 10, 0), 50, 0.5},
		"warm-up multiplies the schedule":    {WarmUp(Poly(1, 100, 1), 100, 0), 49, 0.255},
		"a warm-up of nothing does nothing":  {WarmUp(Constant(1), 0, 0.1), 0, 1},
		"a schedule of no steps is finished": {Cosine(2, 0.5, 0), 0, 0.5},
		"the published warm-up jumps":        {PublishedPoly(1, 60, 79), 79, math.Pow(1-1.0/60, 0.9)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.schedule(c.step); math.Abs(got-c.want) > 1e-12 {
				t.Errorf("rate %g, want %g", got, c.want)
			}
		})
	}
}

func TestAWarmUpDoesNotJump(t *testing.T) {
	rate := WarmUp(Poly(1, 60*79, 0.9), 200, 0.1)
	for step := range 1000 {
		if d := math.Abs(rate(step+1) - rate(step)); d > 0.9/200+1e-9 {
			t.Fatalf("rate moves by %g at step %d", d, step)
		}
	}
}
