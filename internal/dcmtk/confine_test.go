//go:build cgo && linux

package dcmtk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestChildIsConfined(t *testing.T) {
	c := startChild(t, Limits{CPU: 99 * time.Second})
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	limits := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		"Max cpu time 100 100 seconds", "Max core file size 0 0 bytes", "Max file size 0 0 bytes", "Max open files 0 0 files",
	} {
		if !strings.Contains(limits, want) {
			t.Errorf("the child's limits have no %q", want)
		}
	}
	if strings.Contains(limits, "Max address space unlimited") {
		t.Error("the child's address space is unlimited")
	}
	if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.cmd.Process.Pid)); err == nil && bytes.Contains(env, []byte("HOME=")) {
		t.Error("the child has the parent's environment")
	}
}

// parentVariable makes the test binary a parent that starts a child, prints its
// process id, and waits.
const parentVariable = "JCS_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) == "" {
		os.Exit(m.Run())
	}
	c, err := Start(context.Background(), Limits{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	// Another process holds the pipe's end, so that the child sees no end of
	// its input.
	holder := exec.Command("sleep", "60")
	holder.ExtraFiles = []*os.File{c.in}
	if err := holder.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(c.cmd.Process.Pid, holder.Process.Pid)
	time.Sleep(time.Minute)
}

func TestChildEndsWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid, holder int
	_, scanErr := fmt.Fscan(out, &pid, &holder)
	parent.Process.Kill()
	parent.Wait()
	if scanErr != nil {
		t.Fatal(scanErr)
	}
	defer syscall.Kill(holder, syscall.SIGKILL)
	for range 100 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	t.Error("the child outlived its parent by a second")
}

func TestChildWithoutADictionarySaysSo(t *testing.T) {
	t.Setenv("DCMDICTPATH", "/nonexistent")
	_, err := Start(t.Context(), Limits{})
	if err == nil || !strings.Contains(err.Error(), "dictionary") {
		t.Errorf("got %v", err)
	}
}
