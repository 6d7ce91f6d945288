package dataset

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// inGroups makes items of the groups, as many as their sizes say.
func inGroups(label int, prefix string, sizes ...int) []Item {
	var items []Item
	for g, n := range sizes {
		for i := range n {
			name := fmt.Sprintf("%s%02d", prefix, g)
			items = append(items, Item{Image: fmt.Sprintf("%s-%d", name, i), Group: name, Label: label,
				Columns: Row{[]string{"part"}, []string{[]string{"first", "second"}[g%2]}}})
		}
	}
	return items
}

func partsOf(items []Item) map[string]Part {
	parts := map[string]Part{}
	for _, it := range items {
		parts[it.Group] = it.Part
	}
	return parts
}

func TestRulesTakeGroupsByValue(t *testing.T) {
	items := inGroups(1, "g", 2, 3, 1, 4)
	s := Source{
		Exclude:    Rule{Values: []string{"g03"}},
		Test:       Rule{Column: "part", Values: []string{"second"}},
		Validation: Rule{Values: []string{"g00"}},
	}
	if err := s.assign(items); err != nil {
		t.Fatal(err)
	}
	want := map[string]Part{"g00": Validation, "g01": Test, "g02": Train, "g03": Excluded}
	for g, p := range partsOf(items) {
		if p != want[g] {
			t.Errorf("group %s is in the %v part, want %v", g, p, want[g])
		}
	}
}

func TestBlocksAreNeighboursOfEachClass(t *testing.T) {
	items := append(inGroups(1, "c", 1, 1, 1, 1, 1, 1, 1, 1), inGroups(0, "n", 4, 4, 4, 4)...)
	s := Source{Validation: Rule{Blocks: []int{1}, Of: 4}, Test: Rule{Blocks: []int{3}, Of: 4}}
	if err := s.assign(items); err != nil {
		t.Fatal(err)
	}
	for g, p := range partsOf(items) {
		want := map[string]Part{"c02": Validation, "c03": Validation, "c06": Test, "c07": Test, "n01": Validation, "n03": Test}[g]
		if p != want {
			t.Errorf("group %s is in the %v part, want %v", g, p, want)
		}
	}
}

func TestRulesThatCannotHoldAreRefused(t *testing.T) {
	cases := map[string]struct {
		source Source
		want   string
	}{
		"a value that no picture has":   {Source{Test: Rule{Values: []string{"g99"}}}, `"g99"`},
		"a column that is not there":    {Source{Test: Rule{Column: "fold", Values: []string{"1"}}}, `column "fold"`},
		"a block beyond the last":       {Source{Test: Rule{Blocks: []int{4}, Of: 4}}, "no block 4 of 4"},
		"one block for two parts":       {Source{Test: Rule{Blocks: []int{1}, Of: 4}, Validation: Rule{Blocks: []int{1}, Of: 4}}, "already"},
		"blocks of different divisions": {Source{Test: Rule{Blocks: []int{0}, Of: 2}, Validation: Rule{Blocks: []int{0}, Of: 4}}, "same number of blocks"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.source.assign(inGroups(1, "g", 2, 2, 2, 2))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestNoSplitPutsAGroupIntoTwoParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var sizes []int
		for range 3 + rng.IntN(30) {
			sizes = append(sizes, 1+rng.IntN(20))
		}
		items := append(inGroups(0, "a", sizes...), inGroups(1, "b", sizes[1:]...)...)
		rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		s := Source{
			Exclude:    Rule{Values: []string{"a00"}},
			Validation: Rule{Blocks: []int{1, 4}, Of: 6, Seed: uint64(rng.IntN(3))},
			Test:       Rule{Blocks: []int{2}, Of: 6},
		}
		s.Test.Seed = s.Validation.Seed
		if err := s.assign(items); err != nil {
			t.Fatal(err)
		}
		if err := Check(items); err != nil {
			t.Fatal(err)
		}
		if n := len(Select(items, Validation)) + len(Select(items, Train)) + len(Select(items, Test)) + len(Select(items, Excluded)); n != len(items) {
			t.Fatalf("%d of %d items are in a part", n, len(items))
		}
	}
}

func TestCheckFindsLeaks(t *testing.T) {
	apart := []Item{{Image: "a", Group: "g", Source: "s"}, {Image: "b", Group: "g", Source: "t", Part: Test}}
	if err := Check(apart); err != nil {
		t.Errorf("groups of two sources were taken for one: %v", err)
	}
	for name, items := range map[string][]Item{
		"a group in two parts": {{Image: "a", Group: "g"}, {Image: "b", Group: "g", Part: Test}},
		"a file in two parts":  {{Image: "a", Group: "g", Source: "s"}, {Image: "a", Group: "h", Source: "t", Part: Validation}},
	} {
		if Check(items) == nil {
			t.Errorf("%s was not found", name)
		}
	}
}
