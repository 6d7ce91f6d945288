package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/report"
)

// terminal is where a command speaks: answers on out, progress and complaints
// on err.
type terminal struct {
	out, err io.Writer
	quiet    bool

	mu     sync.Mutex
	bars   *mpb.Progress // on a terminal only
	bar    *mpb.Bar
	stage  string
	spoken time.Time
	closed bool
	onEnd  []func() error // what must be undone unless the command succeeds
	grace  time.Duration  // asked for by a command that has more to save

	timings *network.Timings // that were opened
	once    map[string]bool  // lines that were said once

	noteMu sync.Mutex
	beside string // what stands beside the bar
}

// json prints a value as JSON.
func (t *terminal) json(v any) error {
	if err := report.EncodeJSON(t.out, v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// table prints rows of columns.
func (t *terminal) table(rows [][]string) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// isTerminal reports whether a writer is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colour wraps text in an SGR sequence where out is a terminal and NO_COLOR is
// not set.
func (t *terminal) colour(code, text string) string {
	if !isTerminal(t.out) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// speakEvery is how often a stage speaks where there is no terminal.
const speakEvery = 5 * time.Second

// progress shows how far a stage is: a bar on a terminal, lines elsewhere.
func (t *terminal) progress(stage string, done, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.quiet || t.closed || total <= 0 {
		return
	}
	if isTerminal(t.err) {
		t.showBar(stage, done, total)
		return
	}
	if stage != t.stage {
		t.stage, t.spoken = stage, time.Now()
	}
	if done == total || time.Since(t.spoken) >= speakEvery {
		t.spoken = time.Now()
		fmt.Fprintf(t.err, "%s: %d of %d\n", stage, done, total)
	}
}

func (t *terminal) showBar(stage string, done, total int) {
	if t.bars == nil {
		t.bars = mpb.New(mpb.WithOutput(t.err), mpb.WithWidth(50), mpb.WithRefreshRate(100*time.Millisecond))
	}
	if stage != t.stage {
		t.endBar()
		t.stage = stage
		t.bar = t.bars.AddBar(int64(total), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(stage, decor.WC{W: 10, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersNoUnit("%d of %d"), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name("  "),
				decor.Any(func(decor.Statistics) string { return t.besideBar() })))
	}
	if done == 0 {
		return // a full bar cannot be set back
	}
	t.bar.SetCurrent(int64(done))
}

// besideBar is called by the bar's own goroutine.
func (t *terminal) besideBar() string {
	t.noteMu.Lock()
	defer t.noteMu.Unlock()
	return t.beside
}

// note writes beside the bar.
func (t *terminal) note(text string) {
	t.noteMu.Lock()
	defer t.noteMu.Unlock()
	t.beside = text
}

// sometimes prints a line of a running stage, but not too often.
func (t *terminal) sometimes(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.quiet || t.closed || time.Since(t.spoken) < speakEvery {
		return
	}
	t.spoken = time.Now()
	fmt.Fprintln(t.err, text)
}

// endBar takes the bar away.
func (t *terminal) endBar() {
	if t.bar != nil {
		t.bar.Abort(true)
		t.bar = nil
	}
}

// say prints a line beside the progress.
func (t *terminal) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.quiet || t.closed {
		return
	}
	if t.bars != nil {
		fmt.Fprintf(t.bars, format+"\n", args...)
		return
	}
	fmt.Fprintf(t.err, format+"\n", args...)
}

// sayOnce prints a line that has not been printed so before.
func (t *terminal) sayOnce(line string) {
	if line == "" || t.once[line] {
		return
	}
	if t.once == nil {
		t.once = map[string]bool{}
	}
	t.once[line] = true
	t.say("%s", line)
}

// undoUnlessDone calls f at the end of a command that fails or is interrupted.
func (t *terminal) undoUnlessDone(f func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onEnd = append(t.onEnd, f)
}

// needs asks for time to end after an interrupt.
func (t *terminal) needs(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grace = d
}

// patience is how long an interrupted command is waited for.
func (t *terminal) patience() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(grace, t.grace)
}

// settle takes bars away before an answer is printed.
func (t *terminal) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endBar()
	if t.bars != nil {
		t.bars.Wait()
		t.bars, t.stage = nil, ""
	}
}

// close ends progress and, of a command that did not succeed, undoes what it
// left.
func (t *terminal) close(done bool) {
	t.settle()
	t.mu.Lock()
	t.closed = true
	undo := t.onEnd
	t.mu.Unlock()
	if done {
		return
	}
	for _, f := range undo {
		if err := f(); err != nil {
			fmt.Fprintln(t.err, "jcs:", err)
		}
	}
}
