package nn

import (
	"context"
	"errors"
	"testing"
)

func TestLimitsAreThoseOfAProcessor(t *testing.T) {
	l, err := MeasureLimits(context.Background(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !haveOneDNN {
		if l != (Limits{}) {
			t.Errorf("without oneDNN the limits are %+v", l)
		}
		return
	}
	t.Logf("%+v", l)
	// One core does between 0.1 and 10 thousand million operations a clock of a
	// thousand million: nothing else is measured here, nor in other units.
	for name, rate := range map[string]float64{"f32": l.Float32, "Winograd": l.Winograd, "bf16": l.BFloat16, "int8": l.Int8} {
		if name == "f32" && rate == 0 || rate != 0 && (rate < 1e8 || rate > 1e14) {
			t.Errorf("the limit of %s is %g operations a second", name, rate)
		}
	}
}

func TestMeasuringLimitsCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := MeasureLimits(ctx, 1, 0); haveOneDNN && !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}
