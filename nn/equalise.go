package nn

import (
	"maps"
	"math"
	"slices"
)

// Equalise returns weights of the same network whose channels are nearer to
// each other in size, for 8 bits have one scale for a whole tensor: what one
// operation writes smaller, by a power of two for each channel, those that read
// it multiply by more, and nothing is rounded. largest are the largest
// magnitudes of the channels that each convolution reads: see
// [Calibrator.Channels].
//
// After Nagel et al., Data-Free Quantization Through Weight Equalization and
// Bias Correction (ICCV 2019, section 4.1), and, since weights have a scale for
// each result channel here, with activations set against weights as in Xiao et
// al., SmoothQuant (ICML 2023, equation 4).
func Equalise(g *Graph, w Weights, sizes map[string]ChannelSizes) Weights {
	e := newEqualisation(g, w)
	for _, v := range e.nodes {
		e.bind(v)
	}
	for _, o := range g.outputs {
		e.pin(o.Value)
	}
	return e.apply(e.exponents(sizes))
}

// equalisation finds which channels are the same numbers, up to what a ReLU, a
// pool, a resize, a concatenation or the like makes of them: those have one
// factor.
type equalisation struct {
	nodes   []*Value
	weights Weights
	first   map[*Value]int // index of a value's first channel
	parent  []int          // of each channel; its own index for the first of a group
	pinned  []bool         // of the first of a group: it has no factor but 1
	readers map[string]int // operations that read a parameter
}

func newEqualisation(g *Graph, w Weights) *equalisation {
	e := &equalisation{nodes: g.pruned(), weights: w, first: map[*Value]int{}, readers: map[string]int{}}
	for _, v := range e.nodes {
		e.first[v] = len(e.parent)
		for range channels(v) {
			e.parent = append(e.parent, len(e.parent))
		}
		for _, p := range v.params {
			e.readers[p.Name]++
		}
	}
	e.pinned = make([]bool, len(e.parent))
	return e
}

func (e *equalisation) group(channel int) int {
	for e.parent[channel] != channel {
		e.parent[channel] = e.parent[e.parent[channel]]
		channel = e.parent[channel]
	}
	return channel
}

// join makes n channels of two values, from some on, the same.
func (e *equalisation) join(a *Value, from int, b *Value, to, n int) {
	for i := range n {
		x, y := e.group(e.first[a]+from+i), e.group(e.first[b]+to+i)
		e.parent[x] = y
		e.pinned[y] = e.pinned[y] || e.pinned[x]
	}
}

// pin leaves all channels of some values as they are.
func (e *equalisation) pin(values ...*Value) {
	for _, v := range values {
		for i := range channels(v) {
			e.pinned[e.group(e.first[v]+i)] = true
		}
	}
}

// bind says what an operation asks of the factors of what it reads and writes.
func (e *equalisation) bind(v *Value) {
	switch op := v.op.(type) {
	case Conv:
		if op.Groups > 1 || e.shared(v) {
			e.pin(append(v.inputs, v)...)
		}
	case Linear: // it can read other sizes, but writes for sigmoids
		e.pin(v)
		if e.shared(v) {
			e.pin(v.inputs...)
		}
	case BatchNorm: // it could take factors on both sides, but one is enough
		e.pin(v.inputs...)
		if e.shared(v) {
			e.pin(v)
		}
	case Activation:
		if op != ReLU {
			e.pin(v.inputs[0], v)
		}
		e.join(v.inputs[0], 0, v, 0, channels(v))
	case maxPool, averagePool, resize, globalAverage:
		e.join(v.inputs[0], 0, v, 0, channels(v))
	case concat:
		at := 0
		for _, in := range v.inputs {
			e.join(in, 0, v, at, channels(in))
			at += channels(in)
		}
	case slice:
		e.join(v.inputs[0], op.from, v, 0, channels(v))
	case add:
		e.join(v.inputs[0], 0, v, 0, channels(v))
		e.join(v.inputs[1], 0, v, 0, channels(v))
	case scaleChannels:
		e.join(v.inputs[0], 0, v, 0, channels(v))
		e.pin(v.inputs[1])
	default:
		e.pin(append(v.inputs, v)...)
	}
}

// shared reports whether another operation reads one of the parameters too.
func (e *equalisation) shared(v *Value) bool {
	return slices.ContainsFunc(v.params, func(p *Parameter) bool { return e.readers[p.Name] > 1 })
}

