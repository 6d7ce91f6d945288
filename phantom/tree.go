package phantom

import (
	"math"
	"math/rand/v2"
	"slices"
)

// branching says how a tree of tubes grows from a root to targets in a lung.
type branching struct {
	targets int
	margin  float64 // of the targets from the pleura, mm
	reach   float64 // of the targets from the root, mm
	tip     float64 // radius of the last branches, mm
	share   float64 // a parent's radius to this power is the sum of its children's
}

// Arteries and veins fill a lung to its rim; airways are seen in its inner half.
func vessels() branching {
	return branching{targets: 560, margin: 4, reach: 1e3, tip: 0.6, share: 2.55}
}
func airways() branching { return branching{targets: 26, margin: 18, reach: 62, tip: 1, share: 2.6} }

// node is a place of a tree.
type node struct {
	at     vec
	parent int
	path   float64 // to the root
	flow   float64 // sum of tip radii to the power
}

// grow joins each target, nearest first, to the node from which the way to the
// root gets longest the least, so that branches leave forwards; then radii
// follow from the tips (Murray's law, with a softer power).
func (b branching) grow(a *anatomy, s side, rng *rand.Rand) []tube {
	root := s.hilum()
	var targets []vec
	for len(targets) < b.targets {
		if q := a.pointIn(s, rng, b.margin); distance(q, root) < b.reach {
			targets = append(targets, q)
		}
	}
	slices.SortFunc(targets, func(p, q vec) int {
		if distance(p, root) < distance(q, root) {
			return -1
		}
		return 1
	})
	nodes := []node{{at: root, parent: -1}}
	for _, q := range targets {
		best, cost := 0, math.Inf(1)
		for i, n := range nodes {
			if c := distance(n.at, q) + 0.6*n.path; c < cost {
				best, cost = i, c
			}
		}
		nodes = reach(nodes, best, q, rng)
	}
	return b.tubes(nodes)
}

// reach leads a branch from a node to a place by short steps along a slight
// bend, so that later branches can leave it anywhere.
func reach(nodes []node, from int, to vec, rng *rand.Rand) []node {
	start := nodes[from].at
	way := distance(start, to)
	var bend vec
	for k := range bend {
		bend[k] = 0.07 * way * rng.NormFloat64()
	}
	steps := max(1, int(math.Ceil(way/7)))
	for i := 1; i <= steps; i++ {
		t := float64(i) / float64(steps)
		at := add(lerp(start, to, t), scale(bend, 4*t*(1-t)))
		last := nodes[from]
		nodes = append(nodes, node{at: at, parent: from, path: last.path + distance(last.at, at)})
		from = len(nodes) - 1
	}
	return nodes
}

func (b branching) tubes(nodes []node) []tube {
	leaf := slices.Repeat([]bool{true}, len(nodes))
	for _, n := range nodes[1:] {
		leaf[n.parent] = false
	}
	for i := len(nodes) - 1; i > 0; i-- {
		if leaf[i] {
			nodes[i].flow += math.Pow(b.tip, b.share)
		}
		nodes[nodes[i].parent].flow += nodes[i].flow
	}
	tubes := make([]tube, 0, len(nodes)-1)
	for _, n := range nodes[1:] {
		r := math.Pow(n.flow, 1/b.share)
		tubes = append(tubes, tube{a: nodes[n.parent].at, b: n.at, r0: r, r1: r})
	}
	return tubes
}
