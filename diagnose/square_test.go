package diagnose

import (
	"context"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/phantom"
)

// The segmenter finds in oblong pixels what is there, as it does in square ones. When
// they were stretched with the slice, it found 111 of 154 mL in pixels of 1.15 x 2.3
// mm and 171 in those of 2.3 x 1.15.
func TestLesionsOfOblongPixelsAreFoundAsInSquareOnes(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the embedded segmenter on whole chests: run without -short")
	}
	segmenter, err := network.Default("segmenter")
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.Segment = SegmentAll
	found := func(x, y float64) (ml, truth float64, d *Diagnosis) {
		v, told, err := phantom.New(t.Context(), phantom.Config{
			Columns: 320, PixelMM: [2]float64{x, y}, Slices: 16, SliceMM: 18, ThicknessMM: 3, GroundGlass: 6, Mixed: 4, Seed: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		in := &ct.Input{Kind: ct.KindDICOM, Volume: v, Sources: v.Sources}
		d = run(t, in, Models{Name: "embedded", Segmenter: segmenter}, o).Diagnosis
		for _, l := range d.Lesions {
			ml += l.VolumeML
		}
		for _, label := range told.Lesion { // what of the lesions lies in the slices
			if label != 0 {
				truth += x * y * 18 / 1000
			}
		}
		return ml, truth, d
	}
	for _, pixel := range [][2]float64{{1.15, 1.15}, {2.3, 1.15}, {1.15, 2.3}} {
		got, truth, d := found(pixel[0], pixel[1])
		t.Logf("in pixels of %v mm %.0f of %.0f mL", pixel, got, truth)
		if math.Abs(got/truth-1) > 0.15 {
			t.Errorf("in pixels of %v mm %.0f of %.0f mL are found", pixel, got, truth)
		}
		if warned(d, "pixels_resampled") != (pixel[0] != pixel[1]) {
			t.Errorf("pixels of %v mm: warnings %v", pixel, d.Warnings)
		}
	}
}

// A perfect segmenter, which answers what it is shown, marks the same pixels.
func TestMasksComeBackToTheSlicesOwnPixels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	plan := network.CompactJoint()
	for range 200 {
		slice := image.Rect(0, 0, 40+rng.IntN(160), 40+rng.IntN(160))
		p := pixels{0.5 + rng.Float64(), 0.5 + rng.Float64()}
		if p.square() {
			continue
		}
		at := image.Pt(rng.IntN(slice.Dx()-30), rng.IntN(slice.Dy()-30))
		lungs := image.Rectangle{at, at.Add(image.Pt(20+rng.IntN(10), 20+rng.IntN(10)))}
		lesion := lungs.Inset(5)
		picture := image.NewGray(slice)
		for y := lesion.Min.Y; y < lesion.Max.Y; y++ {
			for x := lesion.Min.X; x < lesion.Max.X; x++ {
				picture.Pix[picture.PixOffset(x, y)] = 255
			}
		}
		frame := p.frame(plan, slice, lungs)
		if !lungs.In(frame) {
			t.Fatalf("lungs %v of %v are not in the frame %v", lungs, slice, frame)
		}
		shown := p.show(picture, frame)
		if w, h := shown.Rect.Dx(), shown.Rect.Dy(); math.Abs(float64(w-h)) > 4 {
			t.Fatalf("pixels of %v: a frame %v is shown as %d x %d, and the input is square", p, frame, w, h)
		}
		answer := network.Segmentation{Width: shown.Rect.Dx(), Height: shown.Rect.Dy()}
		for _, v := range shown.Pix {
			answer.Probability = append(answer.Probability, float32(v)/255)
		}
		mask := p.back(answer, frame, slice).Mask(0.5)
		wrong := 0
		for i, m := range mask {
			if (m != 0) != (picture.Pix[i] != 0) {
				wrong++
			}
		}
		if edge := 2 * (lesion.Dx() + lesion.Dy()); wrong > edge/2 {
			t.Errorf("%d pixels differ of a lesion %v in %v, pixels of %v", wrong, lesion, slice, p)
		}
	}
}

func TestOnlyPixelsThatAreNotSquareAreResampled(t *testing.T) {
	for _, test := range []struct {
		y    float64
		want bool
	}{{3.5, false}, {3.5 * 1.019, false}, {3.5 * 1.03, true}, {3.5 * 0.97, true}} {
		in := chest()
		in.Volume.Affine[1][1] = test.y
		r, err := Run(context.Background(), in, models(t, 1), DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		if got := warned(r.Diagnosis, "pixels_resampled"); got != test.want {
			t.Errorf("pixels of 3.5 x %.2f mm: resampled %v", test.y, got)
		}
		for i, m := range r.Masks {
			if m != nil && len(m) != in.Volume.Columns*in.Volume.Rows {
				t.Errorf("the mask of slice %d has %d pixels", i, len(m))
			}
		}
		for i, m := range r.Maps {
			if m != nil && len(m.OnSlice()) != in.Volume.Columns*in.Volume.Rows {
				t.Errorf("the map of slice %d has %d pixels", i, len(m.OnSlice()))
			}
		}
	}
	if r := run(t, pictures(1), models(t, 1), DefaultOptions()); warned(r.Diagnosis, "pixels_resampled") {
		t.Error("a picture was resampled")
	}
}