// largestExponent bounds the factors, so that weights keep their digits in 16
// bits too.
const largestExponent = 5

// exponents are those of the powers of two that each channel is divided by: the
// square root of what is seen of it over the largest weight that reads it,
// against the middle of all channels that are read together.
func (e *equalisation) exponents(sizes map[string]ChannelSizes) []int {
	seen, weight := make([]float64, len(e.parent)), make([]float64, len(e.parent))
	see := func(v *Value, sizes []float32) {
		for i, m := range sizes {
			at := e.group(e.first[v] + i)
			seen[at] = max(seen[at], float64(m))
		}
	}
	for _, v := range e.nodes {
		// What a convolution writes is in 8 bits too, and may be larger than what
		// is read of it behind a gate. A norm has been folded into it.
		if _, ok := v.op.(BatchNorm); ok {
			if _, ok := v.inputs[0].op.(Conv); ok {
				see(v, sizes[v.inputs[0].name].Out)
			}
		}
		conv, ok := v.op.(Conv)
		if !ok || conv.Groups > 1 {
			continue
		}
		see(v, sizes[v.name].Out)
		see(v.inputs[0], sizes[v.name].In)
		kernel := e.weights[v.params[0].Name]
		in := channels(v.inputs[0])
		each := len(kernel.Data) / kernel.Shape[0] / in
		for i := range len(kernel.Data) / each {
			at := e.group(e.first[v.inputs[0]] + i%in)
			for _, k := range kernel.Data[i*each:][:each] {
				weight[at] = max(weight[at], math.Abs(float64(k)))
			}
		}
	}
	wanted := make([]float64, len(e.parent))
	for i := range wanted {
		if seen[i] > 0 && weight[i] > 0 && !e.pinned[i] {
			wanted[i] = math.Log2(seen[i]/weight[i]) / 2
		} else {
			wanted[i] = math.NaN()
		}
	}
	middle := e.middle(wanted)
	all := make([]int, len(e.parent))
	for i := range all {
		if at := e.group(i); !math.IsNaN(wanted[at]) {
			all[i] = int(math.Round(min(max(wanted[at]-middle, -largestExponent), largestExponent)))
		}
	}
	return all
}

func (e *equalisation) middle(wanted []float64) float64 {
	var known []float64
	for _, v := range wanted {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return 0
	}
	slices.Sort(known)
	return known[len(known)/2]
}

// apply writes the factors into copies of the weights.
func (e *equalisation) apply(exponents []int) Weights {
	out := maps.Clone(e.weights)
	own := map[string]bool{}
	change := func(name string) []float32 {
		t := out[name]
		if !own[name] {
			own[name] = true
			t.Data = slices.Clone(t.Data)
			out[name] = t
		}
		return t.Data
	}
	// times multiplies the channels along a parameter's axis.
	times := func(p *Parameter, axis int, v *Value, sign int) {
		inner := 1
		for _, n := range p.Shape[axis+1:] {
			inner *= n
		}
		n, data := p.Shape[axis], change(p.Name)
		for i := range data {
			if by := exponents[e.first[v]+i/inner%n]; by != 0 {
				data[i] = float32(math.Ldexp(float64(data[i]), sign*by))
			}
		}
	}
	for _, v := range e.nodes {
		switch v.op.(type) {
		case Conv:
			if !e.still(v, exponents) {
				for _, p := range v.params { // weight and bias
					times(p, 0, v, -1)
				}
			}
			if p := v.params[0]; !e.still(v.inputs[0], exponents) && p.Shape[1] == channels(v.inputs[0]) {
				times(p, 1, v.inputs[0], 1)
			}
		case Linear:
			if !e.still(v.inputs[0], exponents) {
				times(v.params[0], 1, v.inputs[0], 1)
			}
		case BatchNorm:
			if !e.still(v, exponents) {
				times(v.params[0], 0, v, -1) // the weight, and
				times(v.params[1], 0, v, -1) // the bias
			}
		}
	}
	return out
}

// still reports whether nothing of a value has a factor.
func (e *equalisation) still(v *Value, exponents []int) bool {
	at := e.first[v]
	return !slices.ContainsFunc(exponents[at:at+channels(v)], func(by int) bool { return by != 0 })
}
