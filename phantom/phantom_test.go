package phantom

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
)

func small(c Config) Config {
	c.Columns, c.Slices, c.ThicknessMM = 96, 30, 1.5
	return c
}

func build(t *testing.T, c Config) (*ct.Volume, *Truth) {
	t.Helper()
	v, truth, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	return v, truth
}

func TestSameConfigurationGivesTheSamePhantom(t *testing.T) {
	c := small(Config{Seed: 7, GroundGlass: 2})
	v, truth := build(t, c)
	w, again := build(t, c)
	if !slices.Equal(v.HU, w.HU) || !slices.Equal(truth.Lesion, again.Lesion) || v.SeriesUID != w.SeriesUID {
		t.Error("two phantoms of one configuration differ")
	}
	c.Seed++
	w, _ = build(t, c)
	if slices.Equal(v.HU, w.HU) || v.SeriesUID == w.SeriesUID || v.Sources[0].InstanceUID == w.Sources[0].InstanceUID {
		t.Error("another seed gives the same phantom")
	}
}

func TestTheChestIsPlausible(t *testing.T) {
	v, truth := build(t, small(Config{}))
	for name, ml := range map[string]float64{"right": truth.Lungs.Right.VolumeML, "left": truth.Lungs.Left.VolumeML} {
		if ml < 1500 || ml > 3500 {
			t.Errorf("the %s lung has %.0f mL", name, ml)
		}
	}
	if truth.Lungs.Left.VolumeML >= truth.Lungs.Right.VolumeML {
		t.Error("the left lung is not the smaller one")
	}
	if len(truth.Lesions) != 0 || slices.Max(truth.Lesion) != 0 {
		t.Error("a phantom without lesions has some")
	}
	var lung []int16
	for i, label := range truth.Lung {
		if label != 0 {
			lung = append(lung, v.HU[i])
		}
	}
	slices.Sort(lung)
	if median := lung[len(lung)/2]; median < -860 || median > -780 {
		t.Errorf("the lungs have %d HU, their median", median)
	}
	if v.HU[0] > -900 || slices.Max(v.HU) < 300 {
		t.Error("there is no air around the body, or no bone in it")
	}
	// The right lung lies at the patient's right: low x.
	for i, label := range truth.Lung {
		x := v.Position(float64(i%v.Columns), 0, 0)[0]
		if (label == rightLung && x > 0) || (label == leftLung && x < 0) {
			t.Fatalf("lung %d lies at x = %.0f mm", label, x)
		}
	}
}

// Deep in the lungs, where no rim is near, what is dense is vessels.
func TestTheLungsHaveVessels(t *testing.T) {
	v, truth := build(t, small(Config{}))
	deep, dense := 0, 0
	for i := range truth.Lung {
		inside := true
		for _, step := range []int{-3 * v.Columns, -3, 0, 3, 3 * v.Columns} {
			inside = inside && i+step >= 0 && i+step < len(truth.Lung) && truth.Lung[i+step] != 0
		}
		if inside {
			deep++
			if v.HU[i] > -650 {
				dense++
			}
		}
	}
	if share := float64(dense) / float64(deep); share < 0.03 || share > 0.12 {
		t.Errorf("%.3f of the inner lungs are vessels", share)
	}
}

func TestALesionIsWhereAndWhatItIsSaidToBe(t *testing.T) {
	c := Config{Columns: 128, Slices: 60, ThicknessMM: 1.5, Lesions: []Lesion{
		{Kind: GroundGlass, CentreMM: [3]float64{-80, 35, 0}, RadiiMM: [3]float64{20, 15, 18}},
		{Kind: Consolidation, CentreMM: [3]float64{85, 20, 30}, RadiiMM: [3]float64{14, 14, 14}},
	}}
	v, truth := build(t, c)
	if len(truth.Lesions) != 2 {
		t.Fatalf("%d lesions", len(truth.Lesions))
	}
	for i, want := range []struct {
		lung     string
		low, top float64 // mean HU
	}{{"right", -650, -480}, {"left", -150, 60}} {
		got, l := truth.Lesions[i], c.Lesions[i]
		ml := 4.0 / 3 * math.Pi * l.RadiiMM[0] * l.RadiiMM[1] * l.RadiiMM[2] / 1000
		if math.Abs(got.VolumeML-ml) > 0.3*ml {
			t.Errorf("lesion %d has %.1f mL, its ellipsoid %.1f", i+1, got.VolumeML, ml)
		}
		if got.Kind != l.Kind || got.Lung != want.lung || got.MeanHU < want.low || got.MeanHU > want.top {
			t.Errorf("lesion %d is %+v", i+1, got)
		}
		for d := range l.CentreMM {
			if math.Abs(got.CentreMM[d]-l.CentreMM[d]) > 3 {
				t.Errorf("lesion %d has its centre at %v, not %v", i+1, got.CentreMM, l.CentreMM)
			}
		}
		n := 0
		for _, label := range truth.Lesion {
			if int(label) == got.ID {
				n++
			}
		}
		x, y, z, _ := v.SpacingMM()
		if math.Abs(float64(n)*x*y*z/1000-got.VolumeML) > 0.05*got.VolumeML {
			t.Errorf("lesion %d: %.2f mL are labelled, it has %.2f", i+1, float64(n)*x*y*z/1000, got.VolumeML)
		}
	}
}

