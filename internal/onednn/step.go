//go:build cgo

package onednn

/*
#include "onednn.h"
*/
import "C"

import (
	"fmt"
	"runtime"
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
	engine *Engine
	handle *C.jcs_step
}

// Step binds a primitive to memories.
func (e *Engine) Step(p *Primitive, args ...Argument) (*Step, error) {
	roles := make([]C.int, len(args))
	memories := make([]*C.jcs_memory, len(args))
	for i, a := range args {
		roles[i], memories[i] = C.int(a.Role), a.Memory.handle
	}
	var msg message
	h := C.jcs_step_new(p.handle, C.int(len(args)), first(roles), first(memories), msg.c())
	if h == nil {
		return nil, msg.err()
	}
	return &Step{e, h}, nil
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
func (s *Step) Free() { C.jcs_step_free(s.handle) }
