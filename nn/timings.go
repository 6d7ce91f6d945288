package nn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Timings remembers how long each way of computing an operation took on this
// machine, so that it is measured once. Several programs and goroutines may
// share one. A nil *Timings, and the zero value, remember nothing beyond a
// compilation and the process.
type Timings struct {
	mu      sync.Mutex
	path    string
	machine string
	seconds map[string]float64 // below 0: this way does not exist
	changed bool
	err     error
	decree  func(key string) float64 // for tests: the time of everything that exists
}

// timingsFile is the form on disk.
type timingsFile struct {
	Schema  string             `json:"schema"`
	Machine string             `json:"machine"`
	Seconds map[string]float64 `json:"seconds"`
}

const (
	timingsSchema  = "jcs.timings/1"
	maxTimingsFile = 4 << 20
)

// OpenTimings reads what was measured before from a file, which need not exist
// yet, nor its folder. machine names what the times depend on; another
// machine's are never used. The timings are always good to use: the error says
// why those on disk were not taken, and that they will be written anew.
func OpenTimings(path, machine string) (*Timings, error) {
	t := &Timings{path: path, machine: machine}
	err := t.read()
	if err != nil {
		t.seconds = nil
		return t, fmt.Errorf("the measured timings in %s are not used and will be made anew: %w", t.path, err)
	}
	return t, nil
}

func (t *Timings) read() error {
	info, err := os.Stat(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Size() > maxTimingsFile:
		return fmt.Errorf("the file has %d bytes, more than %d", info.Size(), maxTimingsFile)
	}
	text, err := os.ReadFile(t.path)
	if err != nil {
		return err
	}
	t.seconds, err = parseTimings(text, t.machine)
	return err
}

// parseTimings returns what a file says of a machine.
func parseTimings(text []byte, machine string) (map[string]float64, error) {
	var f timingsFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("the file is broken: %w", err)
	}
	switch {
	case f.Schema != timingsSchema:
		return nil, fmt.Errorf("the file is of another form, %.40q", f.Schema)
	case f.Machine != machine:
		return nil, fmt.Errorf("the file is of another machine, %.120q", f.Machine)
	}
	return f.Seconds, nil
}

// decreed is the time that a test gives to what exists, or the measured one.
func (t *Timings) decreed(key string, measured float64) float64 {
	if t == nil || t.decree == nil || measured == none {
		return measured
	}
	return t.decree(key)
}

// none is the time of what does not exist.
const none = -1

// get is the time of a way of computing something, if it is known.
func (t *Timings) get(key string) (seconds float64, ok bool) {
	if t == nil {
		return 0, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	seconds, ok = t.seconds[key]
	return seconds, ok
}

func (t *Timings) put(key string, seconds float64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seconds == nil {
		t.seconds = map[string]float64{}
	}
	t.seconds[key] = seconds
	t.changed = true
}

// save writes what is new, whole or not at all. A failure is kept for Err: what
// was measured is good for this process.
func (t *Timings) save() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.changed || t.path == "" {
		return
	}
	t.changed = false
	if err := t.write(); err != nil && t.err == nil {
		t.err = fmt.Errorf("keeping the measured timings: %w", err)
	}
}

func (t *Timings) write() error {
	text, err := json.Marshal(timingsFile{timingsSchema, t.machine, t.seconds})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(t.path), ".timings-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once renamed
	_, err = f.Write(text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), t.path)
}

// Err is the first failure to write the timings.
func (t *Timings) Err() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
