package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// fewestRuns are enough for a median and a look at the spread.
const fewestRuns = 7

// spread above which times are not to be relied on: the distance of the tenth
// and the ninetieth percentile by the median.
const largeSpread = 0.2

// repeat calls run twice to warm up and then for a while, and returns what each
// call took.
func repeat(ctx context.Context, forTime time.Duration, run func() error) ([]time.Duration, error) {
	const warmUps = 2
	var took []time.Duration
	begin := time.Now()
	for len(took) < warmUps+fewestRuns || time.Since(begin) < forTime {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		if len(took) == warmUps {
			begin = time.Now()
		}
	}
	return took[warmUps:], nil
}

// percentile is a value of sorted times below which a share of them lie, in a
// line between neighbours, as NumPy's default has it.
func percentile(sorted []time.Duration, share float64) time.Duration {
	at := share * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	gap := float64(sorted[below+1] - sorted[below])
	return sorted[below] + time.Duration(math.Round((at-float64(below))*gap))
}

// setTimes writes the times of runs of a batch.
func (f *benchFigures) setTimes(took []time.Duration) {
	slices.Sort(took)
	a := func(share float64) float64 { return milliseconds(percentile(took, share)) }
	slice := func(ms float64) float64 { return round(ms/float64(f.Batch*max(f.Workers, 1)), 4) }
	f.Runs, f.MedianRunMS = len(took), a(0.5)
	f.MedianMS, f.Tenth, f.Ninetieth, f.FastestMS = slice(a(0.5)), slice(a(0.1)), slice(a(0.9)), slice(a(0))
	if f.MedianRunMS > 0 {
		f.GFLOPS = round(float64(f.Operations)/f.MedianRunMS/1e6, 2)
	}
}

// unsteady says that other programs were at work, if it looks so.
func (f *benchFigures) unsteady() string {
	spread := (f.Ninetieth - f.Tenth) / f.MedianMS
	if !(spread > largeSpread) {
		return ""
	}
	return fmt.Sprintf("the times spread by %.0f %% of their median: other programs may be using the processor", 100*spread)
}

func milliseconds(d time.Duration) float64 {
	return round(float64(d)/float64(time.Millisecond), 4)
}

// round keeps so many digits behind the point.
func round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}
