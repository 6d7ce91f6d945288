//go:build cgo

package nn

import (
	"slices"

	"github.com/jcs-ct/jcs/internal/onednn"
)

// assignment chooses for every convolution of a network the method by which
// the whole network takes least time: what the convolutions take, and what it
// takes to bring their inputs into the formats that they read.
type assignment struct {
	staged   staged
	watch    *stopwatch
	training bool
	needs    map[*Value]bool // training: values on a way to a trained parameter
	choices  map[*Value][]choice
	methods  map[*Value]method
	reorders map[reordering]float64
}

// choice is a method with what it takes.
type choice struct {
	method
	seconds float64
}

type reordering struct {
	shape    [4]int
	from, to format
}

// assign returns the methods of all convolutions. allowed says in which types
// each of them may be computed. seconds is what that should take, but for what
// is the same in all of them.
func assign(s staged, watch *stopwatch, allowed func(v *Value) []kinds, needs map[*Value]bool) (methods map[*Value]method, seconds float64) {
	a := &assignment{
		staged: s, watch: watch, training: needs != nil, needs: needs,
		choices: map[*Value][]choice{}, reorders: map[reordering]float64{},
	}
	for _, v := range s.nodes {
		if c, ok := asConv(v); ok {
			if all := a.measure(v, c, allowed(v)); len(all) > 0 {
				a.choices[v] = all
			}
		}
	}
	// A chain may have to change as a whole to gain, so the way is begun from
	// several sides.
	for _, begin := range []func(choice) bool{
		func(choice) bool { return true },
		func(c choice) bool { return c.order == channelsLast },
		func(c choice) bool { return c.order == blocked },
	} {
		a.start(begin)
		if cost := a.descend(); methods == nil || cost < seconds {
			methods, seconds = a.methods, cost
		}
	}
	return methods, seconds
}

// measure returns the ways of computing a convolution, the fastest first.
func (a *assignment) measure(v *Value, c fusedConv, allowed []kinds) []choice {
	spec := convolutionOf(c, v.inputs[0].shape, v.shape)
	spec.Training = a.training
	var all []choice
	fastest := 0.0
	for _, kind := range allowed {
		for _, o := range []order{channelsLast, blocked} {
			if eightBit(kind.in) && o == blocked {
				continue // the library has none that is worth it
			}
			m, seconds, ok := a.fastest(spec, method{kinds: kind, order: o}, v, fastest)
			if !ok {
				continue
			}
			all = append(all, choice{m, seconds})
			if fastest == 0 || seconds < fastest {
				fastest = seconds
			}
		}
	}
	slices.SortStableFunc(all, func(x, y choice) int {
		switch {
		case x.seconds < y.seconds:
			return -1
		case x.seconds > y.seconds:
			return 1
		}
		return 0
	})
	return all
}

// fastest picks the algorithm of each pass. ok is false where one has none.
func (a *assignment) fastest(spec onednn.Convolution, m method, v *Value, limit float64) (method, float64, bool) {
	total := 0.0
	for p := forward; p <= backwardWeights; p++ {
		if p != forward && !a.training || p == backwardData && !a.needs[v.inputs[0]] || p == backwardWeights && !a.needs[v] {
			continue
		}
		described := spec
		if p != forward {
			described.Training, described.Accumulate, described.Activation = false, false, onednn.NoActivation
		}
		best, least := float64(none), limit
		for by := direct; by < algorithms; by++ {
			w := m
			w.by[p] = by
			if !w.fits(described, p) {
				continue
			}
			t := a.watch.convolution(described, w, p, least)
			if t == none {
				continue
			}
			if !a.training {
				t += by.price(spec)
			} else if by == roundedDirect {
				t += a.copies(spec, m, p)
			}
			if best == none || t < best {
				m.by[p], best, least = by, t, t
			}
		}
		if best == none {
			return m, 0, false
		}
		total += best
	}
	return m, total, true
}

// copies is what it takes to bring into bfloat16 what a pass reads, but for what
// an earlier pass by the same algorithm has brought there.
func (a *assignment) copies(spec onednn.Convolution, m method, p convPass) float64 {
	total := 0.0
	if p == forward || p == backwardWeights && m.by[forward] != roundedDirect {
		total += a.watch.reorder(Shape{spec.N, spec.In, spec.Height, spec.Width}, format{onednn.F32, m.order}, format{onednn.BF16, m.order})
	}
	if p == backwardData || p == backwardWeights && m.by[backwardData] != roundedDirect {
		total += a.watch.reorder(Shape{spec.N, spec.Out, spec.OutHeight, spec.OutWidth}, format{onednn.F32, m.order}, format{onednn.BF16, m.order})
	}
	return total
}

