package train

import (
	"image"
	"math"
	"testing"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
)

func TestTheMapOfAMirroredPictureIsMirroredBack(t *testing.T) {
	plan := network.CompactJoint()
	plan.Height, plan.Width = 2, 4
	r := &runner{validator: &validator{plan: plan}}
	p := predicted{picture: &dataset.Picture{Image: image.NewGray(image.Rect(0, 0, 4, 2))}}
	r.blendMap(&p, []float32{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}, false, 1)
	r.blendMap(&p, []float32{0.4, 0.3, 0.2, 0.3, 0.8, 0.7, 0.6, 0.1}, true, 0.5)
	for i, want := range []float32{0.2, 0.2, 0.3, 0.4, 0.3, 0.6, 0.7, 0.8} {
		if math.Abs(float64(p.probability[i]-want)) > 1e-6 {
			t.Errorf("pixel %d is %g, want %g", i, p.probability[i], want)
		}
	}
}

func TestFiguresAreThoseOfEachKindOfTruth(t *testing.T) {
	g := newGathered(1)
	add := func(label int, positive float64, mask []uint8, probability []float32) {
		t.Helper()
		p := predicted{picture: &dataset.Picture{Item: dataset.Item{Label: label}, Image: image.NewGray(image.Rect(0, 0, 16, 16))},
			positive: positive}
		if mask != nil {
			p.picture.Mask, p.probability = image.NewGray(p.picture.Image.Rect), make([]float32, 256)
			copy(p.picture.Mask.Pix, mask)
			copy(p.probability, probability)
		}
		if err := g.add(p); err != nil {
			t.Fatal(err)
		}
	}
	add(1, 0.9, []uint8{255, 255, 0, 0}, []float32{0.9, 0.1, 0, 0}) // Dice 2/3
	add(0, 0.2, []uint8{0}, []float32{0})                           // both empty: 1
	add(0, 0.6, nil, nil)
	add(2, 0.1, nil, nil) // another class than the positive one
	add(dataset.Unknown, 0.7, nil, nil)
	add(1, math.NaN(), nil, nil)
	f, err := g.figures("s")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		got  *float64
		want float64
	}{
		"Dice": {f.Dice, 5.0 / 6}, "pooled Dice": {f.DicePooled, 2.0 / 3}, "AUC": {f.AUC, 1},
		"sensitivity": {f.Sensitivity, 1}, "share called positive": {f.Positive, 0.5},
	} {
		if c.got == nil || math.Abs(*c.got-c.want) > 1e-9 {
			t.Errorf("%s is %v, want %g", name, c.got, c.want)
		}
	}
	if f.Slices != 6 {
		t.Errorf("%d slices", f.Slices)
	}
}

func TestASpreadIsEven(t *testing.T) {
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	got := spread(all, 4)
	for i, want := range []int{0, 2, 5, 7} {
		if got[i] != want {
			t.Fatalf("spread is %v", got)
		}
	}
	if len(spread(all, 0)) != 10 || len(spread(all, 20)) != 10 {
		t.Error("no limit, or a large one, takes not all")
	}
}

func TestTheScoreIsOfMasksWhereThereAreAny(t *testing.T) {
	half, most, all := 0.5, 0.8, 1.0
	for name, c := range map[string]struct {
		figures []Figures
		want    float64
	}{
		"masks and classes": {[]Figures{{Dice: &half, AUC: &all}, {Dice: &most}, {AUC: &all}}, 0.65},
		"classes alone":     {[]Figures{{AUC: &half}, {AUC: &all}, {Positive: &all}}, 0.75},
		"nothing":           {[]Figures{{Positive: &all}}, 0},
	} {
		if got := score(c.figures); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: score is %g, want %g", name, got, c.want)
		}
	}
}
