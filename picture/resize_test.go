package picture_test

import (
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/picture"
)

// plane is a tensor of the reference fixtures; JSON null stands for NaN.
type plane struct {
	Shape []int     `json:"shape"`
	Data  []float64 `json:"data"`
}

func (p plane) picture() *image.Gray {
	g := image.NewGray(image.Rect(0, 0, p.Shape[1], p.Shape[0]))
	for i, v := range p.Data {
		g.Pix[i] = uint8(v)
	}
	return g
}

type resizeCase struct {
	Size   [2]int `json:"size_hw"`
	Input  plane  `json:"input"`
	Output plane  `json:"output"`
}

func readFixture(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "ops", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func samePicture(t *testing.T, got, want *image.Gray) {
	t.Helper()
	if got.Rect != want.Rect {
		t.Fatalf("bounds %v, want %v", got.Rect, want.Rect)
	}
	differ := 0
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			if g, w := got.GrayAt(x, y).Y, want.GrayAt(x, y).Y; g != w {
				if differ == 0 {
					t.Errorf("pixel (%d, %d) is %d, want %d", x, y, g, w)
				}
				differ++
			}
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d pixels differ", differ, len(want.Pix))
	}
}

func TestPillowResizeEqualsPillow(t *testing.T) {
	var cases map[string]resizeCase
	readFixture(t, "pil_resize_bilinear.json", &cases)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := picture.ResizePillow(c.Input.picture(), c.Size[1], c.Size[0])
			samePicture(t, got, c.Output.picture())
		})
	}
}

func TestOpenCVResizeEqualsOpenCV(t *testing.T) {
	var cases map[string]resizeCase
	readFixture(t, "cv2_resize.json", &cases)
	tried := map[string]int{}
	for name, c := range cases {
		kind, _, _ := strings.Cut(name, "_")
		tried[kind]++
		t.Run(name, func(t *testing.T) {
			h, w := c.Size[0], c.Size[1]
			switch kind {
			case "u8":
				samePicture(t, picture.ResizeOpenCV(c.Input.picture(), w, h), c.Output.picture())
			case "nearest":
				samePicture(t, picture.ResizeNearest(c.Input.picture(), w, h), c.Output.picture())
			case "f32":
				in := make([]float32, len(c.Input.Data))
				for i, v := range c.Input.Data {
					in[i] = float32(v)
				}
				got := picture.ResizeOpenCVFloat(in, c.Input.Shape[1], c.Input.Shape[0], w, h)
				for i, v := range got {
					// OpenCV's sum of 2 x 2 depends on its vector width in the last bit.
					if want := c.Output.Data[i]; math.Abs(float64(v)-want) > 3e-7 {
						t.Fatalf("value %d is %.9g, want %.9g", i, v, want)
					}
				}
			default:
				t.Fatalf("a case of unknown kind %q", kind)
			}
		})
	}
	for _, kind := range []string{"u8", "f32", "nearest"} {
		if tried[kind] == 0 {
			t.Errorf("no %s case in the fixture", kind)
		}
	}
}

func TestShorterSideAndCentreCropTakeTorchvisionsSizes(t *testing.T) {
	var cases map[string]struct {
		Resized  [2]int `json:"resized_hw"`
		CropTop  int    `json:"crop_top"`
		CropLeft int    `json:"crop_left"`
	}
	readFixture(t, "resize256_centercrop224.json", &cases)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var h, w int
			if _, err := fmt.Sscanf(name, "%dx%d", &h, &w); err != nil {
				t.Fatal(err)
			}
			resized := picture.ShorterSide(noise(w, h), 256)
			if got := [2]int{resized.Rect.Dy(), resized.Rect.Dx()}; got != c.Resized {
				t.Fatalf("resized to %v (rows, columns), want %v", got, c.Resized)
			}
			want := resized.SubImage(image.Rect(c.CropLeft, c.CropTop, c.CropLeft+224, c.CropTop+224)).(*image.Gray)
			got := picture.CentreCrop(resized, 224, 224)
			for y := range 224 {
				for x := range 224 {
					if got.GrayAt(x, y) != want.GrayAt(c.CropLeft+x, c.CropTop+y) {
						t.Fatalf("pixel (%d, %d) is not the resized one at (%d, %d)", x, y, c.CropLeft+x, c.CropTop+y)
					}
				}
			}
		})
	}
}

