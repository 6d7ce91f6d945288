//go:build cgo

package nn

import (
	"errors"
	"fmt"
	"time"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// slot is memory for one tensor: a stretch of the arena, or, where block is
// set, a place outside it that lives as long as the program.
type slot struct {
	stretch
	block *onednn.Block
	index int // place in lowering.slots, or -1 outside the arena
	// shared memory is seen through several tensors, and so is not written to
	// again where one of them is no longer read.
	shared  bool
	scratch bool // a primitive works in it, and nothing is kept
}

// tensor is a slot, or what of it begins shift bytes in, seen through a layout,
// and the shape that this has.
type tensor struct {
	*slot
	layout *onednn.Layout
	shape  Shape
	shift  int
	scale  float32 // of 8-bit values: what a step of one is worth
}

// operand is a tensor in a role of a primitive.
type operand struct {
	role onednn.Role
	tensor
}

// instruction is a primitive to run, or work to be done in Go.
type instruction struct {
	name      string // of the layer, for profiles
	kind      string
	primitive *onednn.Primitive
	operands  []operand
	work      func()
	kernel    string // work: the name of what it calls, for profiles
	bound     *onednn.Step
}

// lowering turns operations into steps. All its methods run on the engine's
// thread. The first error sticks, as in a graph.
type lowering struct {
	engine     *onednn.Engine
	training   bool
	takes      func(Pass) bool
	steps      []*instruction
	slots      []*slot
	blocks     []*onednn.Block
	memories   []*onednn.Memory
	shared     *arena        // the engine's; nil: one of its own
	inArena    bool          // it joined shared
	arena      *onednn.Block // of shared, that the steps are tied to
	arenaBytes int           // what it needs of it

	packed   *Packed   // where parameters are looked for first, inference only
	borrowed []*packed // from it

	methods     map[*Value]method // of the convolutions; those not in it are exact
	values      map[*Value]tensor
	uses        map[*Value]int // reads of a value that are still to come
	homes       map[*Value]home
	wholes      map[*Value]tensor // results of concatenations that were begun
	weights     parameters
	constants   map[string]tensor // parameters as one layout wants them, inference only
	converted   map[conversion]tensor
	masters     map[string]master // training only
	tape        []recorded        // backward passes, in the order of the forward ones
	tail        []func()          // what leads to the inputs alone
	inTail      bool
	written     map[string]bool // parameters that have a gradient
	gradients   map[*Value][]contribution
	needs       map[*Value]bool // values on a way to a trained parameter
	current     *Value          // the operation being lowered
	calibration *Calibration    // of 8-bit convolutions
	watched     bool            // whether convolutions are shown to observer
	observer    func(convolution string, in, out Tensor)
	timed       func(s *instruction, took time.Duration) // told of each step, if set
	err         error
}

// recorded is an operation's backward pass, to be lowered later.
type recorded struct {
	value    *Value
	backward func()
}

func newLowering(e *onednn.Engine, w parameters, o Options, training bool) *lowering {
	return &lowering{
		engine: e, training: training, takes: o.takes, weights: w,
		values: map[*Value]tensor{}, uses: map[*Value]int{}, constants: map[string]tensor{},
		converted: map[conversion]tensor{}, masters: map[string]master{},
		gradients: map[*Value][]contribution{}, needs: map[*Value]bool{},
		written: map[string]bool{}, wholes: map[*Value]tensor{},
	}
}

func (l *lowering) fail(err error) {
	if err == nil || l.err != nil {
		return
	}
	if l.current != nil {
		err = fmt.Errorf("%s %q of %v: %w", l.current.op.kind(), l.current.name, l.current.shape, err)
	}
	l.err = err
}

// primitive passes p on, or keeps the error.
func (l *lowering) primitive(p *onednn.Primitive, err error) *onednn.Primitive {
	l.fail(err)
	return p
}

// layout is the layout that p wants for a role, or nil after an error.
func (l *lowering) layout(p *onednn.Primitive, r onednn.Role) *onednn.Layout {
	if l.err != nil {
		return nil
	}
	x, err := p.Layout(r)
	l.fail(err)
	return x
}

// plain is the dense row-major layout of a shape.
func (l *lowering) plain(shape Shape) *onednn.Layout {
	if l.err != nil {
		return nil
	}
	x, err := onednn.Plain(onednn.F32, shape...)
	l.fail(err)
	return x
}

// allocate makes a tensor in the arena.
func (l *lowering) allocate(layout *onednn.Layout, shape Shape) tensor {
	if l.err != nil {
		return tensor{}
	}
	s := &slot{stretch: stretch{bytes: layout.Bytes(), first: -1}, index: len(l.slots)}
	l.slots = append(l.slots, s)
	return tensor{slot: s, layout: layout, shape: shape}
}

// allocateLike makes a tensor in the arena in the layout of another.
func (l *lowering) allocateLike(t tensor) tensor {
	y := l.allocate(t.layout, t.shape)
	y.scale = t.scale
	return y
}

// keep makes a tensor outside the arena.
func (l *lowering) keep(layout *onednn.Layout, shape Shape) tensor {
	if l.err != nil {
		return tensor{}
	}
	b, err := onednn.Allocate(layout.Bytes())
	if err != nil {
		l.fail(err)
		return tensor{}
	}
	l.blocks = append(l.blocks, b)
	s := &slot{stretch: stretch{bytes: layout.Bytes()}, block: b, index: -1}
	return tensor{slot: s, layout: layout, shape: shape}
}

// record keeps the backward pass of an operation, when there is to be one.
func (l *lowering) record(v *Value, backward func()) {
	if l.training {
		l.tape = append(l.tape, recorded{v, backward})
	}
}

// emit appends a primitive, which works in a place of the arena that is its own
// for this step alone. It owns the primitive from then on.
func (l *lowering) emit(p *onednn.Primitive, operands ...operand) {
	if layout := l.layout(p, onednn.Scratchpad); layout != nil && !layout.IsZero() {
		scratch := l.allocate(layout, nil)
		scratch.scratch = true
		operands = append(operands, operand{onednn.Scratchpad, scratch})
	}
	if l.err != nil {
		return
	}
	s := &instruction{primitive: p, operands: operands}
	if l.current != nil {
		s.name, s.kind = l.current.name, l.current.op.kind()
	}
	l.append(s)
}

// emitKernel appends the call of a kernel that is not oneDNN's.
func (l *lowering) emitKernel(name string, work func(), operands ...operand) {
	if l.err != nil {
		return
	}
	s := &instruction{work: work, kernel: name, operands: operands}
	if l.current != nil {
		s.name, s.kind = l.current.name, l.current.op.kind()
	}
	l.append(s)
}

// emitWork appends work in Go that touches the given tensors.
func (l *lowering) emitWork(kind string, work func(), touches ...tensor) {
	if l.err != nil {
		return
	}
	s := &instruction{kind: kind, work: work}
	if l.current != nil {
		s.name = l.current.name
	}
	for _, t := range touches {
		s.operands = append(s.operands, operand{tensor: t})
	}
	l.append(s)
}

func (l *lowering) append(s *instruction) {
	at := len(l.steps)
	for _, o := range s.operands {
		l.touch(o.tensor, at)
	}
	l.steps = append(l.steps, s)
}

// touch stretches a tensor's life to a step.
func (l *lowering) touch(t tensor, at int) {
	if t.slot == nil {
		return
	}
	if t.first < 0 {
		t.first = at
	}
	t.last = max(t.last, at)
}

// as returns the tensor in a layout, by a reorder if it has another. 8-bit
// values keep what they are worth.
func (l *lowering) as(t tensor, want *onednn.Layout) tensor {
	if l.err != nil {
		return t
	}
	scale := float32(0)
	if eightBit(want.Type()) {
		scale = t.scale
	}
	return l.scaledAs(t, want, scale)
}

// scaledAs is as, to 8-bit values of which a step is worth scale.
func (l *lowering) scaledAs(t tensor, want *onednn.Layout, scale float32) tensor {
	if l.err != nil || t.layout.Equal(want) && t.scale == scale {
		return t
	}
	if t.scale == scale && l.takes(VectorsInPlace) && l.sameVector(t, want) {
		t.layout = want
		return t
	}
	if have, ok := l.kept(t, want, scale); ok {
		return have
	}
	out := l.allocate(want, t.shape)
	out.scale = scale
	l.reorder(t, out)
	l.keepCopy(t, out)
	return out
}

// asPlain returns the tensor in row-major order.
func (l *lowering) asPlain(t tensor) tensor { return l.as(t, l.plain(t.shape)) }

// reorder copies a tensor into another of any layout.
func (l *lowering) reorder(from, to tensor) {
	if l.err != nil {
		return
	}
	var factor []float32
	if worth := worth(from) / worth(to); worth != 1 {
		factor = []float32{worth}
	}
	p := l.primitive(l.engine.Reorder(from.layout, to.layout, factor...))
	l.emit(p, operand{onednn.Src, from}, operand{onednn.Dst, to})
	l.last().kind = "reorder"
}

// worth is what a value of one in a tensor's memory is worth.
func worth(t tensor) float32 {
	if t.scale == 0 {
		return 1
	}
	return t.scale
}

// wide is the tensor in float32, for operations that 8 bits are too coarse for.
func (l *lowering) wide(t tensor) tensor {
	if l.err != nil || !eightBit(t.layout.Type()) {
		return t
	}
	f := l.formatOf(t)
	if f.order == libraryOrder {
		f.order = plainOrder
	}
	return l.as(t, l.formatted(format{onednn.F32, f.order}, t.shape))
}

// precise is the tensor in float32, for operations that add much up.
func (l *lowering) precise(t tensor) tensor {
	if l.err != nil || t.layout.Type() == onednn.F32 {
		return t
	}
	f := l.formatOf(t)
	return l.as(t, l.formatted(format{onednn.F32, f.order}, t.shape))
}

// last is the instruction appended last, or one that is nowhere after an error.
func (l *lowering) last() *instruction {
	if l.err != nil {
		return &instruction{}
	}
	return l.steps[len(l.steps)-1]
}

// reshape sees a tensor that lies in row-major order under another shape.
func (l *lowering) reshape(t tensor, shape Shape) tensor {
	t = l.asPlain(t)
	return tensor{slot: t.slot, layout: l.plain(shape), shape: shape, shift: t.shift}
}

// constant returns a parameter in a layout, reordered once for all runs. view
// is the shape under which the primitive sees it.
func (l *lowering) constant(name string, view Shape, want *onednn.Layout) tensor {
	if l.err != nil {
		return tensor{}
	}
	if t, ok := l.constants[name]; ok && t.layout.Equal(want) {
		return t
	}
	out := l.pack(name, l.weights.tensor(name).Data, view, want)
	l.constants[name] = out
	return out
}

// pack keeps values outside the arena in a layout of any type, shared with
// other programs that want the same.
func (l *lowering) pack(name string, values []float32, view Shape, want *onednn.Layout) tensor {
	plain := l.plain(view)
	if l.err != nil {
		return tensor{}
	}
	e, err := l.packed.take(name, values, want, func(b *onednn.Block) error { return l.fill(b, want, plain, values) })
	if err != nil {
		l.fail(fmt.Errorf("placing parameter %q: %w", name, err))
		return tensor{}
	}
	l.borrowed = append(l.borrowed, e)
	s := &slot{stretch: stretch{bytes: want.Bytes()}, block: e.block, index: -1}
	return tensor{slot: s, layout: want, shape: view}
}

// fill writes row-major values into a block in a layout, now.
func (l *lowering) fill(b *onednn.Block, layout, plain *onednn.Layout, values []float32) error {
	if layout.Equal(plain) {
		copy(b.Float32s(0, len(values)), values)
		return nil
	}
	staging, err := onednn.Allocate(plain.Bytes())
	if err != nil {
		return err
	}
	defer staging.Free()
	copy(staging.Float32s(0, len(values)), values)
	from, err := l.engine.Memory(plain, staging, 0)
	if err != nil {
		return err
	}
	defer from.Free()
	to, err := l.engine.Memory(layout, b, 0)
	if err != nil {
		return err
	}
	defer to.Free()
	p, err := l.engine.Reorder(plain, layout)
	if err != nil {
		return err
	}
	defer p.Free()
	s, err := l.engine.Step(p, onednn.Argument{Role: onednn.Src, Memory: from}, onednn.Argument{Role: onednn.Dst, Memory: to})
	if err != nil {
		return err
	}
	defer s.Free()
	return s.Run()
}

func (l *lowering) place(t tensor) (*onednn.Block, int) {
	if t.block != nil {
		return t.block, t.offset + t.shift
	}
	return l.arena, t.offset + t.shift
}

// floats are a row-major tensor's values. It may be called once bound.
func (l *lowering) floats(t tensor) []float32 {
	block, offset := l.place(t)
	return block.Float32s(offset, t.shape.Elements())
}

// run does the steps from first up to, not including, last.
func (l *lowering) run(done <-chan struct{}, first, last int) error {
	for _, s := range l.steps[first:last] {
		select {
		case <-done:
			return errInterrupted
		default:
		}
		begin := time.Now()
		if s.work != nil {
			s.work()
		} else if err := s.bound.Run(); err != nil {
			return fmt.Errorf("%s %q: %w", s.kind, s.name, err)
		}
		if l.timed != nil {
			l.timed(s, time.Since(begin))
		}
	}
	return nil
}

var errInterrupted = errors.New("interrupted")

// free gives everything back. It is safe after a failure half-way.
func (l *lowering) free() {
	l.untie()
	for _, s := range l.steps {
		if s.primitive != nil {
			s.primitive.Free()
		}
	}
	for _, b := range l.blocks {
		b.Free()
	}
	for _, e := range l.borrowed {
		l.packed.give(e)
	}
	if l.inArena {
		l.shared.leave()
	}
	*l = lowering{}
}
