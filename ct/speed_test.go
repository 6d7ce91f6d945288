package ct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// How fast real series are read, and in how much memory (docs/reading.md):
//
//	go test ./ct -run '^$' -bench Series -benchtime 5x
func BenchmarkUncompressedSeries(b *testing.B) { benchmarkSeries(b, "chest-series") }

func BenchmarkLosslessJPEGSeries(b *testing.B) { benchmarkSeries(b, "covid-series") }

// benchmarkSeries reports slices a second, the volume's size, and the most memory
// that reading takes of this process beyond what it had before, and of its children
// with their program and libraries.
func benchmarkSeries(b *testing.B, name string) {
	path := filepath.Join(sharedData, name)
	if _, err := os.Stat(path); err != nil {
		b.Skipf("the project's data are not beside this checkout: shared/data/%s", name)
	}
	took := memoryOfOpen(b, path)
	if took == nil {
		b.Skip("this build reads no DICOM")
	}
	b.ResetTimer()
	read := 0
	for b.Loop() {
		in, err := Open(b.Context(), path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		read = in.Len()
	}
	b.ReportMetric(float64(read*b.N)/b.Elapsed().Seconds(), "slices/s")
	b.ReportMetric(float64(took.volume)/(1<<20), "volume-MiB")
	b.ReportMetric(float64(took.own)/(1<<20), "parent-MiB")
	b.ReportMetric(float64(took.children)/(1<<20), "child-MiB")
	b.ReportMetric(took.ratio(), "x-volume")
}

// memory is what reading an input took, in bytes.
type memory struct {
	volume, own, children int64
}

func (m *memory) ratio() float64 { return float64(m.own+m.children) / float64(m.volume) }

// memoryOfOpen opens an input and says what it took; nil where no DICOM is read.
func memoryOfOpen(b testing.TB, path string) *memory {
	b.Helper()
	forgetPeak(b)
	before := peakBytes(b)
	watched := watchChildren()
	in, err := Open(b.Context(), path, Options{})
	children := watched()
	if errors.Is(err, dcmtk.ErrUnavailable) {
		return nil
	}
	if err != nil {
		b.Fatal(err)
	}
	return &memory{volume: 2 * int64(len(in.Volume.HU)), own: peakBytes(b) - before, children: children}
}

// watchChildren watches the children of this process until the function that it
// returns is called, which returns the sum of the most memory that each had. (What
// the system tells of ended processes counts their parent's in.)
func watchChildren() func() int64 {
	peaks := map[int]int64{}
	earlier := childrenOf(os.Getpid()) // those that wrote what is read, say
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for _, pid := range childrenOf(os.Getpid()) {
				if !slices.Contains(earlier, pid) {
					peaks[pid] = max(peaks[pid], statusBytes(pid, "VmHWM:"))
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-done
		sum := int64(0)
		for _, peak := range peaks {
			sum += peak
		}
		return sum
	}
}

// childrenOf lists the processes that one has started.
func childrenOf(pid int) []int {
	var pids []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// statusBytes is a line of a process's status; 0 where it is gone.
func statusBytes(pid int, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// Reading takes at most twice the volume, whatever the series is stored as.
func TestReadingTakesAtMostTwiceTheVolume(t *testing.T) {
	if testing.Short() { // as with the race detector, which takes memory of its own
		t.Skip("writes 400 MiB: run without -short")
	}
	const frames, side = 200, 512
	for _, test := range []struct {
		name, syntax   string
		turned, single bool
	}{
		{"slices", dcmtk.ExplicitLittleEndian, false, false},
		{"slices that must be turned", dcmtk.ExplicitLittleEndian, true, false},
		{"frames of one file", dcmtk.ExplicitLittleEndian, false, true},
		{"compressed frames of one file", dcmtk.RLE, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if test.single {
				e := enhanced{syntax: test.syntax, side: side}
				for k := range frames {
					e.places = append(e.places, float64(k))
				}
				writeFile(t, filepath.Join(dir, "one.dcm"), e.write(t, startWriter(t)))
			} else {
				writeLarge(t, dir, frames, side, test.turned)
			}
			m := memoryOfOpen(t, dir)
			t.Logf("volume %d MiB, parent %d MiB, children %d MiB: %.2f times", m.volume>>20, m.own>>20, m.children>>20, m.ratio())
			if m.ratio() > 2 {
				t.Errorf("reading took %.2f times the volume", m.ratio())
			}
		})
	}
}

// writeLarge writes a series of square slices.
func writeLarge(t *testing.T, dir string, n, side int, turned bool) {
	t.Helper()
	c := startWriter(t)
	for k := range n {
		im := file{series: "s", place: float64(k)}.image()
		im.Rows, im.Columns, im.HU = side, side, largeSlice(side)
		if turned {
			im.Orientation = [6]float64{-1, 0, 0, 0, 1, 0}
		}
		data, err := c.WriteCT(im)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%d.dcm", k)), data)
	}
}

// largeSlice is noise of many values in a body of air.
func largeSlice(side int) []int16 {
	hu := make([]int16, side*side)
	for i := range hu {
		hu[i] = testHU(0, i*i%977)
	}
	return hu
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
	bytes := statusBytes(os.Getpid(), "VmHWM:")
	if bytes == 0 {
		b.Skip("the system does not tell how much memory is in use")
	}
	return bytes
}