func TestCentreCropPadsAShortSideWithBlack(t *testing.T) {
	src := noise(3, 5)
	got := picture.CentreCrop(src, 6, 3)
	want := image.NewGray(image.Rect(0, 0, 6, 3))
	for y := range 3 {
		copy(want.Pix[y*6+1:], src.Pix[(y+1)*3:][:3])
	}
	samePicture(t, got, want)
}

func TestCentreCropSplitsAnOddRestToTheEvenSide(t *testing.T) {
	src := image.NewGray(image.Rect(0, 0, 7, 9))
	for i := range src.Pix {
		src.Pix[i] = uint8(i)
	}
	// 3 columns to spare: 1.5 rounds to 2. 5 rows to spare: 2.5 rounds to 2.
	if got := picture.CentreCrop(src, 4, 4).Pix[0]; got != 2*7+2 {
		t.Errorf("it begins at column %d, row %d", got%7, got/7)
	}
}

// OpenCV computes its scale as the inverse of an inverse; 1/(10/26) is a bit
// less than 2.6, so that output 5 shows input 12, not 13.
func TestNearestTakesOpenCVsRoundedScale(t *testing.T) {
	src := image.NewGray(image.Rect(0, 0, 26, 1))
	for i := range src.Pix {
		src.Pix[i] = uint8(i)
	}
	if got := picture.ResizeNearest(src, 10, 1).Pix; got[5] != 12 || got[9] != 23 {
		t.Errorf("got %v", got)
	}
}

func TestJetEqualsOpenCVsTable(t *testing.T) {
	var table struct {
		BGR [][3]uint8 `json:"lut"`
	}
	readFixture(t, "colormap_jet_bgr.json", &table)
	if len(table.BGR) != 256 {
		t.Fatalf("%d entries", len(table.BGR))
	}
	for v, want := range table.BGR {
		if got := picture.Jet(uint8(v)); got.B != want[0] || got.G != want[1] || got.R != want[2] || got.A != 255 {
			t.Errorf("%d is %v, want blue, green, red %v", v, got, want)
		}
	}
}

