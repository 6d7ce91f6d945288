//go:build cgo

package onednn

/*
#cgo CXXFLAGS: -std=c++17 -O2 -Wall -fopenmp
#cgo LDFLAGS: -ldnnl -lgomp
#include "onednn.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Engine is one thread that owns an OpenMP pool. It is safe for use by several
// goroutines: their work is done one after the other.
type Engine struct {
	handle  *C.jcs_engine
	threads int
	work    chan func()
	closing chan struct{}
	once    sync.Once
}

// ErrClosed is returned by an engine after Close.
var ErrClosed = errors.New("the engine is closed")

// NewEngine starts an engine that computes with so many threads; 0 takes all
// processors.
func NewEngine(threads int) (*Engine, error) {
	if threads < 1 {
		threads = runtime.NumCPU()
	}
	e := &Engine{threads: threads, work: make(chan func()), closing: make(chan struct{})}
	started := make(chan error)
	go e.serve(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting oneDNN: %w", err)
	}
	return e, nil
}

func (e *Engine) serve(started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread, and its pool, end with the goroutine
	C.jcs_set_threads(C.int(e.threads))
	var msg message
	e.handle = C.jcs_engine_new(msg.c())
	if e.handle == nil {
		started <- msg.err()
		return
	}
	started <- nil
	for {
		select {
		case f := <-e.work:
			f()
		case <-e.closing:
			C.jcs_engine_free(e.handle)
			return
		}
	}
}

// Threads is the number of threads that the engine computes with.
func (e *Engine) Threads() int { return e.threads }

// Do runs f on the engine's thread and returns its error. It waits for its
// turn until ctx is done.
func (e *Engine) Do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	select {
	case <-e.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case e.work <- func() { done <- f() }:
		return <-done
	}
}

// Close ends the thread. Steps and primitives must have been freed before.
func (e *Engine) Close() { e.once.Do(func() { close(e.closing) }) }

// LibraryVersion is oneDNN's version, such as 2.6.3.
func LibraryVersion() string { return C.GoString(C.jcs_library_version()) }

// InstructionSet is the best that oneDNN uses on this processor.
func InstructionSet() string { return C.GoString(C.jcs_instruction_set()) }

// BiasInSums reports whether an 8-bit convolution wants its bias divided by its
// scales.
func BiasInSums() bool { return C.jcs_bias_in_sums() != 0 }

// message is where C functions write what went wrong.
type message [C.JCS_ERROR]C.char

func (m *message) c() *C.char { return &m[0] }
func (m *message) err() error { return errors.New(C.GoString(&m[0])) }

// Block is memory outside Go's heap, which C may keep pointers into.
type Block struct {
	address unsafe.Pointer
	bytes   int
}

// Allocate returns a block of zeros aligned to a page.
func Allocate(bytes int) (*Block, error) {
	p := C.jcs_allocate(C.size_t(bytes))
	if p == nil {
		return nil, fmt.Errorf("there is no memory for %d bytes", bytes)
	}
	return &Block{p, bytes}, nil
}

// Bytes is the block's size.
func (b *Block) Bytes() int { return b.bytes }

// Float32s are n values from an offset in bytes, valid until Free.
func (b *Block) Float32s(offset, n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Add(b.address, offset)), n)
}

// Free gives the memory back.
func (b *Block) Free() {
	if b.address != nil {
		C.jcs_release(b.address, C.size_t(b.bytes))
		b.address = nil
	}
}
