package ct

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/internal/parsetest"
)

// outcomes are all that may come of a DICOM file: read, or refused by one of
// these codes (docs/reading.md).
var outcomes = []string{
	"read", "broken_dicom", "bad_pixels", "bad_geometry", "not_ct", "multi_frame", "too_large", "transfer_syntax",
	"decoder_crashed", "decoder_timeout",
}

const (
	mutationsVariable = "JCS_MUTATIONS"
	usualMutations    = 2000
	mostSeconds       = 10
	mostParentMiB     = 512
	mostChildMiB      = 768 // what its address space may grow by
)

// TestMutatedFilesEndInAKnownOutcome damages files in all the ways of mutations
// and reads them: the usual number in every run, JCS_MUTATIONS of them by
// make fuzz-dicom.
func TestMutatedFilesEndInAKnownOutcome(t *testing.T) {
	n := usualMutations
	if text := os.Getenv(mutationsVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		n = 300
	}
	m := newMutator(t, startWriter(t))
	table := &outcomeTable{counts: map[string]map[string]int{}}
	var group sync.WaitGroup
	workers := min(2, runtime.GOMAXPROCS(0))
	forgetPeak(t)
	for w := range workers {
		group.Go(func() {
			r := &mutantReader{t: t}
			for i := w; i < n; i += workers {
				kind, data := m.mutant(uint64(i))
				begin := time.Now()
				outcome, detail := r.read(data, i)
				table.add(t, i, kind, outcome, detail, time.Since(begin))
			}
			table.childMiB(r.end())
		})
	}
	group.Wait()
	table.print(t, n)
}

// mutantReader reads files with one child, which is replaced when it has died or
// is old: its processor time is limited.
type mutantReader struct {
	t        *testing.T
	child    *dcmtk.Child
	files    int
	childMiB int
}

const filesOfAChild = 5000

func (r *mutantReader) read(data []byte, number int) (outcome, detail string) {
	if r.child == nil || r.child.Ended() || r.files == filesOfAChild {
		r.end()
		child, err := dcmtk.Start(r.t.Context(), dcmtk.Limits{})
		if err != nil {
			r.t.Errorf("file %d: %v", number, err)
			return "no child", ""
		}
		r.child, r.files = child, 0
	}
	r.files++
	e := entry{name: fmt.Sprintf("%d.dcm", number), size: int64(len(data)), open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
	err := r.readSlices(e)
	var refusal *Refusal
	switch {
	case err == nil:
		return "read", ""
	case errors.As(err, &refusal):
		if strings.ContainsAny(refusal.Sentence, "\n\x00\x1b") || !strings.Contains(refusal.Sentence, e.name) {
			r.t.Errorf("file %d: %q is no sentence that names the file", number, refusal.Sentence)
		}
		return refusal.Code, refusal.Sentence
	default:
		return "error", err.Error()
	}
}

// readSlices goes the way of a single file: header, slices, pixels.
func (r *mutantReader) readSlices(e entry) error {
	limits := Limits{}.orDefaults()
	h, err := readHeader(r.child, e, limits)
	if err != nil {
		return err
	}
	objects := objectsOf(e, h)
	if !objects[0].kind().usable(true) {
		return refuseOthers(objects, true)
	}
	for _, o := range objects[:min(len(objects), 4)] {
		s, err := newSlice(o)
		if err != nil {
			return err
		}
		if err := s.read(r.child, make([]int16, s.rows*s.columns), limits); err != nil {
			return err
		}
	}
	return nil
}

// end closes the child and returns the most memory that one had, in MiB.
func (r *mutantReader) end() int {
	if r.child != nil {
		r.childMiB = max(r.childMiB, int(r.child.MaxResident()>>20))
		r.child.Close()
	}
	return r.childMiB
}

// outcomeTable counts what came of the files, by kind of damage.
type outcomeTable struct {
	mu      sync.Mutex
	counts  map[string]map[string]int
	longest time.Duration
	slowest string
	child   int
}

func (o *outcomeTable) add(t *testing.T, i int, kind, outcome, detail string, d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts[kind] == nil {
		o.counts[kind] = map[string]int{}
	}
	o.counts[kind][outcome]++
	if !slices.Contains(outcomes, outcome) {
		t.Errorf("file %d (%s) ends in %q: %s", i, kind, outcome, detail)
	}
	if d > o.longest {
		o.longest, o.slowest = d, fmt.Sprintf("file %d, %s, %s", i, kind, outcome)
	}
}

func (o *outcomeTable) childMiB(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.child = max(o.child, n)
}

func (o *outcomeTable) print(t *testing.T, n int) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d files\n%-26s", n, "")
	for _, outcome := range outcomes {
		fmt.Fprintf(&b, "%16s", outcome)
	}
	total := map[string]int{}
	for _, kind := range slices.Sorted(maps.Keys(o.counts)) {
		fmt.Fprintf(&b, "\n%-26s", kind)
		for _, outcome := range outcomes {
			fmt.Fprintf(&b, "%16d", o.counts[kind][outcome])
			total[outcome] += o.counts[kind][outcome]
		}
	}
	fmt.Fprintf(&b, "\n%-26s", "all")
	for _, outcome := range outcomes {
		fmt.Fprintf(&b, "%16d", total[outcome])
	}
	parent := int(peakBytes(t) >> 20)
	t.Logf("%s\nlongest: %v (%s); most memory: parent %d MiB, child %d MiB", b.String(), o.longest.Round(time.Millisecond), o.slowest, parent, o.child)
	if o.longest > mostSeconds*time.Second {
		t.Errorf("a file took %v", o.longest)
	}
	if parent > mostParentMiB && !parsetest.RaceDetector {
		t.Errorf("the parent took %d MiB", parent)
	}
	if o.child > mostChildMiB {
		t.Errorf("a child took %d MiB", o.child)
	}
}
