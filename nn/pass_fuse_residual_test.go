package nn

import "testing"

func TestFuseResidual(t *testing.T) {
	checkPass(t, fuseResidual, []passCase{
		{"a convolution is added to what it skips", func(g *Graph, x *Value) {
			g.Output("y", g.Add(g.Conv("c", x, same4), x))
		}, []string{"convolution+add"}},
		{"from the right as well", func(g *Graph, x *Value) {
			g.Output("y", g.Add(x, g.Conv("c", x, same4)))
		}, []string{"convolution+add"}},
		{"of two convolutions one takes the other in", func(g *Graph, x *Value) {
			g.Output("y", g.Add(g.Conv("a", x, same4), g.Conv("b", x, same4)))
		}, []string{"convolution", "convolution+add"}},
		{"a convolution that is read twice is not touched", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("c", c)
			g.Output("y", g.Add(c, x))
		}, []string{"convolution", "add"}},
		{"a value added to itself is not touched", func(g *Graph, x *Value) {
			c := g.Conv("c", x, same4)
			g.Output("y", g.Add(c, c))
		}, []string{"convolution", "add"}},
	})
}
