package nn

import "sort"

// stretch is memory that is needed from one step of a program to another, both
// included. place puts it at an offset of the arena.
type stretch struct {
	bytes       int
	first, last int
	offset      int
}

const arenaAlignment = 64 // a cache line, and what AVX-512 loads like best

// place gives each stretch an offset so that no two that are needed at the
// same time overlap, and returns the arena's size. The largest are placed
// first, each at the lowest gap that holds it ("greedy by size", Pisarchyk and
// Lee, Efficient Memory Management for Deep Neural Net Inference, 2020).
func place(stretches []*stretch) int {
	order := append([]*stretch(nil), stretches...)
	sort.SliceStable(order, func(i, j int) bool { return order[i].bytes > order[j].bytes })
	var placed []*stretch // by offset
	total := 0
	for _, s := range order {
		size := align(s.bytes)
		offset := 0
		for _, p := range placed {
			if p.last < s.first || s.last < p.first {
				continue
			}
			if offset+size <= p.offset {
				break
			}
			offset = max(offset, p.offset+align(p.bytes))
		}
		s.offset = offset
		total = max(total, offset+size)
		at := sort.Search(len(placed), func(i int) bool { return placed[i].offset > offset })
		placed = append(placed, nil)
		copy(placed[at+1:], placed[at:])
		placed[at] = s
	}
	return total
}

// placeApart gives each stretch an offset of its own, for as long as the
// program lives, and returns the arena's size.
func placeApart(stretches []*stretch) int {
	total := 0
	for _, s := range stretches {
		s.offset = total
		total += align(s.bytes)
	}
	return total
}

func align(n int) int { return (n + arenaAlignment - 1) / arenaAlignment * arenaAlignment }
