//go:build cgo

package onednn

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// worker is a primitive that works in a scratchpad.
type worker struct {
	primitive *Primitive
	arguments []Argument
	blocks    []*Block
}

// newWorker is a convolution by Winograd's algorithm, which keeps what it
// transformed in a scratchpad, or, where the library has none, the gradient of
// one's weights, which each thread adds up for itself.
func newWorker(e *Engine, channels int) (*worker, error) {
	const side = 48
	spec := Convolution{
		N: 1, In: channels, Height: side, Width: side, Out: channels, OutHeight: side, OutWidth: side,
		Kernel: 3, Stride: 1, Dilation: 1, Groups: 1, Activation: NoActivation,
		PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Winograd: true,
	}
	roles := []Role{Src, Weights, Dst}
	p, err := e.ConvolutionForward(spec, nil, nil)
	if err != nil {
		spec.Winograd, spec.N = false, 2
		roles = []Role{Src, DiffWeights, DiffDst}
		p, err = e.ConvolutionBackwardWeights(spec, nil, nil)
	}
	if err != nil {
		return nil, err
	}
	w := &worker{primitive: p}
	for _, r := range roles {
		if err := w.place(e, r); err != nil {
			w.free()
			return nil, err
		}
	}
	return w, nil
}

// place gives the primitive memory in a role.
func (w *worker) place(e *Engine, r Role) error {
	l, err := w.primitive.Layout(r)
	if err != nil {
		return err
	}
	b, err := Allocate(l.Bytes())
	if err != nil {
		return err
	}
	w.blocks = append(w.blocks, b)
	m, err := e.Memory(l, b, 0)
	if err != nil {
		return err
	}
	w.arguments = append(w.arguments, Argument{r, m})
	return nil
}

func (w *worker) run(e *Engine) error {
	step, err := e.Step(w.primitive, w.arguments...)
	if err != nil {
		return err
	}
	defer step.Free()
	return step.Run()
}

func (w *worker) free() {
	for _, a := range w.arguments {
		a.Memory.Free()
	}
	for _, b := range w.blocks {
		b.Free()
	}
	w.primitive.Free()
}

func TestAStepWorksInTheScratchpadThatItIsGiven(t *testing.T) {
	e := engine(t)
	err := e.Do(context.Background(), func() error {
		w, err := newWorker(e, 16)
		if err != nil {
			return err
		}
		defer w.free()
		if err := w.place(e, Scratchpad); err != nil {
			return err
		}
		given := w.blocks[len(w.blocks)-1]
		if given.Bytes() == 0 {
			return errors.New("the primitive asks for no scratchpad: take another one for this test")
		}
		values := given.Float32s(0, given.Bytes()/4)
		for i := range values {
			values[i] = -1
		}
		if err := w.run(e); err != nil {
			return err
		}
		if !slices.ContainsFunc(values, func(v float32) bool { return v != -1 }) {
			t.Error("nothing was written into it")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// malloc keeps what is freed of up to 32 MiB a piece, and the library what its
// greediest primitive wants.
func TestScratchpadsOfFreedStepsAreGivenBack(t *testing.T) {
	e := engine(t)
	err := e.Do(context.Background(), func() error {
		before, err := residentMemory()
		if err != nil {
			return err
		}
		for channels := 64; channels <= 512; channels += 64 {
			w, err := newWorker(e, channels)
			if err != nil {
				return err
			}
			err = w.run(e)
			w.free()
			if err != nil {
				return err
			}
		}
		after, err := residentMemory()
		if grown := after - before; grown > 8<<20 {
			t.Errorf("%d KiB are still held", grown>>10)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// residentMemory is the anonymous memory that this process holds, in bytes; 0
// where the system does not tell.
func residentMemory() (int, error) {
	text, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return kilobytes * 1024, err
		}
	}
	return 0, err
}
