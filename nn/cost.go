package nn

import "slices"

// Operations are the multiplications and additions of the convolutions that
// the graph's outputs need: what a run has to do, whichever way it does it.
func (g *Graph) Operations() int64 {
	sum := int64(0)
	for _, v := range g.pruned() {
		sum += v.operations()
	}
	return sum
}

// TrainingOperations are those of a step: forward, the gradients of the
// kernels, and those of the values on a way to a trained parameter.
func (g *Graph) TrainingOperations() int64 {
	nodes := g.pruned()
	needs := needed(nodes)
	sum := int64(0)
	for _, v := range nodes {
		n := v.operations()
		sum += 2 * n
		if n > 0 && needs[v.inputs[0]] {
			sum += n
		}
	}
	return sum
}

// ConvolutionOperations are Operations by the name of the convolution.
func (g *Graph) ConvolutionOperations() map[string]int64 {
	all := map[string]int64{}
	for _, v := range g.pruned() {
		if n := v.operations(); n > 0 {
			all[v.name] += n
		}
	}
	return all
}

func (g *Graph) pruned() []*Value {
	return staged{nodes: g.nodes, wanted: g.outputs}.prune().nodes
}

// needed are the values on a way to a trained parameter: those that have one
// behind them.
func needed(nodes []*Value) map[*Value]bool {
	needs := map[*Value]bool{}
	for _, v := range nodes {
		needs[v] = slices.ContainsFunc(v.params, func(p *Parameter) bool { return p.Trained }) ||
			slices.ContainsFunc(v.inputs, func(in *Value) bool { return needs[in] })
	}
	return needs
}
