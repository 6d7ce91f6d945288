package ct

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// chestAt is the density of a made-up chest: an oval body with two lungs that
// are 180 mm high. x grows to the left, y to the back, z to the head, from the
// middle, in mm.
func chestAt(x, y, z float64) float64 {
	if x*x/(150*150)+y*y/(105*105) > 1 {
		return -1000
	}
	if grow := 1 - z*z/(90*90); grow > 0 {
		grow = math.Sqrt(grow)
		dx := (math.Abs(x) - 72) / (52 * grow)
		dy := y / (75 * grow)
		if dx*dx+dy*dy < 1 {
			return -850
		}
	}
	return 35
}

// chestVolume is a chest of slices of 64 x 64 pixels of 6 mm, with noise.
func chestVolume(n int, step, noise float64, at func(x, y, z float64) float64) (size [3]int, hu []int16, affine [4][4]float64) {
	const side, pixel = 64, 6.0
	rng := rand.New(rand.NewPCG(1, 2))
	size = [3]int{side, side, n}
	hu = make([]int16, side*side*n)
	low := -step * float64(n-1) / 2
	for i := range hu {
		x := (float64(i%side) - (side-1)/2.0) * pixel
		y := (float64(i/side%side) - (side-1)/2.0) * pixel
		v := at(x, y, low+float64(i/side/side)*step)
		if noise > 0 {
			v += noise * rng.NormFloat64()
		}
		hu[i] = int16(max(Air, math.Round(v)))
	}
	affine = [4][4]float64{{pixel, 0, 0, -190}, {0, pixel, 0, -190}, {0, 0, step, low}, {0, 0, 0, 1}}
	return size, hu, affine
}

func TestWhatTheNetworksDoNotKnowIsWarnedOf(t *testing.T) {
	for _, test := range []struct {
		name        string
		n           int
		step, noise float64
		at          func(x, y, z float64) float64
		want        []string
	}{
		{"a chest", 44, 5, 15, chestAt, nil},
		{"a thin chest with much noise", 150, 1.5, 40, chestAt, nil},
		{"thick slices", 20, 12, 15, chestAt, []string{"thick_slices"}},
		{"few slices", 8, 5, 15, chestAt, []string{"few_slices"}},
		{"a chest that ends in the lungs above", 44, 5, 15, func(x, y, z float64) float64 { return chestAt(x, y, z-60) }, []string{"lungs_cut_off"}},
		{"lungs cut off at the side", 44, 5, 15, func(x, y, z float64) float64 { return chestAt(x+130, y, z) }, []string{"lungs_cut_off"}},
		{"an abdomen", 44, 5, 15, func(x, y, z float64) float64 { return chestAt(x, y, z-300) }, []string{"no_lungs"}},
		{"an abdomen with the base of the lungs", 44, 5, 15, func(x, y, z float64) float64 { return chestAt(x, y, z-155) }, []string{"not_chest", "lungs_cut_off"}},
		{"values of which the intercept is missing", 44, 5, 15, func(x, y, z float64) float64 { return chestAt(x, y, z) + 1024 }, []string{"no_air"}},
		{"values of twice the slope", 44, 5, 15, func(x, y, z float64) float64 { return 2*(chestAt(x, y, z)+1024) - 1024 }, []string{"not_hu"}},
		{"values of half the slope", 44, 5, 15, func(x, y, z float64) float64 { return (chestAt(x, y, z)+1024)/2 - 1024 }, []string{"not_hu"}},
		{"much noise", 44, 5, 80, chestAt, []string{"noise_high"}},
		{"nothing but noise", 44, 5, 250, chestAt, []string{"noise_extreme"}},
		{"a patient who moved between two slices", 60, 3, 15, func(x, y, z float64) float64 {
			if z > 10 {
				y += 60
			}
			return chestAt(x, y, z)
		}, []string{"slice_jump"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			size, hu, affine := chestVolume(test.n, test.step, test.noise, test.at)
			in, err := newGrid(KindDICOM, size, hu, affine, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := codesOf(in)
			for _, code := range test.want {
				if !slices.Contains(got, code) {
					t.Errorf("warnings %v, not %s; %+v", got, code, *in.Look)
				}
			}
			if len(test.want) == 0 && len(got) > 0 {
				t.Errorf("warnings %v; %+v", in.Warnings, *in.Look)
			}
		})
	}
}

func codesOf(in *Input) []string {
	var codes []string
	for _, w := range in.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

func TestPicturesThatAreNotWindowedForLungsAreWarnedOf(t *testing.T) {
	size, hu, affine := chestVolume(44, 5, 15, chestAt)
	volume, err := newGrid(KindDICOM, size, hu, affine, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		window Window
		warned bool
	}{
		"lung":        {LungWindow(), false},
		"wide lung":   {Window{-500, 2000}, false},
		"narrow lung": {Window{-700, 1000}, false},
		"soft tissue": {Window{40, 400}, true},
		"vessels":     {Window{200, 700}, true},
		"bone":        {Window{400, 1800}, true},
	} {
		var pictures []*image.Gray
		for k := 12; k < 32; k++ {
			pictures = append(pictures, volume.Picture(k, test.window))
		}
		in := &Input{Kind: KindPictures, Pictures: pictures}
		in.assess()
		if got := slices.Contains(codesOf(in), "window_not_lung"); got != test.warned {
			t.Errorf("%s: warned %v; %+v", name, got, *in.Look)
		}
	}
}

// The bounds are wide enough for what jcs was tried on.
func TestSharedPicturesAndVolumesAreNotWarnedOf(t *testing.T) {
	for _, folder := range []string{"volumes20/images", "ct100/images"} {
		in := openShared(t, folder)
		for _, code := range codesOf(in) {
			if code == "window_not_lung" || code == "noise_high" {
				t.Errorf("%s: %s; %+v", folder, code, *in.Look)
			}
		}
	}
}

func TestNoiseIsMeasured(t *testing.T) {
	for _, sd := range []float64{5, 20, 50} {
		size, hu, _ := chestVolume(20, 5, sd, chestAt)
		got, ok := noiseOf(&Volume{Columns: size[0], Rows: size[1], Slices: size[2], HU: hu})
		if !ok || math.Abs(got-sd) > 0.12*sd+1 {
			t.Errorf("noise of %v HU is measured as %.1f", sd, got)
		}
	}
}
