package nn

import (
	"math/rand/v2"
	"testing"
)

func TestStretchesThatLiveTogetherDoNotOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var all []*stretch
		sum := 0
		for range 1 + r.IntN(40) {
			first := r.IntN(30)
			s := &stretch{bytes: 1 + r.IntN(5000), first: first, last: first + r.IntN(8)}
			all = append(all, s)
			sum += align(s.bytes)
		}
		total := place(all)
		if total > sum {
			t.Fatalf("the arena takes %d bytes, its tensors together %d", total, sum)
		}
		for i, a := range all {
			if a.offset%arenaAlignment != 0 || a.offset+a.bytes > total {
				t.Fatalf("a stretch of %d bytes at %d in an arena of %d", a.bytes, a.offset, total)
			}
			for _, b := range all[:i] {
				together := a.first <= b.last && b.first <= a.last
				if together && a.offset < b.offset+b.bytes && b.offset < a.offset+a.bytes {
					t.Fatalf("%+v and %+v overlap", *a, *b)
				}
			}
		}
	}
}

func TestAChainNeedsTwoTensorsAtATime(t *testing.T) {
	var chain []*stretch
	for i := range 10 {
		chain = append(chain, &stretch{bytes: 640, first: i, last: i + 1})
	}
	if got := place(chain); got != 2*640 {
		t.Errorf("the arena takes %d bytes, want %d", got, 2*640)
	}
}
