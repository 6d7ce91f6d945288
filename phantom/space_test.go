package phantom

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
)

var update = flag.Bool("update", false, "write the golden files anew")

// thin is quick to build: few voxels, each slice one section.
func thin(c Config) Config {
	c.Columns, c.Slices, c.ThicknessMM = 48, 8, 1
	return c
}

// A section's blocks are painted as a whole where their middle lies far from a
// surface. That is the same as looking at every pixel.
func TestBlocksArePaintedAsTheirPixelsWouldBe(t *testing.T) {
	a, err := newAnatomy(Config{})
	if err != nil {
		t.Fatal(err)
	}
	// Turned every way, so that the shapes are met in all directions.
	for _, turned := range [][2]vec{{{1, 0, 0}, {0, 1, 0}}, {{1, 0, 0}, {0, 0, -1}}, {{0, 1, 0}, {0, 0, -1}}, {{0.8, 0.6, 0}, {0, 0.28, 0.96}}} {
		s := newSection(200, 200, scale(turned[0], 2), scale(turned[1], 2))
		s.origin = along(along(vec{8, 4, 12}, s.column, -100), s.row, -100)
		for name, sh := range map[string]shape{
			"right lung": right.shape(a), "left lung": left.shape(a), "body": {bodyBox, body}, "cage": {bodyBox, cage},
			"heart": ball(chambers()[0][0], chambers()[0][1], 0), "aorta": a.great[0].shape(0),
		} {
			whole := slices.Clone(s.hu)
			clear(whole)
			for r := range s.rows {
				for c := range s.columns {
					whole[r*s.columns+c] = float32(s.cover(sh.depth(s.at(float64(c), float64(r)))))
				}
			}
			clear(s.hu)
			s.paint(sh, 1)
			for i := range whole {
				if math.Abs(float64(whole[i]-s.hu[i])) > 1e-6 {
					t.Fatalf("%s in the plane of %v: pixel %d is %g, should be %g", name, turned, i, s.hu[i], whole[i])
				}
			}
		}
	}
}

// What a voxel shows depends on its place alone, not on how the volume is stored.
func TestEveryOrientationShowsTheSamePatient(t *testing.T) {
	base := Config{Seed: 2, Slices: 40, Columns: 40, PixelMM: [2]float64{8, 8}, SliceMM: 8, ThicknessMM: 1, NoiseHU: -1, BlurMM: -1}
	v, truth := build(t, base)
	for _, o := range []Orientation{"RAI", "PRS", Coronal, Sagittal} { // all 48 would take a minute
		c := base
		c.Orientation = o
		w, turned := build(t, c)
		for _, i := range []int{7, 15111, 21000, 30001, 40404, 52020} {
			p := w.Position(float64(i%40), float64(i/40%40), float64(i/1600))
			at := [3]int{}
			for k := range at {
				at[k] = int(math.Round((p[k] - v.Affine[k][3]) / 8))
			}
			j := (at[2]*40+at[1])*40 + at[0]
			if truth.Lung[j] != turned.Lung[i] {
				t.Fatalf("%s: at %v there is lung %d, not %d", o, p, turned.Lung[i], truth.Lung[j])
			}
			if o.axis(2) == 2 && max(v.HU[j]-w.HU[i], w.HU[i]-v.HU[j]) > 1 {
				t.Fatalf("%s: at %v there are %d HU, not %d", o, p, w.HU[i], v.HU[j])
			}
		}
		if math.Abs(turned.Lungs.Both.VolumeML-truth.Lungs.Both.VolumeML) > 1 {
			t.Errorf("%s: lungs of %.1f mL, not %.1f", o, turned.Lungs.Both.VolumeML, truth.Lungs.Both.VolumeML)
		}
	}
}

func TestTheAffineHasItsSpacingTiltAndMiddle(t *testing.T) {
	c, err := Config{Columns: 40, Rows: 50, Slices: 7, PixelMM: [2]float64{2, 3}, SliceMM: 4, TiltDegrees: 12, TurnDegrees: [3]float64{5, -7, 9}, CentreMM: vec{10, 20, -30}}.orDefaults()
	if err != nil {
		t.Fatal(err)
	}
	v := &ct.Volume{Affine: c.affine()}
	x, y, z, _ := v.SpacingMM()
	if math.Abs(x-2) > 1e-9 || math.Abs(y-3) > 1e-9 || math.Abs(z-4) > 1e-9 {
		t.Errorf("spacing of %g x %g x %g mm", x, y, z)
	}
	if p := v.Position(19.5, 24.5, 3); distance(p, vec{10, 20, -30}) > 1e-9 {
		t.Errorf("the middle lies at %v", p)
	}
	step := axis(v.Affine, 2)
	normal := newSection(1, 1, axis(v.Affine, 0), axis(v.Affine, 1)).normal
	if tilt := math.Acos(dot(step, normal)/norm(step)) * 180 / math.Pi; math.Abs(tilt-12) > 1e-9 {
		t.Errorf("tilted by %g degrees", tilt)
	}
	if len(Orientations()) != 48 || slices.Compare(Orientations()[:1], []Orientation{Axial}) != 0 {
		t.Errorf("%d orientations, the first is %s", len(Orientations()), Orientations()[0])
	}
}

