package dataset

import (
	"context"
	"fmt"
	"sync"
)

// Batch is what a training step takes: the samples of all sources, in the
// order of the sources.
type Batch struct {
	Step    int
	Samples []Sample
}

// Loader makes batches ahead of time on goroutines of its own. What a batch
// holds depends on the seed and the step alone, not on the goroutines, so a
// loader that starts at a later step goes on where an earlier one left off.
type Loader struct {
	sampler *sampler
	augment Augmentation
	store   *Store
	made    []chan Batch // of step s at s modulo its length
	next    int
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// NewLoader starts workers that make the batches from step first on, at most
// ahead of them before they are asked for.
func NewLoader(st *Store, sources []Source, a Augmentation, seed uint64, first, workers, ahead int) (*Loader, error) {
	if a.Width < 8 || a.Height < 8 || a.View < max(a.Width, a.Height) {
		return nil, fmt.Errorf("a crop of %d x %d does not fit a view of %d", a.Width, a.Height, a.View)
	}
	s, err := newSampler(st, sources, seed)
	if err != nil {
		return nil, err
	}
	workers = max(workers, 1)
	ctx, cancel := context.WithCancel(context.Background())
	// A multiple of the workers, so that one place is always filled by the same
	// worker and its batches cannot overtake each other.
	places := (max(ahead, workers) + workers - 1) / workers * workers
	l := &Loader{sampler: s, augment: a, store: st, next: first, cancel: cancel, made: make([]chan Batch, places)}
	for i := range l.made {
		l.made[i] = make(chan Batch, 1)
	}
	for w := range workers {
		l.wg.Go(func() { l.work(ctx, first+w, workers) })
	}
	return l, nil
}

// BatchSize is the number of samples in each batch.
func (l *Loader) BatchSize() int { return l.sampler.batchSize() }

// Next is the batch of the next step, or ctx's error once that has ended.
func (l *Loader) Next(ctx context.Context) (Batch, error) {
	if ctx.Err() != nil {
		return Batch{}, context.Cause(ctx)
	}
	select {
	case b := <-l.made[l.next%len(l.made)]:
		l.next++
		return b, nil
	case <-ctx.Done():
		return Batch{}, context.Cause(ctx)
	}
}

// Close stops the workers.
func (l *Loader) Close() {
	l.cancel()
	l.wg.Wait()
}

// work makes every workers-th batch. A channel holds one batch, so a worker
// waits until the batch of the same place has been taken.
func (l *Loader) work(ctx context.Context, step, workers int) {
	for ; ; step += workers {
		select {
		case l.made[step%len(l.made)] <- l.batch(step):
		case <-ctx.Done():
			return
		}
	}
}

func (l *Loader) batch(step int) Batch {
	places := l.sampler.batch(step, nil)
	b := Batch{Step: step, Samples: make([]Sample, len(places))}
	for j, i := range places {
		rng := newRand(l.sampler.seed, 1<<32, uint64(step), uint64(j))
		b.Samples[j] = l.augment.Apply(l.store.Pictures[i], rng)
	}
	return b
}
