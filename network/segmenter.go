package network

import (
	"context"
	"fmt"
	"image"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/picture"
)

// Segmenter runs a segmenter's or joint segmenter's model, slice by slice.
// Several goroutines may use it: one of them computes at a time, while others
// prepare their slices and bring masks to size.
type Segmenter struct {
	model   *Model
	program *nn.Program
	buffers pool // the output is the mask's probability [1 1 H W]
}

// Segmentation is what a segmenter says of one slice: the probability of a
// lesion at each pixel of the source picture, in rows.
type Segmentation struct {
	Width, Height int
	Probability   []float32
}

// NewSegmenter compiles a segmenter.
func NewSegmenter(m *Model, o Options) (*Segmenter, error) {
	if !m.Plan.segments() {
		return nil, fmt.Errorf("the %s is no segmenter", m.Plan.Name)
	}
	g, err := m.Plan.GraphWith(GraphOptions{Outputs: HeadOutputs()[:1]}, 1, m.Plan.Height, m.Plan.Width)
	if err != nil {
		return nil, err
	}
	engine, err := o.engine(m)
	if err != nil {
		return nil, err
	}
	w, spent, err := m.giveWeights(o.Spend)
	if err != nil {
		return nil, err
	}
	engine.Spend = spent
	program, err := nn.Compile(g, w, engine)
	if err != nil {
		return nil, fmt.Errorf("compiling the %s: %w", m.Plan.Name, err)
	}
	s := &Segmenter{model: m, program: program}
	s.buffers.shape, s.buffers.program = nn.Shape{1, 3, m.Plan.Height, m.Plan.Width}, program
	return s, nil
}

// Plan is the plan of the segmenter's model.
func (s *Segmenter) Plan() Plan { return s.model.Plan }

// Precision is what the segmenter computes in: never Auto.
func (s *Segmenter) Precision() Precision { return s.program.Precision() }

// Memory is what the compiled segmenter keeps: see nn.
func (s *Segmenter) Memory() nn.Memory { return s.program.Memory() }

// Segment looks at one slice. As published, the probability at the network's
// size is resized once more, bilinear, to the picture's.
func (s *Segmenter) Segment(ctx context.Context, src *image.Gray) (Segmentation, error) {
	plan := s.model.Plan
	b := s.buffers.take()
	defer s.buffers.give(b)
	if err := plan.PrepareInto(b.input.Data, src); err != nil {
		return Segmentation{}, err
	}
	if err := s.program.Run(ctx, []nn.Tensor{b.input}, b.outputs); err != nil {
		return Segmentation{}, fmt.Errorf("segmenting a slice: %w", err)
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	return Segmentation{Width: w, Height: h, Probability: plan.toSource(b.outputs[0].Data, w, h)}, nil
}

// toSource brings a plane at the input's size to that of the source picture.
func (p Plan) toSource(plane []float32, width, height int) []float32 {
	if p.Preparation.Resize == ShorterSideCrop {
		m := ActivationMap{Width: p.Width, Height: p.Height, Values: plane}
		return m.OnSource(p, width, height)
	}
	return picture.ResizeOpenCVFloat(plane, p.Width, p.Height, width, height)
}

// Close frees the segmenter's memory.
func (s *Segmenter) Close() { s.program.Close() }

// Mask is 1 where the probability is over a threshold, else 0, in rows.
func (s Segmentation) Mask(threshold float32) []uint8 {
	out := make([]uint8, len(s.Probability))
	for i, p := range s.Probability {
		if p > threshold {
			out[i] = 1
		}
	}
	return out
}

// Grey is the probability as the published code writes it: 255 times, cut.
func (s Segmentation) Grey() *image.Gray {
	out := image.NewGray(image.Rect(0, 0, s.Width, s.Height))
	for i, p := range s.Probability {
		out.Pix[i] = uint8(255 * p)
	}
	return out
}
