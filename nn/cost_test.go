package nn

import "testing"

func TestTheOperationsOfAGraphByHand(t *testing.T) {
	g := NewGraph()
	x := g.Input("x", 2, 3, 8, 6)
	a := g.Conv("a", x, Conv{Out: 4, Kernel: 3}.Same())                                     // 2*2*4*8*6 * 3*9
	b := g.Conv("b", g.ReLU(a), Conv{Out: 4, Kernel: 3, Groups: 4, Stride: 2, Pad: Pad(1)}) // 2*2*4*4*3 * 9
	g.Conv("unread", a, Conv{Out: 100, Kernel: 1})
	g.Output("y", g.Linear("l", g.GlobalAverage(b), Linear{Out: 2}))
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	const first, second = 2 * 2 * 4 * 8 * 6 * 27, 2 * 2 * 4 * 4 * 3 * 9
	if got := g.Operations(); got != first+second {
		t.Errorf("%d operations, want %d", got, first+second)
	}
	if got := g.ConvolutionOperations(); len(got) != 2 || got["a"] != first || got["b"] != second {
		t.Errorf("operations by convolution: %v", got)
	}
	if got := g.TrainingOperations(); got != 2*first+3*second { // no gradient is led to the input
		t.Errorf("%d operations of a training step, want %d", got, 2*first+3*second)
	}
}
