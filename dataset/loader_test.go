package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writePNG(t *testing.T, name string, img image.Image) string {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	return name
}

func smallStore(t *testing.T, n int) *Store {
	t.Helper()
	dir := t.TempDir()
	var items []Item
	for i := range n {
		it := Item{Group: fmt.Sprint(i / 2), Label: i % 2, Source: "s"}
		it.Image = writePNG(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), texture(60+i, 50))
		it.Mask = writePNG(t, filepath.Join(dir, fmt.Sprintf("%d-mask.png", i)), disc(60+i, 50, 30, 20, 2+i))
		items = append(items, it)
	}
	st, err := Load(context.Background(), items, []Source{{Name: "s", LesionLabel: 1, LesionShare: 0.02}}, 64, 3)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestBatchesDoNotDependOnWorkersOrTheFirstStep(t *testing.T) {
	st := smallStore(t, 9)
	a := strong()
	a.View, a.Width, a.Height = 64, 48, 48
	sources := []Source{{Name: "s", PerBatch: 4}}
	read := func(first, workers, ahead, n int) []Batch {
		l, err := NewLoader(st, sources, a, 5, first, workers, ahead)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var out []Batch
		for range n {
			b, err := l.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b)
		}
		return out
	}
	want := read(0, 1, 1, 12)
	for _, c := range [][3]int{{0, 3, 4}, {0, 2, 3}, {5, 2, 5}, {7, 1, 2}} {
		for i, b := range read(c[0], c[1], c[2], 12-c[0]) {
			w := want[c[0]+i]
			if b.Step != w.Step {
				t.Fatalf("first %d, %d workers: batch of step %d where %d was due", c[0], c[1], b.Step, w.Step)
			}
			for j := range b.Samples {
				if !bytes.Equal(b.Samples[j].Image.Pix, w.Samples[j].Image.Pix) || !bytes.Equal(b.Samples[j].Mask.Pix, w.Samples[j].Mask.Pix) {
					t.Fatalf("first %d, %d workers: step %d differs in sample %d", c[0], c[1], b.Step, j)
				}
			}
		}
	}
}

func TestEachPlaceIsFilledByOneWorker(t *testing.T) {
	st := smallStore(t, 2)
	for _, c := range [][2]int{{1, 1}, {2, 3}, {3, 4}, {4, 2}} {
		l, err := NewLoader(st, []Source{{Name: "s", PerBatch: 1}}, Augmentation{View: 64, Width: 48, Height: 48}, 1, 0, c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if n := len(l.made); n%c[0] != 0 || n < c[1] {
			t.Errorf("%d workers share %d places", c[0], n)
		}
	}
}

func TestAPictureLooksDifferentAtEachStep(t *testing.T) {
	a := strong()
	a.View, a.Width, a.Height = 64, 48, 48
	l, err := NewLoader(smallStore(t, 1), []Source{{Name: "s", PerBatch: 2}}, a, 5, 0, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	seen := map[string]bool{}
	for range 10 {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range b.Samples {
			seen[string(s.Image.Pix)] = true
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 samples differ", len(seen))
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	l, err := NewLoader(smallStore(t, 2), []Source{{Name: "s", PerBatch: 2}}, Augmentation{View: 64, Width: 48, Height: 48}, 1, 0, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = l.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestLoadingShrinksLabelsAndSumsUp(t *testing.T) {
	st := smallStore(t, 9)
	for i, p := range st.Pictures {
		if w, h := p.Image.Rect.Dx(), p.Image.Rect.Dy(); w != min(60+i, 64) || h > 50 {
			t.Errorf("picture %d is %d x %d", i, w, h)
		}
		if p.Mask.Rect != p.Image.Rect {
			t.Errorf("mask %d is %v, its picture %v", i, p.Mask.Rect, p.Image.Rect)
		}
		for _, v := range p.Mask.Pix {
			if v != 0 && v != 255 {
				t.Fatalf("mask %d has a grey of %d", i, v)
			}
		}
	}
	// A disc of radius 2 is below two hundredths of the slice, one of 10 is not.
	if l := st.Pictures[0].Item.Label; l != Unknown {
		t.Errorf("a slice with hardly a lesion has label %d", l)
	}
	if l := st.Pictures[8].Item.Label; l != 1 {
		t.Errorf("a slice with a lesion has label %d", l)
	}
	if a, b := st.Digest(), smallStore(t, 9).Digest(); a != b {
		t.Errorf("digests of the same files are %s and %s", a, b)
	}
	if a, b := st.Digest(), smallStore(t, 8).Digest(); a == b {
		t.Error("digests of other files are the same")
	}
}

func TestFilesThatCannotBeTakenAreNamed(t *testing.T) {
	dir := t.TempDir()
	good := writePNG(t, filepath.Join(dir, "good.png"), texture(60, 60))
	other := writePNG(t, filepath.Join(dir, "other.png"), texture(50, 60))
	text := filepath.Join(dir, "text.png")
	if err := os.WriteFile(text, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		item Item
		want string
	}{
		"a file that is not there":   {Item{Image: filepath.Join(dir, "none.png")}, "none.png"},
		"a file that is no picture":  {Item{Image: text}, "text.png"},
		"a mask of another size":     {Item{Image: good, Mask: other}, "50 x 60"},
		"a mask that is no picture":  {Item{Image: good, Mask: text}, "text.png"},
		"a mask that does not exist": {Item{Image: good, Mask: filepath.Join(dir, "gone.png")}, "gone.png"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(context.Background(), []Item{{Image: good}, c.item, {Image: good}}, nil, 0, 2)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestCropsThatDoNotFitTheViewAreRefused(t *testing.T) {
	st := smallStore(t, 2)
	for _, a := range []Augmentation{{}, {View: 32, Width: 64, Height: 32}, {View: 64, Width: 4, Height: 32}} {
		if _, err := NewLoader(st, []Source{{Name: "s", PerBatch: 1}}, a, 1, 0, 1, 1); err == nil {
			t.Errorf("view %d with a crop of %d x %d was taken", a.View, a.Width, a.Height)
		}
	}
}
