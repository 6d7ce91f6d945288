package network

import (
	"image"
	"image/color"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/picture"
)

// openReference decodes one of the reference's pictures.
func openReference(t *testing.T, name string) *image.Gray {
	t.Helper()
	f, err := os.Open(reference + name)
	if os.IsNotExist(err) {
		t.Skipf("%s is not here: the reference folder is not part of the repository", reference+name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := picture.Decode(f, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// preparations are the reference's prepared inputs: picture and plan.
func preparations() map[string]struct {
	Picture string
	Plan    Plan
} {
	sized := func(p Plan, height, width int) Plan {
		p.Height, p.Width = height, width
		return p
	}
	stretched := sized(FullClassifier(), 187, 250)
	stretched.Preparation.Resize, stretched.Preparation.ShorterSide = PillowStretch, 0
	return map[string]struct {
		Picture string
		Plan    Plan
	}{
		"seg_a_224x224":     {"images/slice_a.png", sized(FullSegmenter(), 224, 224)},
		"seg_a_187x250":     {"images/slice_a.png", sized(FullSegmenter(), 187, 250)},
		"seg_a_256x256":     {"images/slice_a.png", sized(FullSegmenter(), 256, 256)},
		"seg_b_224x224":     {"images/slice_b.png", sized(FullSegmenter(), 224, 224)},
		"cls_a_224":         {"images/slice_a.png", FullClassifier()},
		"cls_b_224":         {"images/slice_b.png", FullClassifier()},
		"cls_a_331x477_224": {"images/slice_a_331x477.png", FullClassifier()},
		"cls_a_187x250":     {"images/slice_a.png", stretched},
	}
}

// prepared is one of the reference's inputs, made from its picture.
func prepared(t *testing.T, name string) nn.Tensor {
	t.Helper()
	c := preparations()[name]
	input, err := c.Plan.Prepare(openReference(t, c.Picture))
	if err != nil {
		t.Fatal(err)
	}
	return input
}

func TestPrepareEqualsThePublishedTensorsToTheBit(t *testing.T) {
	var fixtures map[string]summary
	readJSON(t, reference+"preprocess.json", &fixtures)
	for name := range preparations() {
		t.Run(name, func(t *testing.T) {
			want, got := fixtures[name], prepared(t, name)
			if !got.Shape.Equal(want.Shape) {
				t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
			}
			for index, v := range want.Samples {
				i, err := strconv.Atoi(index)
				if err != nil {
					t.Fatal(err)
				}
				if got.Data[i] != float32(v) {
					t.Fatalf("value %d is %.9g, want %.9g", i, got.Data[i], v)
				}
			}
			want.hold(t, name, got.Data, 1e-7)
		})
	}
}

func TestPrepareForMobileNetMapsGreyToMinusOneToOne(t *testing.T) {
	p := CompactClassifier()
	p.Height, p.Width = 1, 3
	src := image.NewGray(image.Rect(0, 0, 3, 1))
	copy(src.Pix, []uint8{0, 100, 255})
	got, err := p.Prepare(src)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []float64{0, 100, 255} {
		if want := v/127.5 - 1; math.Abs(float64(got.Data[i])-want) > 1e-6 {
			t.Errorf("grey %g becomes %g, want %g", v, got.Data[i], want)
		}
	}
}

func TestPrepareTakesTheChannelsInTheOrderOfRGB(t *testing.T) {
	for _, p := range []Plan{FullClassifier(), FullSegmenter()} {
		src := image.NewGray(image.Rect(0, 0, 300, 300))
		got, err := p.Prepare(src)
		if err != nil {
			t.Fatal(err)
		}
		for c, want := range []float64{-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225} {
			if v := float64(got.Data[c*p.Height*p.Width]); math.Abs(v-want) > 1e-6 {
				t.Errorf("%s: black is %g in channel %d, want %g", p.Name, v, c, want)
			}
		}
	}
}

func TestPrepareReadsAPartOfALargerPicture(t *testing.T) {
	whole := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range whole.Pix {
		whole.Pix[i] = uint8(i * 7)
	}
	part := whole.SubImage(image.Rect(9, 5, 59, 45)).(*image.Gray)
	alone := image.NewGray(image.Rect(0, 0, 50, 40))
	for y := range 40 {
		for x := range 50 {
			alone.SetGray(x, y, color.Gray{Y: whole.GrayAt(x+9, y+5).Y})
		}
	}
	for _, p := range plans() {
		a, err := p.Prepare(part)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := p.Prepare(alone)
		for i, v := range a.Data {
			if v != b.Data[i] {
				t.Fatalf("%s: value %d is %g, want %g", p.Name, i, v, b.Data[i])
			}
		}
	}
}

func TestPrepareRefusesWhatIsNoSlice(t *testing.T) {
	cases := map[string]*image.Gray{
		"empty":      image.NewGray(image.Rect(0, 0, 0, 5)),
		"too narrow": image.NewGray(image.Rect(0, 0, 5, 500)),
	}
	for want, src := range cases {
		if _, err := FullClassifier().Prepare(src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	if _, err := FullClassifier().Prepare(nil); err == nil {
		t.Error("no picture is prepared")
	}
	if err := FullClassifier().PrepareInto(make([]float32, 5), image.NewGray(image.Rect(0, 0, 9, 9))); err == nil {
		t.Error("five places hold a picture")
	}
}
