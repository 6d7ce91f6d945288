//go:build cgo

package nn

import (
	"fmt"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// arena is the memory of activations. The inference programs of an engine run
// one at a time and leave nothing in it that they read in a later run, so they
// share one, as large as the largest of them wants. Its methods belong to the
// engine's thread.
type arena struct {
	block *onednn.Block
	users int
}

// join makes place for one more program. A larger block takes the place of the
// one before: programs that are bound to that bind anew when they are run.
func (a *arena) join(bytes int) error {
	if a.block == nil || a.block.Bytes() < bytes {
		b, err := onednn.Allocate(bytes)
		if err != nil {
			return fmt.Errorf("allocating the arena: %w", err)
		}
		a.drop()
		a.block = b
	}
	a.users++
	return nil
}

// leave is what a program does that joined. The last one frees the memory.
func (a *arena) leave() {
	if a.users--; a.users == 0 {
		a.drop()
	}
}

func (a *arena) drop() {
	if a.block != nil {
		a.block.Free()
		a.block = nil
	}
}

// bind places the slots in the arena and ties every step to its memory.
func (l *lowering) bind() error {
	if l.err != nil {
		return l.err
	}
	stretches := make([]*stretch, 0, len(l.slots))
	for _, s := range l.slots {
		s.first = max(s.first, 0)
		stretches = append(stretches, &s.stretch)
	}
	l.arenaBytes = l.plan(stretches)
	if l.shared == nil {
		l.shared = &arena{}
	}
	if err := l.shared.join(l.arenaBytes); err != nil {
		return err
	}
	l.inArena = true
	return l.tie()
}

// plan places the slots in the arena: in each other's memory, or each in its
// own.
func (l *lowering) plan(stretches []*stretch) int {
	if l.takes(PlanMemory) {
		return place(stretches)
	}
	return placeApart(stretches)
}

// tie makes the steps that run in the arena as it is now. It does nothing
// where they are tied to it already.
func (l *lowering) tie() error {
	if l.arena == l.shared.block {
		return nil
	}
	l.untie()
	for _, s := range l.steps {
		if s.primitive == nil {
			continue
		}
		args := make([]onednn.Argument, len(s.operands))
		for i, o := range s.operands {
			block, offset := o.block, o.offset+o.shift
			if block == nil {
				block = l.shared.block
			}
			m, err := l.engine.Memory(o.layout, block, offset)
			if err != nil {
				return fmt.Errorf("%s %q: %w", s.kind, s.name, err)
			}
			l.memories = append(l.memories, m)
			args[i] = onednn.Argument{Role: o.role, Memory: m}
		}
		var err error
		if s.bound, err = l.engine.Step(s.primitive, args...); err != nil {
			return fmt.Errorf("%s %q: %w", s.kind, s.name, err)
		}
	}
	l.arena = l.shared.block
	return nil
}

// untie forgets the steps and their memories.
func (l *lowering) untie() {
	for _, s := range l.steps {
		if s.bound != nil {
			s.bound.Free()
			s.bound = nil
		}
	}
	for _, m := range l.memories {
		m.Free()
	}
	l.memories, l.arena = nil, nil
}
