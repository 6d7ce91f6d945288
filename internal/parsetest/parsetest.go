// Package parsetest holds parsers of bytes from outside to what they may cost:
// 64 MB of memory and four times the file, and one second for each started MB
// of it. The fuzz targets of all rooms call it; nothing of the program does.
package parsetest

import (
	"fmt"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"
)

const (
	freeBytes    = 64 << 20
	bytesPerByte = 4
	perMB        = slower * time.Second
	// hung is how many times its time a parser gets before the process ends, so
	// that a fuzzer keeps the input that makes it spin.
	hung = 30
)

// Hold calls parse, which reads size bytes from outside, and fails the test
// where it costs more than it may.
func Hold(t testing.TB, size int, parse func()) {
	t.Helper()
	if err := Cost(size, parse); err != nil {
		t.Fatal(err)
	}
}

// Cost calls parse and says what it took too much of. Memory is all that was
// allocated meanwhile, whether still in use or not, which is never less than the
// peak. Time is the processor's: on a loaded machine the clock says nothing of a
// parser.
func Cost(size int, parse func()) error {
	most := time.Duration(1+size>>20) * perMB
	before, begin, spent := allocated(), time.Now(), processor()
	defer watch(hung*most, spent, size)()
	parse()
	if took := allocated() - before; took > freeBytes+bytesPerByte*uint64(size) {
		return fmt.Errorf("%d bytes from outside take %d bytes of memory", size, took)
	}
	if time.Since(begin) <= most {
		return nil
	}
	if took := processor() - spent; took > most {
		return fmt.Errorf("%d bytes from outside take %v", size, took)
	}
	return nil
}

// watch ends the process once it has computed for so long; stop ends the watch.
func watch(most, since time.Duration, size int) (stop func()) {
	done := make(chan struct{})
	t := time.AfterFunc(most, func() {
		for processor()-since < most {
			select {
			case <-done:
				return
			case <-time.After(time.Second):
			}
		}
		panic(fmt.Sprintf("a parser hangs on %d bytes", size))
	})
	return func() {
		t.Stop()
		close(done)
	}
}

// allocated is the number of bytes ever allocated on the heap.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// processor is the time that this process has computed, in all its threads.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
