//go:build cgo

package nn

import (
	"maps"
	"testing"
)

func TestSpentWeightsGiveTheSameAnswersAndAreGone(t *testing.T) {
	for _, c := range append(quantisedCases(), twiceRead()) {
		g := c.graph(t)
		w, in, _ := c.values(t, g)
		w["of another network"] = NewTensor(3)
		given := maps.Clone(w)
		whole, spent := infer(t, g, given, Options{}, in), infer(t, g, w, Options{Spend: true}, in)
		for i := range whole {
			for j, v := range whole[i].Data {
				if spent[i].Data[j] != v {
					t.Fatalf("%s: value %d is %g with spent weights, %g else", c.name, j, spent[i].Data[j], v)
				}
			}
		}
		if len(w) > 0 {
			t.Errorf("%s: %d weights are left", c.name, len(w))
		}
		if len(given) < 2 {
			t.Errorf("%s: weights that were not to be spent are gone", c.name)
		}
	}
}

// twiceRead has a kernel that is read twice, with a norm behind each.
func twiceRead() graphCase {
	return one("a kernel read twice", Shape{1, 8, 9, 9}, func(g *Graph, x *Value) *Value {
		shared := Conv{Out: 8, Kernel: 3}.Same()
		y := g.ReLU(g.BatchNorm("one", g.Conv("shared", x, shared), BatchNorm{}))
		return g.BatchNorm("two", g.Conv("shared", y, shared), BatchNorm{})
	})
}
