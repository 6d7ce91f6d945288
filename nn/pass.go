package nn

// staged is a network on its way from a graph to an inference program. Passes
// turn one into another; what they were given stays as it was.
type staged struct {
	nodes   []*Value // each behind its inputs
	wanted  []Output
	weights parameters
}

// passes are applied in this order.
var passes = []func(staged) staged{foldBatchNorm, fuseResidual, fuseActivation}

func stage(g *Graph, w Weights, wanted []Output) staged {
	s := staged{nodes: g.nodes, wanted: wanted, weights: parameters{given: w}}.prune()
	for _, pass := range passes {
		s = pass(s).prune()
	}
	return s
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
