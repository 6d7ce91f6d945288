package nn

import (
	"fmt"
	"slices"
	"strings"
)

// Pass names something that compiling does to a network so that it takes less
// time or memory. The results are the same but for rounding, so each pass may
// be left out: Options.Without.
type Pass string

// The passes: see Passes.
const (
	FoldBatchNorm    Pass = "fold-batch-norm"
	FuseResidual     Pass = "fuse-residual"
	FuseActivation   Pass = "fuse-activation"
	ConcatInPlace    Pass = "concat-in-place"
	SliceInPlace     Pass = "slice-in-place"
	SumInPlace       Pass = "sum-in-place"
	GradientsInPlace Pass = "gradients-in-place"
	VectorsInPlace   Pass = "vectors-in-place"
	KeepCopies       Pass = "keep-copies"
	PlanMemory       Pass = "plan-memory"
)

// PassDescription says in a sentence what a pass does.
type PassDescription struct {
	Pass      Pass
	Does      string
	Inference bool // whether programs take it
	Training  bool // whether trainers do
	// rewrite makes one network of another, in inference. It is nil where the pass
	// is a part of how operations become steps, or steps get their memory.
	rewrite func(staged) staged
}

// Passes are all of them, in the order in which they are applied. Those that
// rewrite the graph are of inference: a trainer needs what they do away with,
// and fuses activations in a way of its own.
func Passes() []PassDescription {
	return []PassDescription{
		{FoldBatchNorm, "A convolution takes in the batch norm that alone follows it, as other weights; in inference.", true, false, foldBatchNorm},
		{FuseResidual, "A convolution adds its result to a residual where an addition alone follows it; in inference.", true, false, fuseResidual},
		{FuseActivation, "A convolution, a linear layer or, in training, a batch norm applies the activation that alone follows it.", true, true, fuseActivation},
		{ConcatInPlace, "The parts of a concatenation are written to their places in it at once, of one slice.", true, true, nil},
		{SliceInPlace, "Some of a tensor's channels are read where they lie.", true, true, nil},
		{SumInPlace, "A convolution with a residual writes over it where nothing else reads it any more; in inference.", true, false, nil},
		{GradientsInPlace, "A gradient is added up, or led through an activation or a norm, where one lay that nothing else reads; in training.", false, true, nil},
		{VectorsInPlace, "Planes of one value, as a squeeze-excite has them, go from one order in memory to another without a copy.", true, true, nil},
		{KeepCopies, "A tensor's copy in another order or type serves all that want it so.", true, true, nil},
		{PlanMemory, "A tensor lies where another one lay that is no longer read.", true, true, nil},
	}
}

// CheckPasses finds a name that is not one of a pass.
func CheckPasses(names []Pass) error {
	var known []string
	for _, p := range Passes() {
		known = append(known, string(p.Pass))
	}
	for _, name := range names {
		if !slices.Contains(known, string(name)) {
			last := len(known) - 1
			return fmt.Errorf("there is no pass %q: %s and %s are", name, strings.Join(known[:last], ", "), known[last])
		}
	}
	return nil
}

// takes reports whether a pass is not left out.
func (o Options) takes(p Pass) bool { return !slices.Contains(o.Without, p) }

// staged is a network on its way from a graph to an inference program. Passes
// turn one into another; what they were given stays as it was.
type staged struct {
	nodes   []*Value // each behind its inputs
	wanted  []Output
	weights parameters
}

// stage applies the passes on the graph, but for those that the options leave
// out.
func stage(g *Graph, w Weights, wanted []Output, o Options) staged {
	s := staged{nodes: g.nodes, wanted: wanted, weights: parameters{given: w}}.prune()
	for _, pass := range Passes() {
		if pass.rewrite != nil && o.takes(pass.Pass) {
			s = pass.rewrite(s).prune()
		}
	}
	return s
}

// fusesAll reports whether the options leave the graph's passes all in, so that
// a convolution's result is the one that a calibration saw.
func (o Options) fusesAll() bool {
	return !slices.ContainsFunc(Passes(), func(p PassDescription) bool { return p.rewrite != nil && !o.takes(p.Pass) })
}

// prune drops the nodes that nothing wanted depends on. Inputs stay.
func (s staged) prune() staged {
	needed := map[*Value]bool{}
	for _, o := range s.wanted {
		needed[o.Value] = true
	}
	for i := len(s.nodes) - 1; i >= 0; i-- {
		if needed[s.nodes[i]] {
			for _, in := range s.nodes[i].inputs {
				needed[in] = true
			}
		}
	}
	out := staged{wanted: s.wanted, weights: s.weights}
	for _, v := range s.nodes {
		if _, isInput := v.op.(input); isInput || needed[v] {
			out.nodes = append(out.nodes, v)
		}
	}
	return out
}

// uses counts for each value the operations that read it, and once more if it
// is wanted itself.
func (s staged) uses() map[*Value]int {
	n := map[*Value]int{}
	for _, v := range s.nodes {
		for _, in := range v.inputs {
			n[in]++
		}
	}
	for _, o := range s.wanted {
		n[o.Value]++
	}
	return n
}

// rewrite builds the network anew. For each node, f is given the old node and
// its new inputs and returns the node's successor, or nil for a plain copy.
func (s staged) rewrite(f func(old *Value, in []*Value) *Value) staged {
	successor := map[*Value]*Value{}
	out := staged{weights: s.weights}
	for _, old := range s.nodes {
		in := make([]*Value, len(old.inputs))
		for i, x := range old.inputs {
			in[i] = successor[x]
		}
		v := f(old, in)
		if v == nil {
			copied := *old
			copied.inputs = in
			v = &copied
		}
		successor[old] = v
		out.nodes = append(out.nodes, v)
	}
	for _, o := range s.wanted {
		out.wanted = append(out.wanted, Output{o.Name, successor[o.Value]})
	}
	return out
}

// fusedConv is a convolution with what was fused into it: its second input, if
// it has a residual, is added to the result before the activation.
type fusedConv struct {
	Conv
	residual  bool
	activated bool
	after     Activation
}

// asConv returns the convolution that v is, fused or not.
func asConv(v *Value) (fusedConv, bool) {
	switch c := v.op.(type) {
	case Conv:
		return fusedConv{Conv: c}, true
	case fusedConv:
		return c, true
	}
	return fusedConv{}, false
}
