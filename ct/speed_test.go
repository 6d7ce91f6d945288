package ct

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// How fast real series are read, and in how much memory (docs/reading.md):
//
//	go test ./ct -run '^$' -bench Series -benchtime 5x
func BenchmarkUncompressedSeries(b *testing.B) { benchmarkSeries(b, "chest-series") }

func BenchmarkLosslessJPEGSeries(b *testing.B) { benchmarkSeries(b, "covid-series") }

// benchmarkSeries reports slices a second, the volume's size, and the most memory
// that reading takes of this process beyond what it had before.
func benchmarkSeries(b *testing.B, name string) {
	path := filepath.Join(sharedData, name)
	if _, err := os.Stat(path); err != nil {
		b.Skipf("the project's data are not beside this checkout: shared/data/%s", name)
	}
	slices, volume, own := 0, int64(0), int64(0)
	forgetPeak(b)
	before := peakBytes(b)
	for b.Loop() {
		c, err := Survey(b.Context(), path, Options{})
		if errors.Is(err, dcmtk.ErrUnavailable) {
			b.Skip(err)
		}
		if err != nil {
			b.Fatal(err)
		}
		in, err := c.Open(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		if own == 0 { // of the first time: later ones leave garbage
			own = peakBytes(b) - before
		}
		c.Close()
		slices, volume = in.Len(), 2*int64(len(in.Volume.HU))
	}
	b.ReportMetric(float64(slices*b.N)/b.Elapsed().Seconds(), "slices/s")
	b.ReportMetric(float64(volume>>20), "volume-MiB")
	b.ReportMetric(float64(own>>20), "parent-MiB")
}

// forgetPeak gives back what earlier tests left and starts peakBytes anew, where
// the kernel allows it (proc(5), clear_refs).
func forgetPeak(b testing.TB) {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Logf("the peak of memory counts earlier tests too: %v", err)
	}
}

// peakBytes is the most memory that this process had since forgetPeak.
func peakBytes(b testing.TB) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib << 10
		}
	}
	return 0
}
