package findings

import "encoding/binary"

// run is a row's stretch of marked cells: columns from up to, not including, to.
type run struct {
	slice, row, from, to int32
	label                int32
}

// neighbourhood says which cells touch.
type neighbourhood int

const (
	byFaces   neighbourhood = iota // 4 neighbours in a plane, 6 in a volume
	byCorners                      // 8 in a plane, 26 in a volume
)

// components finds a mask's connected components and returns its runs in the
// order of slice, row and column, each with its component's label, 0 to n-1 in
// the order of first appearance. Runs take memory by what is marked, not by the
// grid.
func components(m Mask, columns, rows int, nb neighbourhood) (runs []run, n int) {
	starts := make([]int32, 1, len(m)*rows+1) // of each row in runs
	for s, plane := range m {
		for r := range rows {
			if plane != nil {
				runs = appendRuns(runs, plane[r*columns:(r+1)*columns], s, r)
			}
			starts = append(starts, int32(len(runs)))
		}
	}
	parent := make([]int32, len(runs))
	for i := range parent {
		parent[i] = int32(i)
	}
	reach := int32(0)
	if nb == byCorners {
		reach = 1
	}
	for s := range m {
		for r := range rows {
			here := s*rows + r
			if starts[here] == starts[here+1] {
				continue
			}
			if r > 0 {
				join(runs, parent, starts, here, here-1, reach)
			}
			if s == 0 {
				continue
			}
			below := here - rows
			join(runs, parent, starts, here, below, reach)
			if nb == byCorners && r > 0 {
				join(runs, parent, starts, here, below-1, reach)
			}
			if nb == byCorners && r < rows-1 {
				join(runs, parent, starts, here, below+1, reach)
			}
		}
	}
	labels := make([]int32, len(runs))
	for i := range runs {
		root := find(parent, int32(i))
		if root == int32(i) { // a root is its component's first run
			labels[i] = int32(n)
			n++
		}
		runs[i].label = labels[root]
	}
	return runs, n
}

func appendRuns(runs []run, line []uint8, slice, row int) []run {
	for c := 0; c < len(line); c++ {
		if line[c] == 0 {
			for c+8 < len(line) && binary.NativeEndian.Uint64(line[c:]) == 0 { // most of a mask
				c += 8
			}
		}
		if line[c] == 0 {
			continue
		}
		from := c
		for c < len(line) && line[c] != 0 {
			c++
		}
		runs = append(runs, run{slice: int32(slice), row: int32(row), from: int32(from), to: int32(c)})
	}
	return runs
}

// join unites the touching runs of two rows.
func join(runs []run, parent, starts []int32, a, b int, reach int32) {
	i, j := starts[a], starts[b]
	for i < starts[a+1] && j < starts[b+1] {
		x, y := &runs[i], &runs[j]
		if x.from < y.to+reach && y.from < x.to+reach {
			unite(parent, i, j)
		}
		if x.to < y.to {
			i++
		} else {
			j++
		}
	}
}

func find(parent []int32, i int32) int32 {
	for parent[i] != i {
		parent[i] = parent[parent[i]]
		i = parent[i]
	}
	return i
}

// unite keeps the smaller index as root.
func unite(parent []int32, a, b int32) {
	a, b = find(parent, a), find(parent, b)
	switch {
	case a < b:
		parent[b] = a
	case b < a:
		parent[a] = b
	}
}
