package nn

import "fmt"

// Resize adds a bilinear resize to h x w with half-pixel centres and no
// antialiasing (PyTorch's interpolate with align_corners=False). To its own
// size it is x itself.
func (g *Graph) Resize(x *Value, h, w int) *Value {
	if g.owns(x) && len(x.shape) == 4 && x.shape[2] == h && x.shape[3] == w {
		return x
	}
	return g.add(resize{h, w}, nameOf(x), nil, x)
}

type resize struct{ height, width int }

func (resize) kind() string { return "resize" }

func (r resize) infer(in []Shape) (Shape, error) {
	if err := wantImage(in[0]); err != nil {
		return nil, err
	}
	if r.height < 1 || r.width < 1 {
		return nil, fmt.Errorf("cannot resize %v to %d x %d", in[0], r.height, r.width)
	}
	return Shape{in[0][0], in[0][1], r.height, r.width}, nil
}
