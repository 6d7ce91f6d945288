package dataset

import (
	"bytes"
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// texture is a smooth picture of w x h whose greys tell places apart.
func texture(w, h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Pix[y*img.Stride+x] = uint8(128 + 60*math.Sin(float64(x)/9) + 60*math.Cos(float64(y)/7))
		}
	}
	return img
}

// disc is a mask with one bright disc.
func disc(w, h, cx, cy, r int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) <= r*r {
				img.Pix[y*img.Stride+x] = 255
			}
		}
	}
	return img
}

func strong() Augmentation {
	return Augmentation{View: 128, Width: 96, Height: 96, Body: 0.5, Margin: 0.1, Flip: 0.5, Rotate: 15,
		Zoom: [2]float64{0.75, 1.75}, Aspect: 0.2, Shift: 0.1, Window: 0.1, Gamma: 0.3, Contrast: 0.2,
		Brightness: 0.1, CLAHE: 0.5, Blur: 0.5, Noise: 0.5, NoiseLevel: 12, Cutout: 0.3}
}

func TestOneGeneratorGivesOneSample(t *testing.T) {
	p := &Picture{Image: texture(140, 120), Mask: disc(140, 120, 60, 60, 20), Body: image.Rect(20, 10, 120, 110)}
	for i := range uint64(20) {
		a, b := strong().Apply(p, newRand(3, i)), strong().Apply(p, newRand(3, i))
		if !bytes.Equal(a.Image.Pix, b.Image.Pix) || !bytes.Equal(a.Mask.Pix, b.Mask.Pix) {
			t.Fatalf("sample %d differs from itself", i)
		}
	}
	a, b := strong().Apply(p, newRand(3, 1)), strong().Apply(p, newRand(3, 2))
	if bytes.Equal(a.Image.Pix, b.Image.Pix) {
		t.Error("two places give one sample")
	}
}

func TestNothingAskedForLeavesThePicture(t *testing.T) {
	p := &Picture{Image: texture(96, 96), Mask: disc(96, 96, 40, 50, 20)}
	s := Augmentation{View: 96, Width: 96, Height: 96}.Apply(p, newRand(1))
	if !bytes.Equal(s.Image.Pix, p.Image.Pix) || !bytes.Equal(s.Mask.Pix, p.Mask.Pix) {
		t.Error("picture or mask has changed")
	}
}

func TestAFlipMirrorsPictureAndMask(t *testing.T) {
	p := &Picture{Image: texture(96, 96), Mask: disc(96, 96, 30, 50, 20)}
	s := Augmentation{View: 96, Width: 96, Height: 96, Flip: 1}.Apply(&Picture{Image: texture(96, 96), Mask: disc(96, 96, 30, 50, 20)}, newRand(1))
	for y := range 96 {
		for x := range 96 {
			if s.Image.Pix[y*96+x] != p.Image.Pix[y*96+95-x] || s.Mask.Pix[y*96+x] != p.Mask.Pix[y*96+95-x] {
				t.Fatalf("pixel %d,%d is not that of the other side", x, y)
			}
		}
	}
}

func TestThePublishedChangesAreOffered(t *testing.T) {
	p := &Picture{Image: texture(224, 224)}
	down := Augmentation{View: 224, Width: 224, Height: 224, UpsideDown: 1}.Apply(p, newRand(1))
	for y := range 224 {
		if !bytes.Equal(down.Image.Pix[y*224:(y+1)*224], p.Image.Pix[(223-y)*224:(224-y)*224]) {
			t.Fatalf("row %d is not that of the other end", y)
		}
	}
	a := Augmentation{View: 224, Width: 224, Height: 224, Inset: 7.0 / 224}
	whole := 0
	for i := range uint64(100) {
		f := a.frame(p, newRand(1, i))
		if f.x0 < 0 || f.x0 > 7 || f.y0 < 0 || f.y0 > 7 || math.Abs(f.x0+112*f.xx-112) > 1e-9 || math.Abs(f.y0+112*f.yy-112) > 1e-9 {
			t.Fatalf("frame %+v takes not the same off both sides, or more than 7 pixels", f)
		}
		if f.x0 == 0 && f.y0 == 0 {
			whole++
		}
	}
	if whole < 35 || whole > 65 {
		t.Errorf("%d of 100 pictures stay whole", whole)
	}
}

func TestTheMaskFollowsThePicture(t *testing.T) {
	a := strong()
	a.Window, a.Gamma, a.Contrast, a.Brightness, a.CLAHE, a.Blur, a.Noise, a.Cutout = 0, 0, 0, 0, 0, 0, 0, 0
	mask := disc(140, 120, 60, 50, 25)
	p := &Picture{Image: mask, Mask: mask, Body: image.Rect(20, 10, 120, 110)}
	seen := 0
	for i := range uint64(100) {
		s := a.Apply(p, newRand(9, i))
		for j, v := range s.Image.Pix {
			if (v > 127) != (s.Mask.Pix[j] == 255) {
				t.Fatalf("sample %d: grey %d where the mask is %d", i, v, s.Mask.Pix[j])
			}
			seen += int(s.Mask.Pix[j])
		}
	}
	if seen == 0 {
		t.Error("no sample shows the mask")
	}
}

