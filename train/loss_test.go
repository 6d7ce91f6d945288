package train

import (
	"image"
	"math"
	"testing"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

func sample(label int, grey uint8, mask bool) dataset.Sample {
	s := dataset.Sample{Item: dataset.Item{Label: label}, Image: image.NewGray(image.Rect(0, 0, 8, 8))}
	for i := range s.Image.Pix {
		s.Image.Pix[i] = grey
	}
	if mask {
		s.Mask = image.NewGray(s.Image.Rect)
		s.Mask.Pix[0] = 255
	}
	return s
}

func TestSamplesWithMasksComeFirst(t *testing.T) {
	b := newBatch(4, 8, 8, 2)
	plan := network.CompactJoint()
	plan.SharedHead, plan.Classes = true, []string{"a", "b"}
	err := b.fill(plan, []dataset.Sample{sample(0, 0, false), sample(1, 51, true), sample(-1, 102, true), sample(1, 255, false)})
	if err != nil {
		t.Fatal(err)
	}
	if b.masked != 2 {
		t.Errorf("%d items have masks", b.masked)
	}
	for i, want := range []float32{-0.6, -0.2, -1, 1} { // greys as the plan prepares them
		if got := b.input.Data[i*3*64]; math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("item %d has a value of %g, want %g", i, got, want)
		}
	}
	for i, want := range []float32{0, 1, 0, 0, 1, 0, 0, 1} {
		if b.labels.Data[i] != want {
			t.Errorf("labels are %v", b.labels.Data)
			break
		}
	}
	if b.masks.Data[0] != 1 || b.masks.Data[1] != 0 || b.masks.Data[2*64] != 0 {
		t.Error("masks are not those of the first items")
	}
	if err := b.fill(plan, []dataset.Sample{sample(2, 0, false)}); err == nil {
		t.Error("a label beyond the classes was taken")
	}
}

func TestMixingBlendsPicturesAndLabels(t *testing.T) {
	b := newBatch(2, 8, 8, 2)
	if err := b.fill(network.CompactClassifier(), []dataset.Sample{sample(0, 0, false), sample(1, 255, false)}); err != nil {
		t.Fatal(err)
	}
	b.mix(0.75, []int{1, 0})
	if x := b.input.Data[0]; math.Abs(float64(x)+0.5) > 1e-6 {
		t.Errorf("value is %g, want -0.5", x)
	}
	for i, want := range []float32{0.75, 0.25, 0.25, 0.75} {
		if b.labels.Data[i] != want {
			t.Errorf("labels are %v", b.labels.Data)
			break
		}
	}
}

// The items without a label or a mask must not move the network, and the
// gradient of the others must be that of the loss.
func TestTheLossIsThatOfTheItemsThatHaveAnAnswer(t *testing.T) {
	for _, probabilities := range []bool{false, true} {
		c := Config{Loss: LossConfig{Heads: []float64{1, 0.5, 0.25, 0.2, 0.1}, Class: 0.3, Probabilities: probabilities}}
		plan := network.CompactJoint()
		plan.SharedHead, plan.Classes = true, []string{"a", "b"}
		b := newBatch(3, 8, 8, 2)
		if err := b.fill(plan, []dataset.Sample{sample(1, 0, true), sample(-1, 0, true), sample(0, 9, false)}); err != nil {
			t.Fatal(err)
		}
		var outputs, grads []nn.Tensor
		for h := range 5 {
			o := nn.NewTensor(3, 1, 8, 8)
			for i := range o.Data {
				o.Data[i] = 0.5 + 0.4*float32(math.Sin(float64(i*(h+1))))
			}
			outputs, grads = append(outputs, o), append(grads, nn.NewTensor(3, 1, 8, 8))
		}
		logits := nn.NewTensor(3, 2)
		copy(logits.Data, []float32{0.3, -0.2, 0.9, 0.1, -0.4, 0.6})
		outputs, grads = append(outputs, logits), append(grads, nn.NewTensor(3, 2))
		total := func() float64 {
			l, err := c.loss(plan, b, outputs, grads)
			if err != nil {
				t.Fatal(err)
			}
			return l.total()
		}
		total()
		var kept [][]float32
		for _, g := range grads {
			kept = append(kept, append([]float32(nil), g.Data...))
		}
		for k, o := range outputs {
			for i := 0; i < len(o.Data); i += 7 {
				const h = 1e-3
				v := o.Data[i]
				o.Data[i] = v + h
				up := total()
				o.Data[i] = v - h
				down := total()
				o.Data[i] = v
				if want := (up - down) / (2 * h); math.Abs(want-float64(kept[k][i])) > 2e-4 {
					t.Errorf("output %d, value %d: gradient %g, difference %g", k, i, kept[k][i], want)
				}
			}
		}
		for h := range 5 {
			for i := 2 * 64; i < 3*64; i++ {
				if kept[h][i] != 0 {
					t.Fatal("an item without a mask has a gradient of its mask")
				}
			}
		}
		if kept[5][2] != 0 || kept[5][3] != 0 {
			t.Error("an item without a label has a gradient of its class")
		}
	}
}