func TestALesionIsWhereItIsAskedFor(t *testing.T) {
	for i, text := range []string{"kind=mixed,lung=left,zone=upper,place=peripheral,ml=9", "lung=right,zone=lower,ml=30,hu=-650", "kind=consolidation,lung=right,zone=middle,place=central,ml=4"} {
		l, err := ParseLesion(text)
		if err != nil {
			t.Fatal(err)
		}
		_, truth := build(t, thin(Config{Seed: uint64(i), Lesions: []Lesion{l}, SliceMM: 37}))
		got := truth.Lesions[0]
		if got.Kind != l.Kind || got.Lung != l.Lung || got.Zone != l.Zone || l.Place != "" && got.Place != l.Place || math.Abs(got.VolumeML-l.VolumeML) > 0.01*l.VolumeML {
			t.Errorf("%s became %+v", text, got)
		}
		if l.HU != 0 && math.Abs(got.MeanHU-l.HU) > 40 {
			t.Errorf("%s has %.0f HU", text, got.MeanHU)
		}
	}
	for _, text := range []string{"", "kind=nodule", "ml=x", "at=1/2", "lung=up", "ml=9999", "radii=1/2/NaN", "at=1/2/3,radii=3/3/3,lung=left", "ml=1,volume=2"} {
		if _, err := ParseLesion(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// What lies outside the volume does not count.
func TestACutOffChestHasWhatIsLeftOfIt(t *testing.T) {
	_, whole := build(t, thin(Config{}))
	_, upper := build(t, thin(Config{SliceMM: 10, CentreMM: vec{0, 0, 90}}))  // 50 to 130 mm
	_, lower := build(t, thin(Config{SliceMM: 25, CentreMM: vec{0, 0, -50}})) // -150 to 50 mm
	sum := upper.Lungs.Both.VolumeML + lower.Lungs.Both.VolumeML
	if u := upper.Lungs.Both.VolumeML; u < 500 || u > 0.5*whole.Lungs.Both.VolumeML || math.Abs(sum-whole.Lungs.Both.VolumeML) > 0.002*sum {
		t.Errorf("%.1f mL above and %.1f below of %.1f", u, lower.Lungs.Both.VolumeML, whole.Lungs.Both.VolumeML)
	}
}

func TestFaultsAndOrderAreAsAskedFor(t *testing.T) {
	v, truth := build(t, thin(Config{Seed: 3}))
	dir := t.TempDir()
	o := Output{Prefix: "p_", PatientID: "X", TransferSyntax: dcmtk.RLE, Order: Order{Shuffled: true, NoNumber: true},
		Faults: Faults{Missing: []int{3}, Duplicate: []int{5}, Halved: []int{6}, Localizer: true, DoseSheet: true}}
	err := WriteAs(t.Context(), dir, v, truth, o)
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	child, err := dcmtk.Start(t.Context(), dcmtk.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	entries, _ := os.ReadDir(dir)
	kinds := map[string]int{}
	lastHeight, ordered := math.Inf(-1), true
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "p_") {
			t.Errorf("%s lacks the prefix", e.Name())
		}
		if !strings.HasSuffix(e.Name(), ".dcm") {
			continue
		}
		file, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		h, err := child.Header(file, false)
		if err != nil {
			t.Fatal(err)
		}
		kind := "slice of " + h.Text("Columns")
		switch {
		case strings.Contains(h.Text("ImageType"), "LOCALIZER"):
			kind = "localizer"
		case h.Text("SOPClassUID") == secondaryCapture:
			kind = "dose"
		case h.Text("InstanceNumber") != "":
			t.Errorf("%s has a number", e.Name())
		default:
			var z float64
			json.Unmarshal([]byte(h.Text("ImagePositionPatient")[strings.LastIndex(h.Text("ImagePositionPatient"), `\`)+1:]), &z)
			ordered = ordered && z >= lastHeight
			lastHeight = z
		}
		kinds[kind]++
	}
	if kinds["slice of 48"] != 7 || kinds["slice of 24"] != 1 || kinds["localizer"] != 1 || kinds["dose"] != 1 || ordered {
		t.Errorf("written were %v, in order: %v", kinds, ordered)
	}
}

// The golden file was made on amd64. Other machines may fuse multiplications and
// additions, so that values may differ by the last bit before they are rounded.
func TestTheSameSeedMakesTheSameStudyEverywhere(t *testing.T) {
	type golden struct {
		SeriesUID string
		HU        []int16
		Lungs     [2]float64
		Lesions   []LesionTruth
		Severity  SeverityTruth
	}
	v, truth := build(t, thin(Config{Seed: 11, GroundGlass: 2, Mixed: 1}))
	got := golden{v.SeriesUID, nil, [2]float64{truth.Lungs.Right.VolumeML, truth.Lungs.Left.VolumeML}, truth.Lesions, truth.Severity}
	for i := 0; i < len(v.HU); i += 37 {
		got.HU = append(got.HU, v.HU[i])
	}
	name := filepath.Join("testdata", "study.json")
	if *update {
		text, _ := json.Marshal(got)
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(name, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if got.SeriesUID != want.SeriesUID || len(got.HU) != len(want.HU) || len(got.Lesions) != len(want.Lesions) || got.Severity.SixZones != want.Severity.SixZones {
		t.Fatalf("another study: %s of %d voxels with %d lesions", got.SeriesUID, len(got.HU), len(got.Lesions))
	}
	for i := range want.HU {
		if max(got.HU[i]-want.HU[i], want.HU[i]-got.HU[i]) > 1 {
			t.Fatalf("voxel %d has %d HU, not %d", 37*i, got.HU[i], want.HU[i])
		}
	}
	for i, l := range want.Lesions {
		if math.Abs(got.Lesions[i].VolumeML-l.VolumeML) > 1e-3*l.VolumeML || distance(got.Lesions[i].CentreMM, l.CentreMM) > 0.01 {
			t.Errorf("lesion %+v, not %+v", got.Lesions[i], l)
		}
	}
}
