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
	return branching{targets: 420, margin: 3, reach: 1e3, tip: 0.75, share: 2.6}
}
func airways() branching { return branching{targets: 36, margin: 15, reach: 75, tip: 1, share: 2.5} }

// grow joins each target, nearest first, to the node from which the way to the
// root gets longest the least, so that branches leave forwards; then radii
// follow from the tips (Murray's law, with a softer power).
func (b branching) grow(s side, rng *rand.Rand) []tube {
	type node struct {
		at     [3]float64
		parent int
		path   float64 // to the root
		flow   float64 // sum of tip radii to the power
	}
	root := s.hilum()
	var targets [][3]float64
	for len(targets) < b.targets {
		if q := s.pointIn(rng, b.margin); distance(q, root) < b.reach {
			targets = append(targets, q)
		}
	}
	slices.SortFunc(targets, func(p, q [3]float64) int {
		if distance(p, root) < distance(q, root) {
			return -1
		}
		return 1
	})
	nodes := []node{{at: root, parent: -1}}
	for _, q := range targets {
		best, cost := 0, math.Inf(1)
		for i, n := range nodes {
			if c := distance(n.at, q) + 0.35*n.path; c < cost {
				best, cost = i, c
			}
		}
		from := nodes[best]
		// A bend on the way keeps branches from being rulers.
		bend := [3]float64{}
		for k := range bend {
			bend[k] = (from.at[k]+q[k])/2 + 0.08*distance(from.at, q)*rng.NormFloat64()
		}
		nodes = append(nodes, node{at: bend, parent: best, path: from.path + distance(from.at, bend)})
		nodes = append(nodes, node{at: q, parent: len(nodes) - 1, path: nodes[len(nodes)-1].path + distance(bend, q)})
	}
	leaf := make([]bool, len(nodes))
	for i := range leaf {
		leaf[i] = true
	}
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
