package report

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/network"
)

// stack diagnoses n pictures of two dark lungs by a classifier that calls every
// slice positive, and puts one square lesion into slice 1.
func stack(t *testing.T, n int) *diagnose.Result {
	t.Helper()
	in := &ct.Input{Kind: ct.KindPictures}
	for range n {
		p := image.NewGray(image.Rect(0, 0, 100, 80))
		for y := range 80 {
			for x := range 100 {
				dx, dy := math.Abs(float64(x)-50), float64(y)-40
				v := uint8(10)
				if math.Hypot(dx, dy*1.25) < 46 {
					v = 220
				}
				if math.Hypot(dx-20, dy) < 15 {
					v = 70
				}
				p.Pix[y*100+x] = v
			}
		}
		in.Pictures = append(in.Pictures, p)
		in.Sources = append(in.Sources, ct.Source{File: "a.png"})
	}
	r := calledPositive(t, in)
	one := 1
	for i := range r.Diagnosis.Slices {
		s := &r.Diagnosis.Slices[i]
		s.Segmented, s.OpacityPixels, s.Lesions = true, new(int), new(int)
		if i == 1 || n == 1 {
			r.Masks[i] = make([]uint8, 100*80)
			for y := 30; y < 40; y++ {
				for x := 25; x < 35; x++ {
					r.Masks[i][y*100+x] = 1
				}
			}
			s.Lesions, s.OpacityPixels = &one, pointer(100)
		}
	}
	return r
}

