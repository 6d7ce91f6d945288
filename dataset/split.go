package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Rule says which groups of a source belong to a part: those with one of
// Values in Column (the group itself when Column is empty), or those in some
// of Of blocks. The zero value takes none.
//
// Blocks are stretches of neighbouring groups, in the order of the index, of
// about equally many pictures, for each class apart: neighbours in an index
// are often one patient under two names. With Seed above 0 the groups are
// shuffled first.
type Rule struct {
	Column string   `toml:"column"`
	Values []string `toml:"values"`
	Blocks []int    `toml:"blocks"` // counted from 0
	Of     int      `toml:"of"`
	Seed   uint64   `toml:"seed"`
}

// assign sets the items' parts. Exclude goes before Test, Test before
// Validation; blocks are cut from the groups that no Values have taken.
func (s Source) assign(items []Item) error {
	rules := []struct {
		part Part
		rule Rule
	}{{Excluded, s.Exclude}, {Test, s.Test}, {Validation, s.Validation}}
	taken := map[string]Part{}
	for _, r := range rules {
		if err := r.rule.byValue(items, r.part, taken); err != nil {
			return fmt.Errorf("%v part: %w", r.part, err)
		}
	}
	var rest []Item
	for _, it := range items {
		if _, ok := taken[it.Group]; !ok {
			rest = append(rest, it)
		}
	}
	for _, r := range rules {
		if err := r.rule.byBlock(rest, r.part, taken); err != nil {
			return fmt.Errorf("%v part: %w", r.part, err)
		}
	}
	for i := range items {
		items[i].Part = taken[items[i].Group]
	}
	return nil
}

func (r Rule) byValue(items []Item, part Part, taken map[string]Part) error {
	found := map[string]bool{}
	for _, it := range items {
		v := it.Group
		if r.Column != "" {
			var ok bool
			if v, ok = it.Columns.Value(r.Column); !ok {
				return fmt.Errorf("the index has no column %q", r.Column)
			}
		}
		if !slices.Contains(r.Values, v) {
			continue
		}
		found[v] = true
		if _, ok := taken[it.Group]; !ok {
			taken[it.Group] = part
		}
	}
	for _, v := range r.Values {
		if !found[v] {
			return fmt.Errorf("no picture has the value %q", v)
		}
	}
	return nil
}

func (r Rule) byBlock(items []Item, part Part, taken map[string]Part) error {
	if len(r.Blocks) == 0 {
		return nil
	}
	for _, b := range r.Blocks {
		if b < 0 || b >= r.Of {
			return fmt.Errorf("there is no block %d of %d, they count from 0", b, r.Of)
		}
	}
	for _, groups := range groupsByLabel(items) {
		if r.Seed > 0 {
			rng := rand.New(rand.NewPCG(r.Seed, 0))
			rng.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
		}
		total, before := 0, 0
		for _, g := range groups {
			total += g.size
		}
		for _, g := range groups {
			block := (2*before + g.size) * r.Of / (2 * total) // where the group's middle lies
			before += g.size
			if !slices.Contains(r.Blocks, block) {
				continue
			}
			if other, ok := taken[g.name]; ok && other != part {
				return fmt.Errorf("group %q is in the %v part already: give both parts the same number of blocks", g.name, other)
			}
			taken[g.name] = part
		}
	}
	return nil
}

type group struct {
	name  string
	label int
	size  int
}

// groupsByLabel lists the groups in the order of the index, apart for each
// label; a group's label is that of its first item.
func groupsByLabel(items []Item) [][]group {
	at := map[string]int{}
	var groups []group
	for _, it := range items {
		i, ok := at[it.Group]
		if !ok {
			i = len(groups)
			at[it.Group] = i
			groups = append(groups, group{name: it.Group, label: it.Label})
		}
		groups[i].size++
	}
	var labels []int
	for _, g := range groups {
		if !slices.Contains(labels, g.label) {
			labels = append(labels, g.label)
		}
	}
	slices.Sort(labels)
	var out [][]group
	for _, l := range labels {
		var of []group
		for _, g := range groups {
			if g.label == l {
				of = append(of, g)
			}
		}
		out = append(out, of)
	}
	return out
}

// Check makes sure that no group and no file is in two parts: a figure on
// slices whose neighbours were trained on is worth nothing.
func Check(items []Item) error {
	type key struct{ source, name string }
	groups, files := map[key]Part{}, map[string]Part{}
	for _, it := range items {
		k := key{it.Source, it.Group}
		if p, ok := groups[k]; ok && p != it.Part {
			return fmt.Errorf("group %q of %q is in the %v and the %v part", it.Group, it.Source, p, it.Part)
		}
		groups[k] = it.Part
		if p, ok := files[it.Image]; ok && p != it.Part {
			return fmt.Errorf("file %s is in the %v and the %v part", it.Image, p, it.Part)
		}
		files[it.Image] = it.Part
	}
	return nil
}
