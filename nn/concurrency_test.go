package nn

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// smallNetwork has an inner value worth tapping.
func smallNetwork() *Graph {
	g := NewGraph()
	x := g.Input("x", 1, 5, 12, 11)
	y := g.Tap("inner", g.ReLU(norm(g, "bn", g.Conv("a", x, Conv{Out: 26, Kernel: 3}.Same()))))
	g.Output("y", g.ReLU(g.Add(g.Conv("b", y, Conv{Out: 5, Kernel: 1}), x)))
	return g
}

func TestSeveralGoroutinesMayRunOneProgram(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		r := random("several goroutines")
		p, err := Compile(g, randomWeights(r, g), Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		var in, want [][]Tensor
		for range 8 {
			x, out := randomInputs(r, g), p.NewOutputs()
			if err := p.Run(context.Background(), x, out); err != nil {
				t.Fatal(err)
			}
			in, want = append(in, x), append(want, out)
		}
		var wg sync.WaitGroup
		for i := range in {
			wg.Go(func() {
				out := p.NewOutputs()
				for range 20 {
					if err := p.Run(context.Background(), in[i], out); err != nil {
						t.Error(err)
					} else if !slices.Equal(out[0].Data, want[i][0].Data) {
						t.Errorf("goroutine %d got other bits than alone", i)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestSeveralProgramsShareWeights(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		r := random("shared weights")
		w, in := randomWeights(r, g), randomInputs(r, g)
		before := w["a.weight"].Data[0]
		want := infer(t, g, w, Options{Executor: e}, in)
		var wg sync.WaitGroup
		for range 4 {
			p, err := Compile(g, w, Options{Executor: e})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			wg.Go(func() {
				out := p.NewOutputs()
				if err := p.Run(context.Background(), in, out); err != nil {
					t.Error(err)
				} else if !slices.Equal(out[0].Data, want[0].Data) {
					t.Error("two programs of one graph and weights differ")
				}
			})
		}
		wg.Wait()
		if w["a.weight"].Data[0] != before {
			t.Error("compiling changed the caller's weights")
		}
	})
}

func TestProgramsMayShareAnEngine(t *testing.T) {
	if !haveOneDNN {
		t.Skip("this build has no oneDNN, which alone has engines")
	}
	engine, err := NewEngine(0)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	g := smallNetwork()
	r := random("shared engine")
	w, in := randomWeights(r, g), randomInputs(r, g)
	want := infer(t, g, w, Options{}, in)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			p, err := Compile(g, w, Options{Engine: engine})
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			out := p.NewOutputs()
			for range 20 {
				if err := p.Run(context.Background(), in, out); err != nil {
					t.Error(err)
				} else if !slices.Equal(out[0].Data, want[0].Data) {
					t.Error("a program on a shared engine gives other bits")
				}
			}
		})
	}
	wg.Wait()
}

func TestOneThreadAgreesWithSeveral(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		for _, c := range blockCases() {
			g := c.graph(t)
			r := random(c.name)
			w, in := randomWeights(r, g), randomInputs(r, g)
			want := infer(t, g, w, Options{Executor: e}, in)
			for i, out := range infer(t, g, w, Options{Executor: e, Threads: 1}, in) {
				near(t, c.name, out, want[i], 1e-5)
			}
		}
	})
}

func TestARunAllocatesNothingOfTheNetworksSize(t *testing.T) {
	if !haveOneDNN {
		t.Skip("plain Go allocates every value; this build has nothing else")
	}
	g := smallNetwork()
	r := random("allocations")
	p, err := Compile(g, randomWeights(r, g), Options{Executor: OneDNN})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in, out := randomInputs(r, g), p.NewOutputs()
	n := testing.AllocsPerRun(50, func() {
		if err := p.Run(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
	})
	if n > 10 {
		t.Errorf("%g allocations a run", n)
	}
}

func TestExactGivesTheSameBitsAgain(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		for _, c := range append(chainCases(), blockCases()...) {
			g := c.graph(t)
			r := random(c.name)
			w, a, b := randomWeights(r, g), randomInputs(r, g), randomInputs(r, g)
			p, err := Compile(g, w, Options{Executor: e, Precision: Exact})
			if err != nil {
				t.Fatal(err)
			}
			first, other, again := p.NewOutputs(), p.NewOutputs(), p.NewOutputs()
			for _, run := range []struct{ in, out []Tensor }{{a, first}, {b, other}, {a, again}} {
				if err := p.Run(context.Background(), run.in, run.out); err != nil {
					t.Fatal(err)
				}
			}
			p.Close()
			for i := range first {
				if !slices.Equal(first[i].Data, again[i].Data) {
					t.Errorf("%s: output %d depends on what ran before", c.name, i)
				}
			}
		}
	})
}

func TestTapsComeAfterTheOutputs(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		r := random("taps")
		w, in := randomWeights(r, g), randomInputs(r, g)
		plain := infer(t, g, w, Options{Executor: e}, in)
		tapped := infer(t, g, w, Options{Executor: e, Taps: []string{"inner"}}, in)
		want := infer(t, g, w, Options{Executor: Reference, Taps: []string{"inner"}}, in)
		if len(tapped) != 2 {
			t.Fatalf("%d tensors, want the output and the tap", len(tapped))
		}
		near(t, "output", tapped[0], plain[0], 1e-6)
		near(t, "tap", tapped[1], want[1], 1e-5)
	})
}

func TestACancelledRunSaysSo(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		g := smallNetwork()
		r := random("cancelled")
		w, in := randomWeights(r, g), randomInputs(r, g)
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		p, err := Compile(g, w, Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		out := p.NewOutputs()
		if err := p.Run(cancelled, in, out); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want a cancelled context", err)
		}
		if err := p.Run(context.Background(), in, out); err != nil {
			t.Errorf("the next run fails: %v", err)
		}
		tr, err := NewTrainer(g, w, Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		if err := tr.Forward(cancelled, in, out); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v in training, want a cancelled context", err)
		}
	})
}

func TestARunEndsSoonAfterItsContext(t *testing.T) {
	eachExecutor(t, func(t *testing.T, e Executor) {
		// Two seconds of plain Go in one operation, half a second of oneDNN in all.
		g := NewGraph()
		y := g.Input("x", 1, 128, 128, 128)
		for range 40 {
			y = g.Conv("a", y, Conv{Out: 128, Kernel: 3}.Same())
		}
		g.Output("y", y)
		w := Weights{"a.weight": NewTensor(128, 128, 3, 3)}
		p, err := Compile(g, w, Options{Executor: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		start := time.Now()
		for range 2 { // one runs, one waits
			wg.Go(func() {
				err := p.Run(ctx, []Tensor{NewTensor(1, 128, 128, 128)}, p.NewOutputs())
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want a passed deadline", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took > time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}
