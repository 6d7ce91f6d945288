package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// benchAnswer is what a process says about its task.
type benchAnswer struct {
	Run   benchRun
	Error string `json:",omitempty"`
	Usage bool   `json:",omitempty"` // the error is a mistake on the command line
}

// maxTask is more than a task takes as JSON.
const maxTask = 1 << 16

// measureApart measures a task in a process of its own, so that the memory
// which it takes at most is its own as well. A process that is killed, as one
// that wants too much memory is, costs its own figures and no others.
func (t *terminal) measureApart(ctx context.Context, task benchTask) (benchRun, error) {
	name := task.name()
	request, err := json.Marshal(task)
	if err != nil {
		return benchRun{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return benchRun{}, fmt.Errorf("looking for the program to measure with: %w", err)
	}
	var answer, said bytes.Buffer
	child := exec.CommandContext(ctx, program)
	child.Args = []string{os.Args[0], "bench", "--child"}
	child.Stdin, child.Stdout, child.Stderr = bytes.NewReader(request), &answer, &said
	err = child.Run()
	for line := range strings.Lines(said.String()) {
		t.sayOnce(strings.TrimSpace(line))
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return benchRun{}, ctx.Err()
	case errors.As(err, &exit):
		why := fmt.Sprintf("the process that measured it ended with %q; perhaps it wanted more memory than there is", exit.ProcessState.String())
		return benchRun{Network: name, Precision: task.Precision, Without: task.Without, Unavailable: why}, nil
	case err != nil:
		return benchRun{}, fmt.Errorf("measuring %s: %w", name, err)
	}
	var a benchAnswer
	if err := json.Unmarshal(answer.Bytes(), &a); err != nil {
		return benchRun{}, fmt.Errorf("measuring %s: reading the answer: %w", name, err)
	}
	switch {
	case a.Usage:
		return benchRun{}, usage("%s", a.Error)
	case a.Error != "":
		return benchRun{}, errors.New(a.Error)
	}
	return a.Run, nil
}

// name says what a task is of.
func (b benchTask) name() string {
	switch {
	case b.Network != "":
		return b.Network
	case b.Config != "":
		return b.Config
	case b.Part != "":
		return b.Model + " " + b.Part
	}
	return b.Model
}

// answerTask measures what in says, in this process.
func (t *terminal) answerTask(ctx context.Context, in io.Reader) error {
	var task benchTask
	if err := json.NewDecoder(io.LimitReader(in, maxTask)).Decode(&task); err != nil {
		return usage("--child is for jcs itself: it reads a task from stdin: %w", err)
	}
	run, err := task.measure(ctx, t)
	a := benchAnswer{Run: run}
	if err != nil {
		a = benchAnswer{Error: err.Error(), Usage: errors.As(err, new(usageError))}
	}
	return t.json(a)
}
