//go:build cgo

package onednn

/*
#include "onednn.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Role is what a memory is to a primitive.
type Role int

// The roles. Input i of a concatenation or sum is MultipleSrc + i.
const (
	Src         Role = C.JCS_SRC
	Src1        Role = C.JCS_SRC_1
	Dst         Role = C.JCS_DST
	Weights     Role = C.JCS_WEIGHTS
	Bias        Role = C.JCS_BIAS
	Mean        Role = C.JCS_MEAN
	Variance    Role = C.JCS_VARIANCE
	Scale       Role = C.JCS_SCALE
	Shift       Role = C.JCS_SHIFT
	Workspace   Role = C.JCS_WORKSPACE
	Scratchpad  Role = C.JCS_SCRATCHPAD
	DiffSrc     Role = C.JCS_DIFF_SRC
	DiffDst     Role = C.JCS_DIFF_DST
	DiffWeights Role = C.JCS_DIFF_WEIGHTS
	DiffBias    Role = C.JCS_DIFF_BIAS
	DiffScale   Role = C.JCS_DIFF_SCALE
	DiffShift   Role = C.JCS_DIFF_SHIFT
	MultipleSrc Role = C.JCS_MULTIPLE_SRC
)

// Memory is a layout at an address.
type Memory struct{ handle *C.jcs_memory }

// Memory places a layout at an offset in bytes of a block.
func (e *Engine) Memory(l *Layout, b *Block, offset int) (*Memory, error) {
	if offset < 0 || offset+l.Bytes() > b.bytes {
		return nil, fmt.Errorf("a tensor of %d bytes at %d does not fit a block of %d", l.Bytes(), offset, b.bytes)
	}
	defer runtime.KeepAlive(l)
	var msg message
	h := C.jcs_memory_new(e.handle, l.handle, unsafe.Add(b.address, offset), msg.c())
	if h == nil {
		return nil, msg.err()
	}
	return &Memory{h}, nil
}

// Free forgets the memory object, not the block under it.
func (m *Memory) Free() { C.jcs_memory_free(m.handle) }

// Argument is a memory in a role.
type Argument struct {
	Role   Role
	Memory *Memory
}

// Step is a primitive with its memories, ready to run.
type Step struct {
	engine  *Engine
	handle  *C.jcs_step
	scratch *Block // its own, if it has one
}

// Step binds a primitive to memories. A primitive that wants a scratchpad and is
// given none gets one that is the step's own.
func (e *Engine) Step(p *Primitive, args ...Argument) (*Step, error) {
	s := &Step{engine: e}
	own, err := s.ownScratchpad(p, args)
	if err != nil {
		return nil, err
	}
	if own != nil {
		defer own.Free()
		args = append(slices.Clone(args), Argument{Scratchpad, own})
	}
	roles := make([]C.int, len(args))
	memories := make([]*C.jcs_memory, len(args))
	for i, a := range args {
		roles[i], memories[i] = C.int(a.Role), a.Memory.handle
	}
	var msg message
	s.handle = C.jcs_step_new(p.handle, C.int(len(args)), first(roles), first(memories), msg.c())
	if s.handle == nil {
		s.Free()
		return nil, msg.err()
	}
	return s, nil
}

// ownScratchpad makes what a primitive works in, nil where it wants nothing or
// is given it.
func (s *Step) ownScratchpad(p *Primitive, args []Argument) (*Memory, error) {
	if slices.ContainsFunc(args, func(a Argument) bool { return a.Role == Scratchpad }) {
		return nil, nil
	}
	l, err := p.Layout(Scratchpad)
	if err != nil || l.IsZero() {
		return nil, err
	}
	if s.scratch, err = Allocate(l.Bytes()); err != nil {
		return nil, fmt.Errorf("allocating a scratchpad: %w", err)
	}
	m, err := s.engine.Memory(l, s.scratch, 0)
	if err != nil {
		s.scratch.Free()
	}
	return m, err
}

// Run computes the step and returns when it is done.
func (s *Step) Run() error {
	var msg message
	if C.jcs_step_run(s.engine.handle, s.handle, msg.c()) != 0 {
		return msg.err()
	}
	return nil
}

// Free forgets the step.
func (s *Step) Free() {
	C.jcs_step_free(s.handle)
	if s.scratch != nil {
		s.scratch.Free()
	}
}
