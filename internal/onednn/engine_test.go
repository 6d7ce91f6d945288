//go:build cgo

package onednn

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

func engine(t *testing.T) *Engine {
	t.Helper()
	e, err := NewEngine(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestWorkOfSeveralGoroutinesIsDoneOneAfterTheOther(t *testing.T) {
	e := engine(t)
	var wg sync.WaitGroup
	busy, most, done := 0, 0, 0 // only the engine's thread touches them
	for range 20 {
		wg.Go(func() {
			err := e.Do(context.Background(), func() error {
				busy++
				most = max(most, busy)
				busy--
				done++
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most != 1 || done != 20 {
		t.Errorf("%d at a time, %d done; want 1 and 20", most, done)
	}
}

func TestAnEngineHandsBackErrorsAndItsEnd(t *testing.T) {
	e, err := NewEngine(1)
	if err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed")
	if err := e.Do(context.Background(), func() error { return failed }); !errors.Is(err, failed) {
		t.Errorf("the work's error came back as %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	release := make(chan struct{})
	go func() { _ = e.Do(context.Background(), func() error { <-release; return nil }) }()
	if err := e.Do(ctx, func() error { return nil }); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with an ended context: %v", err)
	}
	close(release)
	e.Close()
	e.Close() // twice does no harm
	if err := e.Do(context.Background(), func() error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestLayoutsTellSizeEqualityAndParts(t *testing.T) {
	plain, err := Plain(F32, 2, 20, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	last, err := ChannelsLast(F32, 2, 20, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Bytes() != 2*20*3*5*4 || last.Bytes() != plain.Bytes() {
		t.Errorf("sizes are %d and %d", plain.Bytes(), last.Bytes())
	}
	if plain.Equal(last) {
		t.Error("NCHW and NHWC are called equal")
	}
	part, err := last.Part([]int{2, 7, 3, 5}, []int{0, 6, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	dense, err := part.Dense()
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := ChannelsLast(F32, 2, 7, 3, 5); !dense.Equal(want) {
		t.Error("a part of NHWC made dense is not NHWC")
	}
	if _, err := plain.Part([]int{2, 21, 3, 5}, []int{0, 0, 0, 0}); err == nil {
		t.Error("a part larger than the whole was given")
	}
}

// The order of NHWC is that of the formula (y*W + x)*C + c.
func TestAReorderMovesEachValueToItsPlace(t *testing.T) {
	e := engine(t)
	const n = 1 * 3 * 2 * 2
	var got []float32
	err := e.Do(context.Background(), func() error {
		from, err := Plain(F32, 1, 3, 2, 2)
		if err != nil {
			return err
		}
		to, err := ChannelsLast(F32, 1, 3, 2, 2)
		if err != nil {
			return err
		}
		a, err := Allocate(from.Bytes())
		if err != nil {
			return err
		}
		defer a.Free()
		b, err := Allocate(to.Bytes())
		if err != nil {
			return err
		}
		defer b.Free()
		for i := range n {
			a.Float32s(0, n)[i] = float32(i)
		}
		ma, err := e.Memory(from, a, 0)
		if err != nil {
			return err
		}
		defer ma.Free()
		mb, err := e.Memory(to, b, 0)
		if err != nil {
			return err
		}
		defer mb.Free()
		p, err := e.Reorder(from, to)
		if err != nil {
			return err
		}
		defer p.Free()
		s, err := e.Step(p, Argument{Src, ma}, Argument{Dst, mb})
		if err != nil {
			return err
		}
		defer s.Free()
		if err := s.Run(); err != nil {
			return err
		}
		got = slices.Clone(b.Float32s(0, n))
		if _, err := e.Memory(from, a, 4); err == nil {
			t.Error("a tensor was placed beyond its block")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}; !slices.Equal(got, want) {
		t.Errorf("NHWC is %v, want %v", got, want)
	}
}
