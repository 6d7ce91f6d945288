//go:build linux

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/phantom"
)

// process is jcs at work in a folder.
type process struct {
	*exec.Cmd
	mu     sync.Mutex
	output bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// start runs jcs as a process of its own. testscript.Main has put it into PATH.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("jcs", args...)}
	p.Dir, p.Stderr, p.Stdout = dir, p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

// await waits until the process has said something.
func (p *process) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(p.said(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in a minute: %s", text, p.said())
		}
	}
}

// end waits for the process and returns its exit status.
func (p *process) end(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// Ctrl-C ends a diagnosis at any stage with status 130, soon, and with nothing
// left behind.
func TestAnInterruptLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := saveModels(filepath.Join(dir, "models"), true); err != nil {
		t.Fatal(err)
	}
	p, err := slicePicture()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "stack"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 150 {
		if err := savePNG(filepath.Join(dir, "stack", fmt.Sprintf("%d.png", i)), p); err != nil {
			t.Fatal(err)
		}
	}
	for _, stage := range []string{"read:", "lungs:", "classify:", "segment:"} { // each line says that it is over
		j := start(t, dir, "diagnose", "stack", "--model", "models", "--out", filepath.Join("new", "result"))
		j.await(t, stage)
		begin := time.Now()
		if err := j.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if got := j.end(t); got != statusInterrupted {
			t.Errorf("after %s exit status %d, want %d: %s", stage, got, statusInterrupted, j.said())
		}
		// A second is promised; a machine that is busy with other tests gets more.
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("after %s it took %v to end", stage, took)
		}
		if !strings.Contains(j.said(), "jcs: interrupted") {
			t.Errorf("after %s it said %s", stage, j.said())
		}
		if left := entries(t, dir); len(left) != 2 {
			t.Fatalf("after %s there is %v", stage, left)
		}
	}
}

// A decoder that is killed half-way costs one clear refusal or failure.
func TestAKilledDecoderLeavesNothing(t *testing.T) {
	if !canReadDICOM() {
		t.Skip("this build reads no DICOM")
	}
	dir := t.TempDir()
	if err := saveModels(filepath.Join(dir, "models"), true); err != nil {
		t.Fatal(err)
	}
	writeLongStudy(t, filepath.Join(dir, "study"))
	j := start(t, dir, "diagnose", "study", "--model", "models", "--out", "result")
	if !killChild(j) {
		t.Skip("the study was read before the decoder could be killed")
	}
	if got := j.end(t); got != statusFailed && got != statusRefused {
		t.Errorf("exit status %d: %s", got, j.said())
	}
	if said := j.said(); !strings.Contains(said, "jcs: ") || strings.Contains(said, "goroutine") {
		t.Errorf("it said %s", said)
	}
	if left := entries(t, dir); len(left) != 2 {
		t.Errorf("there is %v", left)
	}
}

// writeLongStudy writes slices that take a while to read.
func writeLongStudy(t *testing.T, dir string) {
	t.Helper()
	const side, slices = 512, 120
	v := &ct.Volume{Columns: side, Rows: side, Slices: slices, HU: make([]int16, side*side*slices), StudyUID: "1.2", SeriesUID: "1.2.3", FrameOfReferenceUID: "1.2.4"}
	v.Affine = [4][4]float64{{0.7, 0, 0, 0}, {0, 0.7, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}
	for i := range slices {
		v.Sources = append(v.Sources, ct.Source{File: fmt.Sprintf("%d.dcm", i), InstanceUID: fmt.Sprintf("1.2.5.%d", i+1)})
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := phantom.Write(t.Context(), dir, v, &phantom.Truth{}); err != nil {
		t.Fatal(err)
	}
}

// killChild kills a decoder of the process once it has one; false if the process
// ends before.
func killChild(p *process) bool {
	tasks := fmt.Sprintf("/proc/%d/task", p.Process.Pid)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		threads, err := os.ReadDir(tasks)
		if err != nil {
			return false
		}
		for _, thread := range threads {
			text, _ := os.ReadFile(filepath.Join(tasks, thread.Name(), "children"))
			for _, field := range strings.Fields(string(text)) {
				child, err := strconv.Atoi(field)
				line, _ := os.ReadFile(filepath.Join("/proc", field, "cmdline"))
				if err == nil && strings.Contains(string(line), "dcmtk") {
					time.Sleep(20 * time.Millisecond) // into its work
					return syscall.Kill(child, syscall.SIGKILL) == nil
				}
			}
		}
	}
	return false
}

// An output folder that cannot be written is a failure that says so, and the
// input is not even read.
func TestAnUnwritableFolderIsSaid(t *testing.T) {
	if err := os.WriteFile("/proc/jcs-test", nil, 0o644); err == nil {
		t.Skip("/proc can be written")
	}
	dir := t.TempDir()
	if err := saveModels(filepath.Join(dir, "models"), true); err != nil {
		t.Fatal(err)
	}
	j := start(t, dir, "diagnose", "missing", "--model", "models", "--out", "/proc/jcs-test/result")
	if got := j.end(t); got != statusFailed {
		t.Errorf("exit status %d: %s", got, j.said())
	}
	if !strings.Contains(j.said(), "output folder") {
		t.Errorf("it said %s", j.said())
	}
}