// TestPreprocessingEqualsTheReferenceImages needs the reference images, which
// are not part of the project.
func TestPreprocessingEqualsTheReferenceImages(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "reference", "images")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the reference images are not here: %v", err)
	}
	read := func(name string) *image.Gray {
		t.Helper()
		f, err := os.Open(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, err := picture.Decode(f, picture.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return p
	}
	opencv := func(w, h int) func(*image.Gray) *image.Gray {
		return func(p *image.Gray) *image.Gray { return picture.ResizeOpenCV(p, w, h) }
	}
	pillow := func(w, h int) func(*image.Gray) *image.Gray {
		return func(p *image.Gray) *image.Gray { return picture.ResizePillow(p, w, h) }
	}
	classifier := func(p *image.Gray) *image.Gray {
		return picture.CentreCrop(picture.ShorterSide(p, 256), 224, 224)
	}
	for _, c := range []struct {
		source, result string
		how            func(*image.Gray) *image.Gray
	}{
		{"slice_a.png", "seg_a_224x224.png", opencv(224, 224)},
		{"slice_a.png", "seg_a_187x250.png", opencv(250, 187)},
		{"slice_a.png", "seg_a_256x256.png", opencv(256, 256)},
		{"slice_b.png", "seg_b_224x224.png", opencv(224, 224)},
		{"slice_a.png", "mix_a_160x160.png", pillow(160, 160)},
		{"slice_b.png", "mix_b_160x160.png", pillow(160, 160)},
		{"slice_c.png", "mix_c_160x160.png", pillow(160, 160)},
		{"slice_d.png", "mix_d_160x160.png", pillow(160, 160)},
		{"slice_a.png", "cls_a_224.png", classifier},
		{"slice_b.png", "cls_b_224.png", classifier},
		{"slice_a_331x477.png", "cls_a_331x477_224.png", classifier},
		{"slice_a_331x477.png", "cls_a_331x477_resize256_uncropped.png", func(p *image.Gray) *image.Gray { return picture.ShorterSide(p, 256) }},
		{"slice_a.png", "cls_a_187x250.png", pillow(250, 187)},
	} {
		t.Run(c.result, func(t *testing.T) {
			samePicture(t, c.how(read(c.source)), read(filepath.Join("pre", c.result)))
		})
	}
}

// TestResizesReadTheirOwnPartOfALargerPicture guards stride and origin.
func TestResizesReadTheirOwnPartOfALargerPicture(t *testing.T) {
	whole := noise(40, 30)
	part := whole.SubImage(image.Rect(7, 5, 27, 21)).(*image.Gray)
	alone := image.NewGray(image.Rect(0, 0, 20, 16))
	for y := range 16 {
		copy(alone.Pix[y*20:][:20], whole.Pix[(y+5)*40+7:])
	}
	for name, resize := range resizes() {
		for _, size := range [][2]int{{20, 16}, {10, 8}, {20, 7}, {9, 16}, {33, 41}} {
			t.Run(fmt.Sprintf("%s to %d x %d", name, size[0], size[1]), func(t *testing.T) {
				got := resize(part, size[0], size[1])
				samePicture(t, got, resize(alone, size[0], size[1]))
				got.Pix[0]++
				if part.GrayAt(7, 5) != alone.GrayAt(0, 0) {
					t.Error("the result shares memory with its source")
				}
			})
		}
	}
}

func TestResizesStayWithinTheRangeOfTheirInput(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, resize := range resizes() {
		for range 50 {
			src := noise(1+rng.IntN(60), 1+rng.IntN(60))
			for i := range src.Pix {
				src.Pix[i] = 100 + src.Pix[i]/8
			}
			w, h := 1+rng.IntN(90), 1+rng.IntN(90)
			for _, v := range resize(src, w, h).Pix {
				// OpenCV's fixed point loses up to one grey level.
				if v < 99 || v > 131 {
					t.Fatalf("%s of %v to %d x %d made %d out of 100..131", name, src.Rect, w, h, v)
				}
			}
		}
	}
}

func TestResizeWithoutPixelsIsEmpty(t *testing.T) {
	for name, resize := range resizes() {
		for _, c := range []struct {
			src  *image.Gray
			w, h int
		}{{noise(4, 4), 0, 3}, {noise(4, 4), 3, -1}, {&image.Gray{}, 3, 3}} {
			if got := resize(c.src, c.w, c.h); !got.Rect.Empty() {
				t.Errorf("%s of %v to %d x %d is %v", name, c.src.Rect, c.w, c.h, got.Rect)
			}
		}
	}
	if got := picture.ResizeOpenCVFloat(make([]float32, 5), 2, 3, 4, 4); got != nil {
		t.Errorf("a plane of the wrong length gave %d values", len(got))
	}
}

func resizes() map[string]func(*image.Gray, int, int) *image.Gray {
	return map[string]func(*image.Gray, int, int) *image.Gray{
		"pillow":  picture.ResizePillow,
		"opencv":  picture.ResizeOpenCV,
		"nearest": picture.ResizeNearest,
	}
}

func noise(w, h int) *image.Gray {
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	p := image.NewGray(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = uint8(rng.Uint32())
	}
	return p
}

func BenchmarkResize(b *testing.B) {
	src := noise(512, 512)
	for name, resize := range resizes() {
		for _, size := range []int{224, 256, 400} {
			b.Run(fmt.Sprintf("%s 512 to %d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					resize(src, size, size)
				}
			})
		}
	}
}