// calledPositive diagnoses by a classifier that calls every slice positive.
func calledPositive(t *testing.T, in *ct.Input) *diagnose.Result {
	t.Helper()
	plan := network.CompactClassifier()
	plan.Height, plan.Width, plan.MobileNet.Width = 64, 64, 0.125
	w, err := plan.Initial(1)
	if err != nil {
		t.Fatal(err)
	}
	head := w["fc.weight"]
	for i := range head.Data {
		head.Data[i] = float32(i / head.Shape[1])
	}
	o := diagnose.DefaultOptions()
	o.Segment = diagnose.SegmentNone
	r, err := diagnose.Run(context.Background(), in, diagnose.Models{Name: "tiny", Classifier: &network.Model{Plan: plan, Weights: w}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pointer(n int) *int { return &n }

func TestEveryRelevantSliceHasItsPictures(t *testing.T) {
	for _, c := range []struct {
		n    int
		want []string
	}{
		{1, []string{"sheet.png", "slices/0000-activation.png", "slices/0000-lesions.png"}},
		{3, []string{"sheet.png", "slices/0000-activation.png", "slices/0000-lesions.png", "slices/0001-activation.png",
			"slices/0001-lesions.png", "slices/0002-activation.png", "slices/0002-lesions.png"}},
	} {
		r := stack(t, c.n)
		out := filepath.Join(t.TempDir(), "result")
		f, err := Begin(out, false)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		if err := Write(context.Background(), f, r, func(int, int) { told++ }); err != nil {
			t.Fatal(err)
		}
		if err := WriteDiagnosis(f, r.Diagnosis); err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range r.Diagnosis.Files {
			got = append(got, file.Path)
			decode(t, filepath.Join(out, file.Path))
		}
		if !slices.Equal(got, c.want) || told != len(got) {
			t.Errorf("%d slices: files %v, told of %d", c.n, got, told)
		}
	}
}

func decode(t *testing.T, file string) image.Image {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNegativeSlicesWithoutOpacityHaveNoPictures(t *testing.T) {
	r := stack(t, 3)
	for i := range r.Diagnosis.Slices {
		r.Diagnosis.Slices[i].Positive = false
	}
	var got []string
	for _, p := range pictures(r) {
		got = append(got, p.path)
	}
	if !slices.Equal(got, []string{"sheet.png", "slices/0001-lesions.png", "slices/0001-activation.png"}) {
		t.Errorf("pictures %v", got)
	}
}

func TestTheOutlineHidesNothingOfTheLesion(t *testing.T) {
	r := stack(t, 1)
	f, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	c := lesionOverlay(r, 0, f)
	at := overlayPlace(r.Picture(0))
	k := at.Dx() / 100
	plain := newCanvas(at.Dx(), at.Dy(), f)
	plain.place(at, r.Picture(0))
	for y := 30 * k; y < 40*k; y++ {
		for x := 25 * k; x < 35*k; x++ {
			if c.RGBAAt(x, y) != plain.RGBAAt(x, y) {
				t.Fatalf("the pixel at %d, %d of the lesion is changed", x, y)
			}
		}
	}
	for _, p := range []image.Point{{25*k - 1, 35 * k}, {35 * k, 35 * k}, {30 * k, 30*k - 1}, {30 * k, 40 * k}} {
		if c.RGBAAt(p.X, p.Y) != outline {
			t.Errorf("no outline at %v", p)
		}
	}
}

func TestTheActivationIsPaintedWhereItIs(t *testing.T) {
	f, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	coloured := func(p color.RGBA) bool { return p.R != p.G || p.G != p.B }
	for name, r := range map[string]*diagnose.Result{"a picture, seen whole": stack(t, 1), "a volume, seen in part": volume(t)} {
		slice := len(r.Maps) / 2
		c := activationOverlay(r, slice, f)
		p := r.Picture(slice).Rect
		k := overlayPlace(r.Picture(slice)).Dx() / p.Dx()
		seen := 0
		for i, v := range r.Maps[slice].OnSlice() {
			// The middle of a pixel, away from neighbours.
			got := c.RGBAAt(i%p.Dx()*k+k/2, i/p.Dx()*k+k/2)
			if v > 0.5 {
				seen++
			}
			if v == 0 && flat(r.Maps[slice].OnSlice(), p, i) && coloured(got) || v > 0.5 && !coloured(got) {
				t.Fatalf("%s: at %d of level %g the pixel is %v", name, i, v, got)
			}
		}
		if seen == 0 {
			t.Errorf("%s: the map is empty", name)
		}
	}
}

// flat reports whether all neighbours have a pixel's level.
func flat(levels []float32, r image.Rectangle, i int) bool {
	for y := -1; y <= 1; y++ {
		for x := -1; x <= 1; x++ {
			p := image.Pt(i%r.Dx()+x, i/r.Dx()+y)
			if p.In(r) && levels[p.Y*r.Dx()+p.X] != levels[i] {
				return false
			}
		}
	}
	return true
}

// volume diagnoses a volume of two lungs in a corner of a wide field of view, of
// which the classifier is shown a part.
func volume(t *testing.T) *diagnose.Result {
	t.Helper()
	const n, slices = 120, 12
	v := &ct.Volume{Columns: n, Rows: n, Slices: slices, HU: make([]int16, n*n*slices)}
	v.Affine = [4][4]float64{{4, 0, 0, 0}, {0, 4, 0, 0}, {0, 0, 5, 0}, {0, 0, 0, 1}}
	for i := range v.HU {
		x, y := float64(i%n)-75, float64(i/n%n)-80
		v.HU[i] = -1000
		if math.Hypot(x, y*1.2) < 40 {
			v.HU[i] = 40
		}
		if math.Hypot(math.Abs(x)-17, y) < 12 {
			v.HU[i] = -800
		}
	}
	v.Sources = make([]ct.Source, slices)
	return calledPositive(t, &ct.Input{Kind: ct.KindDICOM, Volume: v, Sources: v.Sources})
}

func TestColoursGrowLighterWithTheLevel(t *testing.T) {
	last := -1.0
	for i := range 256 {
		c := inferno(float64(i) / 255)
		light := 0.2126*float64(c.R) + 0.7152*float64(c.G) + 0.0722*float64(c.B)
		if light < last-0.6 { // a step of rounding
			t.Errorf("level %d is darker than the one below", i)
		}
		last = light
	}
}

func TestALongStudyIsSampledEvenly(t *testing.T) {
	r := &diagnose.Result{Diagnosis: &diagnose.Diagnosis{Slices: make([]diagnose.Slice, 320)}}
	got := sample(r)
	if len(got) != mostThumbnails || got[0] != 2 || got[1] != 7 || got[63] != 317 {
		t.Errorf("%d slices: %v", len(got), got)
	}
	r.Diagnosis.Slices = r.Diagnosis.Slices[:3]
	if got := sample(r); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("of three: %v", got)
	}
}

func TestMasksAreWhiteWhereOpaque(t *testing.T) {
	r := stack(t, 2)
	m := maskPicture(r, 1)
	if m.GrayAt(30, 35).Y != 255 || m.GrayAt(24, 35).Y != 0 {
		t.Errorf("inside %d, outside %d", m.GrayAt(30, 35).Y, m.GrayAt(24, 35).Y)
	}
	if m := maskPicture(r, 0); m.GrayAt(30, 35).Y != 0 {
		t.Error("a mask where there is none")
	}
}

func TestACancelledReportEnds(t *testing.T) {
	f, err := Begin(filepath.Join(t.TempDir(), "result"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Write(ctx, f, stack(t, 1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
