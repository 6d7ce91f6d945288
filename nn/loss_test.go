package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// probabilities are values between 0 and 1; targets are 0 or 1.
func probabilities(r *rand.Rand, shape Shape) Tensor {
	t := NewTensor(shape...)
	for i := range t.Data {
		t.Data[i] = r.Float32()
	}
	return t
}

func targets(r *rand.Rand, shape Shape) Tensor {
	t := probabilities(r, shape)
	for i, v := range t.Data {
		t.Data[i] = float32(math.Round(float64(v)))
	}
	return t
}

func TestTheMaskLossOfLogitsIsThatOfTheirSigmoid(t *testing.T) {
	for name, o := range map[string]BCEDiceOptions{
		"Dice over the batch": {},
		"Dice per item":       {DicePerItem: true},
		"weighted heads":      {HeadWeights: []float64{1, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			r := random(name)
			shape := Shape{3, 2, 9, 7}
			logits, target := randomTensor(r, shape), targets(r, shape)
			p, gradP, gradX := NewTensor(shape...), NewTensor(shape...), NewTensor(shape...)
			for i, x := range logits.Data {
				p.Data[i] = float32(Sigmoid.at(float64(x)))
			}
			lossP, err := BCEDice(p, target, gradP, o)
			if err != nil {
				t.Fatal(err)
			}
			lossX, err := BCEDiceLogits(logits, target, gradX, o)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(lossP-lossX) > 1e-6*lossX {
				t.Errorf("loss %g of probabilities, %g of logits", lossP, lossX)
			}
			for i, x := range p.Data {
				gradP.Data[i] *= x * (1 - x)
			}
			near(t, "gradient by logits", gradX, gradP, 1e-5)
		})
	}
}

