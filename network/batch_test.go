package network

import (
	"context"
	"image"
	"slices"
	"sync"
	"testing"
)

func slicesToClassify() []*image.Gray {
	return []*image.Gray{slice(90, 70), slice(64, 64), slice(40, 80), slice(120, 100), slice(77, 66)}
}

func TestABatchSaysOfEachSliceWhatOneAloneIsToldInExact(t *testing.T) {
	for _, m := range []*Model{tinyClassifier(t), tinySegmenter(t)} {
		one, err := NewClassifier(m, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer one.Close()
		four, err := NewClassifier(m, Options{Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer four.Close()
		pictures := slicesToClassify()
		got, err := four.ClassifyBatch(context.Background(), pictures[:4])
		if err != nil {
			t.Fatal(err)
		}
		last, err := four.ClassifyBatch(context.Background(), pictures[4:]) // a smaller one
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, last...)
		if len(got) != len(pictures) {
			t.Fatalf("%d answers for %d slices", len(got), len(pictures))
		}
		for i, p := range pictures {
			want, err := one.Classify(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[i].Probabilities, want.Probabilities) || !slices.Equal(got[i].Map.Values, want.Map.Values) {
				t.Errorf("%s, slice %d: %v in a batch, %v alone", m.Plan.Name, i, got[i].Probabilities, want.Probabilities)
			}
		}
		if _, err := four.ClassifyBatch(context.Background(), pictures); err == nil {
			t.Error("five slices in a batch of four")
		}
		if _, err := four.ClassifyBatch(context.Background(), nil); err == nil {
			t.Error("a batch of nothing")
		}
	}
}

func TestSeveralGoroutinesMayAskOneClassifierAndOneSegmenter(t *testing.T) {
	packed := &Packed{}
	e, err := NewEngine(1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m := tinySegmenter(t)
	o := Options{Engine: e, Packed: packed}
	c, err := NewClassifier(m, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := NewSegmenter(m, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	pictures := slicesToClassify()
	probabilities, masks := make([]float64, len(pictures)), make([][]float32, len(pictures))
	for i, p := range pictures {
		a, err := c.Classify(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Segment(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		probabilities[i], masks[i] = a.Positive, b.Probability
	}
	var group sync.WaitGroup
	for i, p := range pictures {
		group.Go(func() {
			for range 10 {
				a, err := c.Classify(ctx, p)
				if err != nil || a.Positive != probabilities[i] {
					t.Errorf("slice %d: %g, %v; want %g", i, a.Positive, err, probabilities[i])
				}
			}
		})
		group.Go(func() {
			for range 10 {
				b, err := s.Segment(ctx, p)
				if err != nil || !slices.Equal(b.Probability, masks[i]) {
					t.Errorf("slice %d: another mask, %v", i, err)
				}
			}
		})
	}
	group.Wait()
}