func TestRandomLesionsLieInLungs(t *testing.T) {
	for seed := range uint64(1) {
		_, truth := build(t, small(Config{Seed: seed, GroundGlass: 4, Consolidations: 3}))
		if len(truth.Lesions) != 7 {
			t.Errorf("seed %d: %d of 7 lesions are left", seed, len(truth.Lesions))
		}
		for _, l := range truth.Lesions {
			if l.VolumeML < 0.5 {
				t.Errorf("seed %d: a lesion of %.2f mL is left", seed, l.VolumeML)
			}
		}
		pixels := 0
		for i, label := range truth.Lesion {
			if label == 0 {
				continue
			}
			pixels++
			if truth.Lung[i] == 0 {
				t.Fatalf("seed %d: a lesion lies outside the lungs", seed)
			}
		}
		for _, s := range truth.Slices {
			pixels -= s.OpacityPixels
		}
		if pixels != 0 {
			t.Errorf("seed %d: the slices' pixels are not those of the labels", seed)
		}
	}
}

func TestImpossibleConfigurationsAreErrors(t *testing.T) {
	for name, c := range map[string]Config{
		"tiny":            {Columns: 8},
		"huge":            {Columns: 4096, Slices: 1 << 20},
		"negative slices": {Slices: -1},
		"negative pixels": {PixelMM: [2]float64{-1, 1}},
		"many lesions":    {GroundGlass: 251},
		"unknown kind":    {Lesions: []Lesion{{Kind: "nodule", RadiiMM: [3]float64{1, 1, 1}}}},
		"a wrong lung":    {Lesions: []Lesion{{Kind: GroundGlass, Lung: "third"}}},
	} {
		if _, _, err := New(t.Context(), c); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func TestCancelledPhantomIsNone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, _, err := New(ctx, small(Config{})); v != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWrittenPhantomIsReadAsItWas(t *testing.T) {
	v, truth := build(t, small(Config{Seed: 3, GroundGlass: 2, Consolidations: 1}))
	dir := t.TempDir()
	err := Write(t.Context(), dir, v, truth)
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	in, err := ct.Open(t.Context(), dir, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Kind != ct.KindDICOM || len(in.Warnings) != 0 {
		t.Errorf("read as %s with warnings %v", in.Kind, in.Warnings)
	}
	got := in.Volume
	if !slices.Equal(got.HU, v.HU) || !slices.Equal(got.Sources, v.Sources) || got.SeriesUID != v.SeriesUID {
		t.Error("the volume read is not the one written")
	}
	for i := range got.Affine {
		for j := range got.Affine[i] {
			if math.Abs(got.Affine[i][j]-v.Affine[i][j]) > 1e-6 {
				t.Fatalf("the affine read is %v, the one written %v", got.Affine, v.Affine)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, TruthFile))
	if err != nil {
		t.Fatal(err)
	}
	var back Truth
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Schema != "jcs.phantom/2" || !slices.Equal(back.Lesions, truth.Lesions) || !slices.Equal(back.Slices, truth.Slices) {
		t.Error("the truth read is not the one written")
	}
}

// One file with a frame a slice is the same volume, in every syntax, with its frames
// in another order, some missing, or twice.
func TestPhantomWrittenAsEnhancedCTIsReadAsItWas(t *testing.T) {
	v, truth := build(t, small(Config{Seed: 3, GroundGlass: 2, TiltDegrees: 5, SliceMM: 9}))
	for name, test := range map[string]struct {
		o       Output
		missing int
		warning string
	}{
		"in order":               {Output{}, 0, ""},
		"shuffled":               {Output{Order: Order{Shuffled: true}}, 0, ""},
		"numbers fall":           {Output{Order: Order{DescendingNumber: true}}, 0, ""},
		"RLE":                    {Output{TransferSyntax: dcmtk.RLE}, 0, ""},
		"lossless JPEG":          {Output{TransferSyntax: dcmtk.JPEGLosslessFirst}, 0, ""},
		"JPEG 2000":              {Output{TransferSyntax: dcmtk.JPEG2000Lossless}, 0, ""},
		"deflated":               {Output{TransferSyntax: dcmtk.Deflated}, 0, ""},
		"a frame twice":          {Output{Faults: Faults{Duplicate: []int{4}}}, 0, "duplicate_file"},
		"the last slice missing": {Output{Faults: Faults{Missing: []int{v.Slices - 1}}}, 1, ""},
		"a localizer beside it":  {Output{Faults: Faults{Localizer: true}}, 0, "scouts_ignored"},
	} {
		dir := t.TempDir()
		test.o.Enhanced = true
		err := WriteAs(t.Context(), dir, v, truth, test.o)
		if errors.Is(err, dcmtk.ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		in, err := ct.Open(t.Context(), dir, ct.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := len(v.HU) - test.missing*v.Columns*v.Rows
		if !slices.Equal(in.Volume.HU, v.HU[:n]) || !near(in.Volume.Affine, v.Affine) {
			t.Errorf("%s: the volume read is not the one written", name)
		}
		for k, s := range in.Sources {
			if s.File != EnhancedFile || s.Frame == 0 || !s.HasPosition {
				t.Errorf("%s: slice %d is of %+v", name, k, s)
			}
		}
		warned := test.warning == ""
		for _, w := range in.Warnings {
			warned = warned || w.Code == test.warning
			if w.Code != test.warning && w.Code != "gantry_tilt" {
				t.Errorf("%s: warning %v", name, w)
			}
		}
		if !warned {
			t.Errorf("%s: no warning %s in %v", name, test.warning, in.Warnings)
		}
	}
	if err := WriteAs(t.Context(), t.TempDir(), v, truth, Output{Enhanced: true, Faults: Faults{Halved: []int{1}}}); err == nil {
		t.Error("a frame of another size was written")
	}
}

// near reports whether two affines are the same to a millionth of a millimetre.
func near(a, b [4][4]float64) bool {
	for i := range a {
		for j := range a[i] {
			if !(math.Abs(a[i][j]-b[i][j]) <= 1e-6) {
				return false
			}
		}
	}
	return true
}
