package ct

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// decoders are a few child processes that read DICOM side by side.
type decoders struct {
	children []*dcmtk.Child
	revived  atomic.Int32
	limits   dcmtk.Limits
	same     map[[2]string]bool // pairs of files, whether they are identical
}

// maxRevived bounds how many children may die of an input's files.
const maxRevived = 100

// maxDecoders bounds the child processes of one input; reading is bound by the
// disk beyond that.
const maxDecoders = 4

// filesPerDecoder is for how many files a further child is worth its memory, which
// is that of 40 slices: with more children, reading a short series would take more
// than twice its volume.
const filesPerDecoder = 50

// sliceBytes are the most that a slice's pixels take, and an inflated file that
// holds one.
const sliceBytes = 128 << 20

// startDecoders starts what is useful for a number of files. Those that hold
// many frames get memory for as many: what of a file is parsed, and its bytes.
func startDecoders(ctx context.Context, entries []entry, limits Limits) (*decoders, error) {
	largest := int64(0)
	for _, e := range entries {
		largest = max(largest, min(e.size, limits.FileBytes))
	}
	d := &decoders{
		children: make([]*dcmtk.Child, max(1, min(len(entries)/filesPerDecoder, runtime.GOMAXPROCS(0), maxDecoders))),
		limits:   dcmtk.Limits{Pixels: max(sliceBytes, largest), Memory: 6*sliceBytes + 3*max(0, largest-sliceBytes)},
		same:     map[[2]string]bool{},
	}
	err := d.revive(ctx)
	if err == nil {
		return d, nil
	}
	d.close()
	if errors.Is(err, dcmtk.ErrUnavailable) {
		r := refuse("no_dicom", "this build of jcs reads no DICOM, because it was made without cgo: build it with cgo and DCMTK, or give PNG pictures")
		r.Err = err
		return nil, r
	}
	return nil, err
}

// revive starts the children that are not there, or died of a file.
func (d *decoders) revive(ctx context.Context) error {
	return parallel(ctx, len(d.children), len(d.children), func(_, i int) error { return d.reviveOne(ctx, i) })
}

func (d *decoders) reviveOne(ctx context.Context, i int) error {
	if c := d.children[i]; c != nil {
		if !c.Ended() {
			return nil
		}
		if d.revived.Add(1) > maxRevived {
			return refuse("decoder_crashed", "the decoder process ended over more than %d files of the input: copy or export it again", maxRevived)
		}
	}
	c, err := dcmtk.Start(ctx, d.limits)
	d.children[i] = c
	return err
}

func (d *decoders) close() {
	for _, c := range d.children {
		if c != nil {
			c.Close()
		}
	}
}

// eachOf calls do for i from 0 to n-1, on all children at once, each call with the
// number of a child of its own.
func (d *decoders) eachOf(ctx context.Context, n int, do func(worker, i int) error) error {
	return parallel(ctx, len(d.children), n, do)
}

// parallel calls do for i from 0 to n-1 from several goroutines, in order of
// beginning, and returns the error of the lowest i that failed. After an error
// no further call begins.
func parallel(ctx context.Context, workers, n int, do func(worker, i int) error) error {
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		mu     sync.Mutex
		first  error
		lowest = n
	)
	for worker := range workers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := ctx.Err()
				if err == nil {
					err = do(worker, i)
				}
				if err != nil {
					next.Store(int64(n))
					mu.Lock()
					if i < lowest {
						first, lowest = err, i
					}
					mu.Unlock()
					return
				}
			}
		})
	}
	group.Wait()
	return first
}
