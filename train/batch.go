package train

import (
	"fmt"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

// batch holds one step's tensors. Samples with a mask come first, so that the
// losses of masks see one run of items.
type batch struct {
	input  nn.Tensor // [N 3 H W]
	masks  nn.Tensor // [N 1 H W]; of the first masked items
	labels nn.Tensor // [N classes]; a row of zeros where the label is unknown
	masked int
}

func newBatch(n, height, width, classes int) *batch {
	return &batch{
		input:  nn.NewTensor(n, 3, height, width),
		masks:  nn.NewTensor(n, 1, height, width),
		labels: nn.NewTensor(n, max(classes, 1)),
	}
}

// fill prepares the samples as the plan prepares pictures.
func (b *batch) fill(plan network.Plan, samples []dataset.Sample) error {
	plan.Height, plan.Width = b.input.Shape[2], b.input.Shape[3]
	plane := plan.Height * plan.Width
	clear(b.masks.Data)
	clear(b.labels.Data)
	b.masked = 0
	for _, s := range samples {
		if s.Mask != nil {
			b.masked++
		}
	}
	next := [2]int{0, b.masked} // where the next masked and the next other sample goes
	for _, s := range samples {
		k := 1
		if s.Mask != nil {
			k = 0
		}
		i := next[k]
		next[k]++
		if err := plan.PrepareInto(b.input.Data[i*3*plane:(i+1)*3*plane], s.Image); err != nil {
			return fmt.Errorf("%s: %w", s.Item.Image, err)
		}
		if s.Mask != nil {
			for j, v := range s.Mask.Pix {
				b.masks.Data[i*plane+j] = float32(v) / 255
			}
		}
		classes := b.labels.Shape[1]
		if l := s.Item.Label; l >= classes && plan.Classes != nil {
			return fmt.Errorf("%s: label %d, but there are %d classes", s.Item.Image, l, classes)
		} else if l >= 0 && l < classes {
			b.labels.Data[i*classes+l] = 1
		}
	}
	return nil
}

// mix blends each item with its partner, pictures and labels.
func (b *batch) mix(share float64, partner []int) {
	if partner == nil {
		return
	}
	for _, t := range []nn.Tensor{b.input, b.labels} {
		size := len(t.Data) / t.Shape[0]
		before := append([]float32(nil), t.Data...)
		for i, p := range partner {
			for j := range size {
				t.Data[i*size+j] = float32(share*float64(before[i*size+j]) + (1-share)*float64(before[p*size+j]))
			}
		}
	}
}
