package ct

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestParallelCallsEachOnceAndStopsAtTheFirstError(t *testing.T) {
	var seen [500]atomic.Int32
	if err := parallel(t.Context(), 3, len(seen), func(worker, i int) error {
		seen[i].Add(1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range seen {
		if n := seen[i].Load(); n != 1 {
			t.Errorf("%d was called %d times", i, n)
		}
	}
	var calls atomic.Int32
	failed := make(chan struct{})
	err := parallel(t.Context(), 3, 1000, func(worker, i int) error {
		calls.Add(1)
		if i == 5 {
			close(failed)
			return errors.New("at 5")
		}
		if i > 5 {
			<-failed
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	})
	if err == nil || err.Error() != "at 5" {
		t.Errorf("the error is %v", err)
	}
	if n := calls.Load(); n > 100 {
		t.Errorf("%d calls were made", n)
	}
}

func TestParallelEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := parallel(ctx, 1, 1000, func(worker, i int) error {
		calls++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// A file may grow after its size was taken.
func TestReadingStopsAtTheLimitWhateverTheSizeSays(t *testing.T) {
	grown := func(n int) entry {
		return entry{name: "a", size: 3, open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(strings.Repeat("x", n))), nil
		}}
	}
	if data, err := grown(10).read(10); err != nil || len(data) != 10 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	_, err := grown(11).read(10)
	checkRefusal(t, err, "too_large")
}
