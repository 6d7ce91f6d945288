//go:build cgo

package nn

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"sync"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// Packed keeps parameters in the layouts that programs read them in, so that
// programs of one network share them: workers, batch sizes, a classifier and
// the segmenter on the same encoder. It is given in Options and is safe for use
// by programs on several engines. What no program reads any more is freed. The
// zero value is empty.
//
// Parameters are the same where name, values and layout are. Their names alone
// would not do: what a batch norm was folded into is computed anew for every
// program, and a store may serve several networks.
type Packed struct {
	mu      sync.Mutex
	entries map[packedName][]*packed
	seed    maphash.Seed
}

type packedName struct {
	name   string
	values uint64 // hash of the values
	n      int
}

// packed is one parameter in one layout, or in a form of its own that has a
// name.
type packed struct {
	name   packedName
	layout *onednn.Layout
	form   string
	block  *onednn.Block
	users  int
}

// take returns a parameter that is there, or makes it by fill. Each take asks
// for one give.
func (p *Packed) take(name string, values []float32, want *onednn.Layout, fill func(*onednn.Block) error) (*packed, error) {
	is := func(e *packed) bool { return e.layout != nil && e.layout.Equal(want) }
	return p.find(name, values, is, packed{layout: want}, want.Bytes(), fill)
}

// takeForm is take for a form that is not one of oneDNN's layouts.
func (p *Packed) takeForm(name string, values []float32, form string, bytes int, fill func(*onednn.Block) error) (*packed, error) {
	is := func(e *packed) bool { return e.form == form }
	return p.find(name, values, is, packed{form: form}, bytes, fill)
}

// find returns the parameter that is wanted, or fills one of that kind.
func (p *Packed) find(name string, values []float32, wanted func(*packed) bool, kind packed, bytes int, fill func(*onednn.Block) error) (*packed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entries == nil {
		p.entries, p.seed = map[packedName][]*packed{}, maphash.MakeSeed()
	}
	key := packedName{name, hashFloats(p.seed, values), len(values)}
	for _, e := range p.entries[key] {
		if wanted(e) {
			e.users++
			return e, nil
		}
	}
	b, err := onednn.Allocate(bytes)
	if err != nil {
		return nil, err
	}
	if err := fill(b); err != nil {
		b.Free()
		return nil, err
	}
	e := &kind
	e.name, e.block, e.users = key, b, 1
	p.entries[key] = append(p.entries[key], e)
	return e, nil
}

// give ends one use of a parameter.
func (p *Packed) give(e *packed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	e.block.Free()
	all := p.entries[e.name]
	for i, other := range all {
		if other == e {
			all = append(all[:i], all[i+1:]...)
			break
		}
	}
	if len(all) == 0 {
		delete(p.entries, e.name)
		return
	}
	p.entries[e.name] = all
}

// Bytes is what the parameters take that programs read at present.
func (p *Packed) Bytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, all := range p.entries {
		for _, e := range all {
			n += e.block.Bytes()
		}
	}
	return n
}

func hashFloats(seed maphash.Seed, values []float32) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var buffer [4096]byte
	for len(values) > 0 {
		n := min(len(values), len(buffer)/4)
		for i, v := range values[:n] {
			binary.NativeEndian.PutUint32(buffer[4*i:], math.Float32bits(v))
		}
		h.Write(buffer[:4*n])
		values = values[n:]
	}
	return h.Sum64()
}

// memory is what a lowering keeps.
func (l *lowering) memory() Memory {
	m := Memory{Arena: l.arenaBytes}
	for _, s := range l.slots {
		if !s.scratch {
			m.Activations += align(s.bytes)
		}
	}
	for _, b := range l.blocks {
		m.Weights += b.Bytes()
	}
	for _, e := range l.borrowed {
		m.Weights += e.block.Bytes()
	}
	return m
}
