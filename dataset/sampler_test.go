package dataset

import (
	"fmt"
	"slices"
	"testing"
)

func storeOf(items []Item) *Store {
	st := &Store{}
	for _, it := range items {
		st.Pictures = append(st.Pictures, &Picture{Item: it})
	}
	return st
}

func TestARoundDrawsEachPictureOnce(t *testing.T) {
	items := inGroups(1, "g", 3, 4, 5)
	s, err := newSampler(storeOf(items), []Source{{PerBatch: 4}}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		var drawn []int
		for b := range 3 {
			drawn = append(drawn, s.batch(round*3+b, nil)...)
		}
		slices.Sort(drawn)
		for i, place := range drawn {
			if i != place {
				t.Fatalf("round %d draws %v", round, drawn)
			}
		}
	}
	if slices.Equal(s.batch(0, nil), s.batch(3, nil)) {
		t.Error("two rounds have one order")
	}
}

func TestABatchDependsOnSeedAndStepAlone(t *testing.T) {
	st := storeOf(inGroups(1, "g", 3, 40, 5))
	sources := []Source{{PerBatch: 5, Balance: 0.5}}
	a, _ := newSampler(st, sources, 7)
	b, _ := newSampler(st, sources, 7)
	other, _ := newSampler(st, sources, 8)
	for _, step := range []int{100, 3, 9} {
		if x, y := fmt.Sprint(a.batch(step, nil)), fmt.Sprint(b.batch(step, nil)); x != y {
			t.Errorf("step %d draws %s and %s", step, x, y)
		}
	}
	if slices.Equal(a.batch(0, nil), other.batch(0, nil)) {
		t.Error("two seeds draw the same")
	}
}

func TestBalanceAndClassesShiftTheDraws(t *testing.T) {
	items := append(inGroups(0, "n", 90, 10), inGroups(1, "c", 20)...)
	for i := range items {
		items[i].Source = "s"
	}
	share := func(src Source, of func(Item) bool) float64 {
		src.Name, src.PerBatch = "s", 10
		s, err := newSampler(storeOf(items), []Source{src}, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for step := range 120 {
			for _, i := range s.batch(step, nil) {
				if of(items[i]) {
					n++
				}
			}
		}
		return float64(n) / 1200
	}
	positive := func(it Item) bool { return it.Label == 1 }
	small := func(it Item) bool { return it.Group == "n01" }
	for _, c := range []struct {
		name      string
		source    Source
		of        func(Item) bool
		low, high float64
	}{
		{"each slice equally often", Source{}, positive, 0.16, 0.175},
		{"each class equally often", Source{Classes: true}, positive, 0.49, 0.51},
		{"each group equally often", Source{Balance: 1}, small, 0.32, 0.345},
		{"each class, then each group", Source{Balance: 1, Classes: true}, small, 0.24, 0.26},
	} {
		if got := share(c.source, c.of); got < c.low || got > c.high {
			t.Errorf("%s: a share of %.3f, want %.2f to %.2f", c.name, got, c.low, c.high)
		}
	}
}

func TestSourcesWithoutPicturesAreRefused(t *testing.T) {
	st := storeOf(inGroups(1, "g", 3))
	if _, err := newSampler(st, []Source{{Name: "other", PerBatch: 1}}, 1); err == nil {
		t.Error("a source without pictures was taken")
	}
	if _, err := newSampler(st, []Source{{}}, 1); err == nil {
		t.Error("a batch of nothing was taken")
	}
}