func TestTheMaskLossOfHugeLogitsIsFinite(t *testing.T) {
	logits, target, grad := NewTensor(1, 1, 1, 4), NewTensor(1, 1, 1, 4), NewTensor(1, 1, 1, 4)
	copy(logits.Data, []float32{1e4, -1e4, 1e4, -1e4})
	copy(target.Data, []float32{1, 0, 0, 1})
	loss, err := BCEDiceLogits(logits, target, grad, BCEDiceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := 5000 + 1 - (2+1e-5)/(4+1e-5); math.Abs(loss-want) > 1e-9*want {
		t.Errorf("loss %g, want %g", loss, want)
	}
	if grad.Data[0] != 0 || grad.Data[2] != 0.25 || grad.Data[3] != -0.25 {
		t.Errorf("gradient %v", grad.Data)
	}
}

func TestDiceByHand(t *testing.T) {
	// Item 0: overlap 1 of areas 1.5 and 1. Item 1: target empty, area 0.5.
	p := Tensor{Shape{2, 1, 1, 2}, []float32{1, 0.5, 0.5, 0}}
	y := Tensor{p.Shape, []float32{1, 0, 0, 0}}
	grad := NewTensor(p.Shape...)
	bce := 2 * math.Ln2 / 4
	for name, c := range map[string]struct {
		options BCEDiceOptions
		want    float64
	}{
		"over the batch": {BCEDiceOptions{}, bce + 1 - (2+1e-5)/(3+1e-5)},
		"per item":       {BCEDiceOptions{DicePerItem: true}, bce + 1 - ((2+1e-5)/(2.5+1e-5)+1e-5/(0.5+1e-5))/2},
		"head of half":   {BCEDiceOptions{HeadWeights: []float64{0.5}}, (bce + 1 - (2+1e-5)/(3+1e-5)) / 2},
	} {
		t.Run(name, func(t *testing.T) {
			loss, err := BCEDice(p, y, grad, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-c.want) > 1e-9 {
				t.Errorf("loss %.9g, want %.9g", loss, c.want)
			}
		})
	}
}

func TestHeadsInOneTensorAreHeadsInSeveral(t *testing.T) {
	r := random("heads")
	whole, target := probabilities(r, Shape{2, 3, 4, 5}), targets(r, Shape{2, 1, 4, 5})
	weights := []float64{1, 0.5, 0.25}
	wholeGrad := NewTensor(whole.Shape...)
	want, err := BCEDice(whole, target, wholeGrad, BCEDiceOptions{HeadWeights: weights})
	if err != nil {
		t.Fatal(err)
	}
	var heads, grads []Tensor
	for k := range 3 {
		head := NewTensor(2, 1, 4, 5)
		for n := range 2 {
			copy(head.Data[n*20:], whole.Data[(n*3+k)*20:(n*3+k+1)*20])
		}
		heads, grads = append(heads, head), append(grads, NewTensor(2, 1, 4, 5))
	}
	total, perHead, err := DeepSupervision(heads, target, grads, weights, func(output, target, grad Tensor) (float64, error) {
		return BCEDice(output, target, grad, BCEDiceOptions{})
	})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(total-want) > 1e-9 || math.Abs(perHead[0]+perHead[1]/2+perHead[2]/4-want) > 1e-9 {
		t.Errorf("total %g of heads %v, want %g", total, perHead, want)
	}
	for k := range 3 {
		for n := range 2 {
			at := (n*3 + k) * 20
			near(t, "gradient", Tensor{Shape{20}, grads[k].Data[n*20 : n*20+20]}, Tensor{Shape{20}, wholeGrad.Data[at : at+20]}, 1e-6)
		}
	}
}

func TestCrossEntropyByHand(t *testing.T) {
	logits := Tensor{Shape{2, 2}, []float32{1000, 1000, 0, float32(math.Log(3))}}
	target := Tensor{Shape{2, 2}, []float32{1, 0, 0, 1}}
	grad := NewTensor(2, 2)
	for name, c := range map[string]struct {
		options CrossEntropyOptions
		want    float64
	}{
		"plain":         {CrossEntropyOptions{}, (math.Ln2 + math.Log(4.0/3)) / 2},
		"smoothed":      {CrossEntropyOptions{Smoothing: 0.2}, (math.Ln2 + 0.9*math.Log(4.0/3) + 0.1*math.Log(4)) / 2},
		"class weights": {CrossEntropyOptions{ClassWeights: []float64{1, 3}}, (math.Ln2 + 3*math.Log(4.0/3)) / 2},
	} {
		t.Run(name, func(t *testing.T) {
			loss, err := CrossEntropy(logits, target, grad, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-c.want) > 1e-6 {
				t.Errorf("loss %.9g, want %.9g", loss, c.want)
			}
		})
	}
}

func TestLossesRefuseWhatDoesNotFit(t *testing.T) {
	x := func(shape ...int) Tensor { return NewTensor(shape...) }
	for name, c := range map[string]struct {
		run  func() (float64, error)
		want []string
	}{
		"logits and target of two shapes": {
			func() (float64, error) { return CrossEntropy(x(2, 3), x(2, 2), x(2, 3), CrossEntropyOptions{}) },
			[]string{"cross entropy", "2x3", "2x2"},
		},
		"class weights for other classes": {
			func() (float64, error) {
				return CrossEntropy(x(2, 3), x(2, 3), x(2, 3), CrossEntropyOptions{ClassWeights: []float64{1, 1}})
			},
			[]string{"2 class weights for 3"},
		},
		"a smoothing over 1": {
			func() (float64, error) {
				return CrossEntropy(x(2, 3), x(2, 3), x(2, 3), CrossEntropyOptions{Smoothing: 2})
			},
			[]string{"smoothing", "2"},
		},
		"a target of another plane": {
			func() (float64, error) {
				return BCEDice(x(2, 5, 4, 4), x(2, 1, 4, 5), x(2, 5, 4, 4), BCEDiceOptions{})
			},
			[]string{"mask loss", "2x5x4x4", "2x1x4x5"},
		},
		"a gradient of another shape": {
			func() (float64, error) {
				return BCEDiceLogits(x(2, 1, 4, 4), x(2, 1, 4, 4), x(1, 1, 4, 4), BCEDiceOptions{})
			},
			[]string{"gradient 1x1x4x4"},
		},
		"data shorter than the shape": {
			func() (float64, error) {
				return BCEDice(Tensor{Shape{1, 1, 2, 2}, make([]float32, 3)}, x(1, 1, 2, 2), x(1, 1, 2, 2), BCEDiceOptions{})
			},
			[]string{"needs 4 values, not 3"},
		},
		"no items": {
			func() (float64, error) { return BCEDice(x(0, 1, 2, 2), x(0, 1, 2, 2), x(0, 1, 2, 2), BCEDiceOptions{}) },
			[]string{"0x1x2x2", "no values"},
		},
		"head weights for other heads": {
			func() (float64, error) {
				return BCEDice(x(2, 5, 4, 4), x(2, 1, 4, 4), x(2, 5, 4, 4), BCEDiceOptions{HeadWeights: []float64{1}})
			},
			[]string{"1 head weights for 5"},
		},
		"outputs without gradients": {
			func() (float64, error) {
				total, _, err := DeepSupervision([]Tensor{x(1)}, x(1), nil, nil, nil)
				return total, err
			},
			[]string{"deep supervision", "1 outputs, 0 gradients"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.run()
			saysAll(t, err, c.want)
		})
	}
}

func BenchmarkBCEDiceLogits(b *testing.B) {
	shape := Shape{16, 1, 256, 256}
	r := random("benchmark")
	logits, target, grad := randomTensor(r, shape), targets(r, shape), NewTensor(shape...)
	for b.Loop() {
		if _, err := BCEDiceLogits(logits, target, grad, BCEDiceOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBCEDice(b *testing.B) {
	shape := Shape{16, 1, 256, 256}
	r := random("benchmark")
	p, target, grad := probabilities(r, shape), targets(r, shape), NewTensor(shape...)
	for b.Loop() {
		if _, err := BCEDice(p, target, grad, BCEDiceOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