// start takes for every convolution its fastest method that is allowed, or its
// fastest of all.
func (a *assignment) start(allowed func(choice) bool) {
	a.methods = map[*Value]method{}
	for v, all := range a.choices {
		a.methods[v] = all[0].method
		if i := slices.IndexFunc(all, allowed); i >= 0 {
			a.methods[v] = all[i].method
		}
	}
}

// descend changes one convolution's method at a time while the whole gains.
func (a *assignment) descend() float64 {
	cost := a.cost()
	for gained := true; gained; {
		gained = false
		for _, v := range a.staged.nodes {
			for _, c := range a.choices[v] {
				was := a.methods[v]
				if c.method == was {
					continue
				}
				a.methods[v] = c.method
				if now := a.cost(); now < cost {
					cost, gained = now, true
				} else {
					a.methods[v] = was
				}
			}
		}
	}
	return cost
}

// cost is the time of all convolutions and of the reorders between them.
func (a *assignment) cost() float64 {
	total := 0.0
	type copied struct {
		v  *Value
		to format
	}
	done := map[copied]bool{}
	formats := make(map[*Value]format, len(a.staged.nodes))
	bring := func(v *Value, to format) {
		if from := formats[v]; from != to && !done[copied{v, to}] && len(v.shape) == 4 {
			done[copied{v, to}] = true
			total += a.reorder(v.shape, from, to)
		}
	}
	for _, v := range a.staged.nodes {
		formats[v] = format{onednn.F32, plainOrder}
		if c, ok := asConv(v); ok {
			m, known := a.methods[v]
			if !known {
				continue
			}
			spec := convolutionOf(c, v.inputs[0].shape, v.shape)
			bring(v.inputs[0], m.source(spec))
			if c.residual {
				bring(v.inputs[1], m.result())
			}
			formats[v] = m.result()
			total += a.seconds(v, m)
			continue
		}
		if !follows(v) {
			continue
		}
		f := formats[v.inputs[0]]
		if f.order == blocked && !keepsBlocks(v) {
			f.order = plainOrder
		}
		for _, in := range v.inputs {
			if eightBit(f.kind) && !keepsNarrow(v, formats[in].kind) {
				f.kind = onednn.F32
			}
		}
		formats[v] = f
		switch v.op.(type) {
		case scaleChannels:
			bring(v.inputs[0], f)
		default:
			for _, in := range v.inputs {
				bring(in, f)
			}
		}
	}
	for _, o := range a.staged.wanted {
		bring(o.Value, format{onednn.F32, plainOrder})
	}
	return total
}

func (a *assignment) seconds(v *Value, m method) float64 {
	for _, c := range a.choices[v] {
		if c.method == m {
			return c.seconds
		}
	}
	return 0
}

func (a *assignment) reorder(s Shape, from, to format) float64 {
	k := reordering{[4]int(s), from, to}
	t, ok := a.reorders[k]
	if !ok {
		t = a.watch.reorder(s, from, to)
		if t == none {
			t = 1e3 // never
		}
		if a.training { // and its gradient the other way
			t *= 2
		}
		a.reorders[k] = t
	}
	return t
}

// keepsNarrow reports whether an operation can work on 8-bit values, of which
// one input has the type.
func keepsNarrow(v *Value, kind onednn.Type) bool {
	switch v.op.(type) {
	case maxPool, resize, slice, scaleChannels:
		return true
	case concat:
		return eightBit(kind)
	}
	return false
}

// keepsBlocks reports whether a split or a concatenation lies along blocks of
// channels.
func keepsBlocks(v *Value) bool {
	switch op := v.op.(type) {
	case slice:
		block := onednn.ChannelBlock()
		return op.from%block == 0 && (op.to%block == 0 || op.to == channels(v.inputs[0]))
	case concat:
		parts := make([]tensor, len(v.inputs))
		for i, in := range v.inputs {
			parts[i].shape = in.shape
		}
		return aligned(parts)
	}
	return true
}

// follows reports whether an operation's result has the format of its first
// input.
func follows(v *Value) bool {
	switch v.op.(type) {
	case input, Linear, softmax, globalAverage:
		return false
	}
	return len(v.inputs) > 0 && len(v.shape) == 4
}
