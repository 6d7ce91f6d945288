//go:build cgo

package nn

import (
	"context"
	"slices"
	"sync"
	"testing"
)

// normedNetwork has a batch norm that is folded, and a layer that is not.
func normedNetwork(batch, side int) *Graph {
	g := NewGraph()
	x := g.Input("input", batch, 16, side, side)
	x = g.Conv("conv", x, Conv{Out: 32, Kernel: 3}.Same())
	x = g.BatchNorm("norm", x, BatchNorm{Eps: 1e-5})
	x = g.ReLU(x)
	g.Output("y", g.Linear("fc", g.GlobalAverage(x), Linear{Out: 3, Bias: true}))
	return g
}

func compiled(t *testing.T, g *Graph, w Weights, o Options) *Program {
	t.Helper()
	p, err := Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ran(t *testing.T, p *Program, in []Tensor) []float32 {
	t.Helper()
	out := p.NewOutputs()
	if err := p.Run(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out[0].Data
}

func TestProgramsOfOneNetworkDoNotDoubleItsWeights(t *testing.T) {
	r := random(t.Name())
	w := randomWeights(r, normedNetwork(1, 20))
	store := &Packed{}
	var programs []*Program
	for _, side := range []int{20, 24, 20} { // engines of their own, of one and two threads
		programs = append(programs, compiled(t, normedNetwork(1, side), w, Options{Packed: store, Threads: 1 + len(programs)%2}))
	}
	one := programs[0].Memory().Weights
	if one == 0 || store.Bytes() != one {
		t.Errorf("a program reads %d bytes of weights, the store holds %d for three", one, store.Bytes())
	}
	want := infer(t, normedNetwork(1, 20), w, Options{Threads: 1}, randomInputs(random("in"), normedNetwork(1, 20)))[0].Data
	programs[1].Close()
	programs[0].Close()
	if got := ran(t, programs[2], randomInputs(random("in"), normedNetwork(1, 20))); !slices.Equal(got, want) {
		t.Errorf("after the programs that shared were closed: %v, want %v", got, want)
	}
	programs[2].Close()
	if store.Bytes() != 0 {
		t.Errorf("%d bytes are kept for nobody", store.Bytes())
	}
}

func TestParametersOfOneNameAndOtherValuesAreNotShared(t *testing.T) {
	g := normedNetwork(1, 20)
	in := randomInputs(random("in"), g)
	a, b := randomWeights(random("a"), g), randomWeights(random("b"), g)
	store := &Packed{}
	p := compiled(t, g, a, Options{Packed: store, Threads: 1})
	defer p.Close()
	q := compiled(t, g, b, Options{Packed: store, Threads: 1})
	defer q.Close()
	if want := infer(t, g, b, Options{Threads: 1}, in)[0].Data; !slices.Equal(ran(t, q, in), want) {
		t.Error("a network was run with the weights of another")
	}
}

// Programs on several engines are compiled and closed side by side.
func TestSeveralGoroutinesMayShareWeights(t *testing.T) {
	g := normedNetwork(1, 20)
	w := randomWeights(random("w"), g)
	in := randomInputs(random("in"), g)
	want := infer(t, g, w, Options{Threads: 1}, in)[0].Data
	store := &Packed{}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				p, err := Compile(g, w, Options{Packed: store, Threads: 1})
				if err != nil {
					t.Error(err)
					return
				}
				out := p.NewOutputs()
				if err := p.Run(context.Background(), in, out); err != nil || !slices.Equal(out[0].Data, want) {
					t.Errorf("%v, %v; want %v", out[0].Data, err, want)
				}
				p.Close()
			}
		})
	}
	group.Wait()
	if store.Bytes() != 0 {
		t.Errorf("%d bytes are kept for nobody", store.Bytes())
	}
}

func TestProgramsOfAnEngineShareOneArena(t *testing.T) {
	e, err := NewEngine(1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var programs []*Program
	var inputs [][]Tensor
	var wants [][]float32
	for _, side := range []int{12, 40, 20} { // the second one makes the arena grow
		g := normedNetwork(1, side)
		w := randomWeights(random("w"), g)
		in := randomInputs(random("in"), g)
		programs = append(programs, compiled(t, g, w, Options{Engine: e}))
		inputs, wants = append(inputs, in), append(wants, infer(t, g, w, Options{Threads: 1}, in)[0].Data)
	}
	for range 2 { // in turns, each in what the others left there
		for i, p := range programs {
			if got := ran(t, p, inputs[i]); !slices.Equal(got, wants[i]) {
				t.Errorf("program %d: %v, want %v", i, got, wants[i])
			}
		}
	}
	if got, want := e.arena.block.Bytes(), programs[1].Memory().Arena; got != want {
		t.Errorf("the engine keeps %d bytes, its largest program needs %d", got, want)
	}
	programs[1].Close()
	if got := ran(t, programs[0], inputs[0]); !slices.Equal(got, wants[0]) {
		t.Errorf("after another was closed: %v, want %v", got, wants[0])
	}
	programs[0].Close()
	programs[2].Close()
	if e.arena.block != nil {
		t.Error("an arena is kept for nobody")
	}
}

func TestAnArenaIsSmallerThanTheSumOfActivations(t *testing.T) {
	g := NewGraph()
	x := g.Input("input", 1, 16, 32, 32)
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		x = g.Conv(name, x, Conv{Out: 16, Kernel: 3}.Same())
	}
	g.Output("y", x)
	p := compiled(t, g, randomWeights(random("w"), g), Options{Threads: 1})
	defer p.Close()
	const plane = 16 * 32 * 32 * 4
	m := p.Memory()
	if m.Activations < 7*plane || m.Arena > 3*plane || m.Weights < 6*16*16*9*4 {
		t.Errorf("%+v for planes of %d bytes", m, plane)
	}
}
