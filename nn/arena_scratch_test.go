//go:build cgo

package nn

import (
	"testing"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// What the library would allocate by itself is no part of an arena.
func TestWhatKernelsWorkInLiesInTheArena(t *testing.T) {
	g := NewGraph()
	x := g.Input("input", 2, 64, 40, 40) // threads add up what each item gives to the weights
	x = g.Conv("z", x, Conv{Out: 8, Kernel: 1})
	x = g.Conv("c", x, Conv{Out: 8, Kernel: 3}.Same()) // with AVX2 only kernels of few channels ask
	g.Output("y", g.Conv("b", g.ReLU(g.BatchNorm("n", g.Conv("a", x, Conv{Out: 64, Kernel: 3}.Same()), BatchNorm{})), Conv{Out: 64, Kernel: 3}.Same()))
	w := randomWeights(random("w"), g)
	p := compiled(t, g, w, Options{Precision: Float32, Threads: 2, only: ways()[2].only})
	defer p.Close()
	// Exact, as our own kernels ask for nothing.
	trainer, err := NewTrainer(g, w, Options{Precision: Exact, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	wanted := holdScratchpads(t, p.exec.(*oneDNNProgram).low) + holdScratchpads(t, trainer.exec.(*oneDNNTrainer).low)
	if wanted == 0 {
		t.Error("no kernel of these asks for a scratchpad: take others for this test")
	}
}

// holdScratchpads compares what the primitives ask for with what their steps
// have, and returns how many ask.
func holdScratchpads(t *testing.T, l *lowering) int {
	wanted := 0
	for i, s := range l.steps {
		if s.primitive == nil {
			continue
		}
		layout, err := s.primitive.Layout(onednn.Scratchpad)
		if err != nil {
			t.Fatal(err)
		}
		if layout.IsZero() {
			continue
		}
		wanted++
		have := 0
		for _, o := range s.operands {
			if o.role != onednn.Scratchpad {
				continue
			}
			have++
			if o.block != nil || o.bytes != layout.Bytes() || o.first != i || o.last != i || o.offset+o.bytes > l.arenaBytes {
				t.Errorf("step %d, %s %q: the scratchpad is %+v, want %d bytes of the arena for this step", i, s.kind, s.name, *o.slot, layout.Bytes())
			}
		}
		if have != 1 {
			t.Errorf("step %d, %s %q: %d scratchpads", i, s.kind, s.name, have)
		}
	}
	return wanted
}
