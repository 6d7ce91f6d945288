package diagnose

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jcs-ct/jcs/network"
)

// lanes are the goroutines of an engine: while one computes, another prepares
// its next slice or explains the last one.
const lanes = 2

// workers are engines side by side.
type workers struct {
	options []network.Options // of each, with its engine
}

// newWorkers starts n engines that share so many threads out; 0 threads are all
// processors.
func newWorkers(n int, o network.Options) (*workers, error) {
	threads := o.Threads
	if threads < 1 {
		threads = runtime.NumCPU()
	}
	w := &workers{}
	if o.Packed == nil {
		o.Packed = &network.Packed{} // weights, which all of them share
	}
	for i := range n {
		each := o
		each.Threads = max(1, (threads+n-1-i)/n)
		e, err := network.NewEngine(each.Threads)
		if err != nil {
			w.close()
			return nil, err
		}
		each.Engine = e
		w.options = append(w.options, each)
	}
	return w, nil
}

// close ends the engines. The networks on them must be closed before.
func (w *workers) close() {
	for _, o := range w.options {
		o.Engine.Close()
	}
}

// team is a network compiled for every worker.
type team[N interface{ Close() }] struct {
	members []*member[N]
	done    sync.WaitGroup
}

type member[N any] struct {
	ready   chan struct{} // closed once network or err is set
	network N
	err     error
}

// assemble begins to compile a network for the first n workers, one after the
// other: what the first one measures and packs is there for the next, so that
// all of them compute in the same ways. The first can begin while others are
// still compiled.
func assemble[N interface{ Close() }](ctx context.Context, w *workers, n int, compile func(network.Options) (N, error)) *team[N] {
	t := &team[N]{}
	for range min(n, len(w.options)) {
		t.members = append(t.members, &member[N]{ready: make(chan struct{})})
	}
	t.done.Go(func() {
		var err error
		for i, m := range t.members {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				o := w.options[i]
				o.Spend = i == len(t.members)-1 // no other needs the weights
				m.network, err = compile(o)
			}
			m.err = err
			close(m.ready)
		}
	})
	return t
}

// close waits for what is being compiled and frees the networks.
func (t *team[N]) close() {
	if t == nil {
		return
	}
	t.done.Wait()
	for _, m := range t.members {
		if m.err == nil {
			m.network.Close()
		}
	}
}

// each calls do for every job from 0 to n-1, in order of beginning, on all
// members at once. After an error no further job begins, and the first error is
// returned; when ctx ends, its own.
func (t *team[N]) each(ctx context.Context, n int, do func(ctx context.Context, network N, job int) error) error {
	jobs := make(chan int)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(jobs)
		for i := range n {
			select {
			case jobs <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for _, m := range t.members {
		for range lanes {
			group.Go(func() error {
				select {
				case <-m.ready:
				case <-ctx.Done():
					return ctx.Err()
				}
				if m.err != nil {
					return m.err
				}
				for i := range jobs {
					if err := ctx.Err(); err != nil {
						return err
					}
					if err := do(ctx, m.network, i); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return group.Wait()
}

// teller counts what several goroutines have done, and tells Progress of it.
type teller struct {
	mu          sync.Mutex
	options     *Options
	stage       Stage
	done, total int
}

func (t *teller) add(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	t.options.progress(t.stage, t.done, t.total)
}
