package nn

import (
	"context"
	"fmt"
	"time"
)

// Limits are the most useful multiplications and additions a second that the
// processor does in convolutions that suit it, by arithmetic. 0: the library
// has no kernel of that kind for this processor, or the build no library.
type Limits struct {
	Float32         float64 // directly
	Winograd        float64 // in float32, counted as the direct operations that it stands for
	BFloat16        float64 // directly
	RoundedWinograd float64 // Winograd with products of bfloat16
	Int8            float64
}

// MeasureLimits times large convolutions on so many threads, 0 for all
// processors, each arithmetic for about as long as is given; a second does
// well. What else the machine does makes the limits lower than they are.
func MeasureLimits(ctx context.Context, threads int, each time.Duration) (Limits, error) {
	l, err := measureLimits(ctx, threads, each)
	if err != nil {
		return Limits{}, fmt.Errorf("measuring the processor's limits: %w", err)
	}
	return l, nil
}
