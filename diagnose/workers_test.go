package diagnose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jcs-ct/jcs/network"
)

// varied gives the classifier an answer that differs from slice to slice.
func varied(t *testing.T) Models {
	t.Helper()
	m := models(t, 1)
	w, err := m.Classifier.Plan.Initial(3)
	if err != nil {
		t.Fatal(err)
	}
	m.Classifier.Weights = w
	return m
}

// asJSON is a diagnosis without what no two runs have in common.
func asJSON(t *testing.T, r *Result) string {
	t.Helper()
	r.Diagnosis.TimingMS = nil
	text, err := json.Marshal(r.Diagnosis)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestResultsDoNotDependOnWorkersAndBatches(t *testing.T) {
	m := varied(t)
	var want string
	for _, c := range []struct{ workers, threads, batch int }{{1, 1, 1}, {1, 2, 1}, {2, 2, 1}, {3, 3, 1}, {2, 2, 5}, {1, 1, 64}} {
		o := DefaultOptions()
		o.Engine = network.Options{Precision: network.Exact, Threads: c.threads, Batch: c.batch}
		o.Workers, o.Segment = c.workers, SegmentAll
		r := run(t, chest(), m, o)
		got := asJSON(t, r) + fmt.Sprint(r.Masks)
		for i, k := range r.Maps {
			if k != nil {
				got += fmt.Sprint(i, k.levels)
			}
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%d workers of %d threads, batches of %d: another diagnosis", c.workers, c.threads, c.batch)
		}
	}
}

func TestProgressCountsEverySliceOnce(t *testing.T) {
	o := DefaultOptions()
	o.Workers, o.Engine.Threads, o.Engine.Batch = 3, 3, 5
	last := map[Stage]int{}
	inside := atomic.Int32{}
	o.Progress = func(stage Stage, done, total int) {
		if inside.Add(1) != 1 {
			t.Error("told from two goroutines at once")
		}
		defer inside.Add(-1)
		if done < last[stage] || done > total {
			t.Errorf("%s: %d of %d after %d", stage, done, total, last[stage])
		}
		last[stage] = done
	}
	run(t, chest(), models(t, 1), o)
	if last[StageLungs] != 20 || last[StageClassify] != 20 || last[StageSegment] != 12 {
		t.Errorf("told of %v", last)
	}
}

// A failure in one worker ends the others, and what was compiled is freed.
func TestAWorkersFailureIsTheRuns(t *testing.T) {
	m := models(t, 1)
	for i := range m.Classifier.Weights["fc.weight"].Data {
		m.Classifier.Weights["fc.weight"].Data[i] = float32(nan())
	}
	o := DefaultOptions()
	o.Workers, o.Engine.Threads = 2, 2
	if _, err := Run(context.Background(), chest(), m, o); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	m = models(t, 1)
	delete(m.Segmenter.Weights, "cls1.bias")
	if _, err := Run(context.Background(), chest(), m, o); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestEnginesAreNotMoreThanSlicesAndShareTheThreads(t *testing.T) {
	for _, c := range []struct{ workers, threads, slices, want int }{
		{0, 1, 300, 1}, {0, 2, 300, 2}, {0, 16, 300, 4}, {0, 16, 1, 1}, {0, 2, 7, 1}, {0, 2, 8, 2}, {8, 2, 300, 8}, {8, 2, 3, 3}, {1, 8, 300, 1},
	} {
		o := Options{Workers: c.workers}
		o.Engine.Threads = c.threads
		if got := o.workers(c.slices); got != c.want {
			t.Errorf("%+v: %d engines", c, got)
		}
	}
	w, err := newWorkers(3, network.Options{Threads: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if a, b, c := w.options[0].Threads, w.options[1].Threads, w.options[2].Threads; a+b+c != 8 || c < 2 {
		t.Errorf("8 threads are %d, %d and %d", a, b, c)
	}
}

func TestABatchBeyondReasonIsRefused(t *testing.T) {
	o := DefaultOptions()
	o.Engine.Batch = 1 << 20
	if _, err := Run(context.Background(), chest(), models(t, 1), o); err == nil {
		t.Error("taken")
	}
	o = DefaultOptions()
	o.Workers = -1
	if _, err := Run(context.Background(), chest(), models(t, 1), o); err == nil {
		t.Error("taken")
	}
}
