package ct

import (
	"image"
	"math"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/picture"
)

func TestLungWindowRoundsToNearest(t *testing.T) {
	w := LungWindow()
	for hu, want := range map[int16]uint8{
		math.MinInt16: 0, -1350: 0, -1348: 0, -1347: 1, // 0.51
		Air: 55, -1000: 60, -863: 83, -600: 128, // 55.42, 59.5, 82.79, 127.5
		0: 230, 147: 254, 148: 255, 150: 255, math.MaxInt16: 255,
	} {
		if got := w.Grey(hu); got != want {
			t.Errorf("%d HU is grey %d, want %d", hu, got, want)
		}
	}
}

func TestWindowsRiseAndApplyAsTheyGrey(t *testing.T) {
	for _, w := range []Window{LungWindow(), {Level: 40, Width: 400}, {Level: 0, Width: 1}, {Level: -0.5, Width: 70000}} {
		hu := make([]int16, 1<<16)
		for i := range hu {
			hu[i] = int16(i - 1<<15)
		}
		grey := make([]uint8, len(hu))
		w.apply(grey, hu)
		for i, h := range hu {
			if grey[i] != w.Grey(h) {
				t.Fatalf("%+v: %d HU is applied as %d, not %d", w, h, grey[i], w.Grey(h))
			}
			if i > 0 && grey[i] < grey[i-1] {
				t.Fatalf("%+v falls at %d HU", w, h)
			}
		}
	}
}

// The pictures of the same patient in the set of normal slices went through
// level -600 and width 1500 elsewhere, were resized to 384 x 384 by an unknown
// filter and compressed as JPEG of quality 92. Our slices, made alike, must
// agree with them better than through any neighbouring window.
func TestLungWindowIsTheLookOfTheNormalSet(t *testing.T) {
	series := openShared(t, "chest-series")
	look := openShared(t, "normal/images")
	small := make([]*image.Gray, series.Len())
	for k := range small {
		small[k] = picture.ResizeOpenCV(series.Picture(k, LungWindow()), 96, 96)
	}
	var sum, bias, n float64
	others := map[Window]float64{}
	for i, s := range look.Sources {
		if !strings.HasPrefix(s.File, "lungdx_a0001_") {
			continue
		}
		p := look.Pictures[i]
		k := mostAlike(picture.ResizeOpenCV(p, 96, 96), small)
		d := difference(p, resized(series, k, LungWindow()))
		// Resizing to bytes rounds; the mean of the whole slice does not.
		signed := mean(series.Picture(k, LungWindow())) - mean(p)
		t.Logf("%s is %s: mean absolute difference %.2f greys, difference of means %+.2f", s.File, series.Sources[k].File, d, signed)
		sum, bias, n = sum+d, bias+signed, n+1
		for _, w := range []Window{{-625, 1500}, {-575, 1500}, {-600, 1400}, {-600, 1600}} {
			others[w] += difference(p, resized(series, k, w))
		}
	}
	if n != 12 {
		t.Fatalf("%v pictures of the patient", n)
	}
	t.Logf("all: mean absolute difference %.2f greys, difference of means %+.3f", sum/n, bias/n)
	if sum/n > 2 || math.Abs(bias/n) > 0.25 { // truncation would be half a grey darker
		t.Errorf("the window differs from the pictures by %.2f greys, %+.2f on average", sum/n, bias/n)
	}
	for w, d := range others {
		if d <= sum {
			t.Errorf("%+v agrees better: %.2f greys", w, d/n)
		}
	}
}

func resized(in *Input, k int, w Window) *image.Gray {
	return picture.ResizeOpenCV(in.Picture(k, w), 384, 384)
}

// mostAlike finds the picture that differs least from p.
func mostAlike(p *image.Gray, all []*image.Gray) int {
	best, least := 0, math.Inf(1)
	for k, q := range all {
		if d := difference(p, q); d < least {
			best, least = k, d
		}
	}
	return best
}

// difference returns the mean absolute difference of two pictures.
func difference(a, b *image.Gray) float64 {
	sum := 0.0
	for i := range a.Pix {
		sum += math.Abs(float64(b.Pix[i]) - float64(a.Pix[i]))
	}
	return sum / float64(len(a.Pix))
}

func mean(p *image.Gray) float64 {
	sum := 0.0
	for _, v := range p.Pix {
		sum += float64(v)
	}
	return sum / float64(len(p.Pix))
}
