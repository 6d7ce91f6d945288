package nn

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// span is a part of one of several slices, small enough to stay in a cache and
// large enough to be worth a turn.
type span struct{ item, from, to int }

const spanSize = 1 << 15

// spansOf cuts n slices into spans. It is the same cut for any number of
// processors, so that sums over spans, added in order, are the same too.
func spansOf(n int, size func(item int) int) []span {
	var all []span
	for item := range n {
		for from, end := 0, size(item); from < end; from += spanSize {
			all = append(all, span{item, from, min(from+spanSize, end)})
		}
	}
	return all
}

// eachSpan calls f for every span and its place among them, spread over the
// processors.
func eachSpan(all []span, f func(i int, s span)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(all); i = int(next.Add(1)) - 1 {
			f(i, all[i])
		}
	}
	var wg sync.WaitGroup
	for range min(len(all), runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