func TestTheViewKeepsItsScale(t *testing.T) {
	// Half of a view of 128 from a picture of 256 is a crop of 64 that shows
	// half of each side.
	img := image.NewGray(image.Rect(0, 0, 256, 256))
	for y := range 256 {
		for x := range 256 {
			img.Pix[y*256+x] = uint8(x)
		}
	}
	s := Augmentation{View: 128, Width: 64, Height: 64}.Apply(&Picture{Image: img}, newRand(4))
	first, last := int(s.Image.Pix[0]), int(s.Image.Pix[63])
	if last-first < 125 || last-first > 127 {
		t.Errorf("the crop shows greys %d to %d, want 126 apart", first, last)
	}
	if s.Mask != nil {
		t.Error("a picture without a mask got one")
	}
}

func TestFramesTurnAndMirrorWithoutSkew(t *testing.T) {
	a := strong()
	a.Aspect, a.Body = 0, 0
	p := &Picture{Image: texture(200, 200)}
	mirrored := 0
	for i := range uint64(50) {
		f := a.frame(p, newRand(1, i))
		if math.Abs(f.xx*f.xy+f.yx*f.yy) > 1e-9 {
			t.Fatalf("frame %+v has axes that are not at right angles", f)
		}
		if turn := math.Abs(math.Atan2(f.yx, f.xx)); math.Min(turn, math.Pi-turn) > 15.001*math.Pi/180 {
			t.Fatalf("frame %+v turns further than asked for", f)
		}
		if f.xx*f.yy-f.xy*f.yx < 0 {
			mirrored++
		}
	}
	if mirrored < 15 || mirrored > 35 {
		t.Errorf("%d of 50 frames are mirrored", mirrored)
	}
}

func TestTheLimitOfLocalContrastHolds(t *testing.T) {
	with := func(limit float64) float64 {
		img := texture(96, 96)
		for i, v := range img.Pix {
			img.Pix[i] = 100 + v/16
		}
		localContrast(img, 4, limit)
		return deviation(img)
	}
	if low, high := with(1.5), with(20); low > 0.7*high {
		t.Errorf("deviation is %.1f at a limit of 1.5 and %.1f at 20", low, high)
	}
}

func TestLocalContrastEvensOutGreys(t *testing.T) {
	img := texture(96, 96)
	for i, v := range img.Pix {
		img.Pix[i] = 100 + v/16 // hardly any contrast
	}
	before := deviation(img)
	localContrast(img, 8, 4)
	if after := deviation(img); after < 2*before {
		t.Errorf("deviation went from %.1f to %.1f", before, after)
	}
	tiny := texture(6, 6)
	localContrast(tiny, 8, 4) // more cells than pixels: left as it is
	if !bytes.Equal(tiny.Pix, texture(6, 6).Pix) {
		t.Error("a picture smaller than its cells has changed")
	}
}

func TestNoiseHasItsDeviationAndNoMean(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 200, 201))
	for i := range img.Pix {
		img.Pix[i] = 128
	}
	addNoise(img, 10, newRand(2))
	sum := 0.0
	for _, v := range img.Pix {
		sum += float64(v)
	}
	if m := sum / float64(len(img.Pix)); math.Abs(m-128) > 0.3 {
		t.Errorf("mean is %.2f", m)
	}
	if d := deviation(img); math.Abs(d-10) > 0.4 {
		t.Errorf("deviation is %.2f, want 10", d)
	}
}

func TestABlurKeepsAnEvenPictureAndSmoothsAnother(t *testing.T) {
	even := image.NewGray(image.Rect(0, 0, 20, 30))
	for i := range even.Pix {
		even.Pix[i] = 77
	}
	blur(even, 0.3)
	for _, v := range even.Pix {
		if v != 77 {
			t.Fatalf("an even picture has a grey of %d", v)
		}
	}
	point := image.NewGray(image.Rect(0, 0, 5, 5))
	point.Pix[12] = 200
	blur(point, 0.25)
	want := []uint8{0, 0, 0, 0, 0, 0, 13, 25, 13, 0, 0, 25, 50, 25, 0, 0, 13, 25, 13, 0, 0, 0, 0, 0, 0}
	for i, v := range point.Pix {
		if math.Abs(float64(v)-float64(want[i])) > 1 {
			t.Errorf("pixel %d is %d, want %d", i, v, want[i])
		}
	}
}

func TestMixingIsDrawnByItsChanceAndAlpha(t *testing.T) {
	mixed, sum := 0, 0.0
	m := Mixing{Chance: 0.5, Alpha: 0.4}
	for step := range 4000 {
		share, partner := m.Draw(1, step, 6)
		if partner == nil {
			continue
		}
		mixed++
		sum += (share - 0.5) * (share - 0.5)
		seen := make([]bool, 6)
		for _, p := range partner {
			seen[p] = true
		}
		for _, s := range seen {
			if !s {
				t.Fatalf("partners are %v", partner)
			}
		}
	}
	if mixed < 1900 || mixed > 2100 {
		t.Errorf("%d of 4000 batches are mixed", mixed)
	}
	// The variance of a symmetric beta distribution is 1/(4(2a+1)).
	if v, want := sum/float64(mixed), 1/(4*(2*0.4+1)); math.Abs(v-want) > 0.01 {
		t.Errorf("variance is %.4f, want %.4f", v, want)
	}
}

func deviation(img *image.Gray) float64 {
	sum, squares, n := 0.0, 0.0, float64(len(img.Pix))
	for _, v := range img.Pix {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	return math.Sqrt(squares/n - sum/n*sum/n)
}

func BenchmarkApply(b *testing.B) {
	p := &Picture{Image: texture(288, 288), Mask: disc(288, 288, 100, 100, 40), Body: image.Rect(20, 30, 260, 250)}
	a := strong()
	a.View, a.Width, a.Height = 256, 256, 256
	rng := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		a.Apply(p, rng)
	}
}
