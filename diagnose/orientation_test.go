package diagnose

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/phantom"
)

// lopsided is a chest that looks different from every side: what is turned round
// by mistake, or takes left for right, gives other findings. All its sizes are
// exact in binary, so that writing and reading an affine hardly changes it.
func lopsided() phantom.Config {
	return phantom.Config{
		Seed: 5, Columns: 176, Rows: 116, Slices: 92, PixelMM: [2]float64{2, 2.25}, SliceMM: 3,
		Lesions: []phantom.Lesion{
			{Kind: phantom.GroundGlass, Lung: "left", Zone: "upper", Place: "peripheral", VolumeML: 18},
			{Kind: phantom.Consolidation, Lung: "right", Zone: "lower", Place: "peripheral", VolumeML: 40},
			{Kind: phantom.Mixed, Lung: "right", Zone: "middle", Place: "central", VolumeML: 9},
		},
	}
}

// stored are a volume's voxels in another order of axes. The volume's own is
// LPS. This is written by what the letters mean and shares nothing with ct.
func stored(v *ct.Volume, labels []uint8, o phantom.Orientation) (*ct.Volume, []uint8) {
	steps := [3]int{1, v.Columns, v.Columns * v.Rows}
	counts := [3]int{v.Columns, v.Rows, v.Slices}
	var size, step [3]int // of the stored axes: how many voxels, how far apart in v
	first := 0
	w := &ct.Volume{Affine: v.Affine, SeriesUID: v.SeriesUID, StudyUID: v.StudyUID, FrameOfReferenceUID: v.FrameOfReferenceUID}
	for a, letter := range o {
		of := map[rune]int{'L': 0, 'R': 0, 'P': 1, 'A': 1, 'S': 2, 'I': 2}[letter]
		size[a], step[a] = counts[of], steps[of]
		sign := 1.0
		if letter == 'R' || letter == 'A' || letter == 'I' {
			sign = -1
			first += (counts[of] - 1) * steps[of]
			step[a] = -steps[of]
			for i := range 3 {
				w.Affine[i][3] += float64(counts[of]-1) * v.Affine[i][of]
			}
		}
		for i := range 3 {
			w.Affine[i][a] = sign * v.Affine[i][of]
		}
	}
	w.Columns, w.Rows, w.Slices = size[0], size[1], size[2]
	moved := make([]uint8, 0, len(labels))
	for k := range size[2] {
		for j := range size[1] {
			for i := range size[0] {
				at := first + i*step[0] + j*step[1] + k*step[2]
				w.HU = append(w.HU, v.HU[at])
				moved = append(moved, labels[at])
			}
		}
		w.Sources = append(w.Sources, ct.Source{File: fmt.Sprintf("%03d.dcm", k), InstanceUID: dcmtk.UID(string(o), fmt.Sprint(k))})
	}
	return w, moved
}

// asNIfTI writes a volume by the definition of NIfTI-1, not by ct's writer: a
// sign that both reader and writer have wrong would not be seen.
func asNIfTI(t *testing.T, v *ct.Volume) *ct.Input {
	t.Helper()
	b := make([]byte, 352, 352+2*len(v.HU))
	le := binary.LittleEndian
	le.PutUint32(b, 348)
	for i, n := range []int{3, v.Columns, v.Rows, v.Slices, 1, 1, 1, 1} {
		le.PutUint16(b[40+2*i:], uint16(n))
	}
	le.PutUint16(b[70:], 4) // int16
	le.PutUint16(b[72:], 16)
	float := func(at int, f float64) { le.PutUint32(b[at:], math.Float32bits(float32(f))) }
	for i := range 3 {
		a := [3]float64{v.Affine[0][i], v.Affine[1][i], v.Affine[2][i]}
		float(80+4*i, math.Sqrt(a[0]*a[0]+a[1]*a[1]+a[2]*a[2]))
	}
	float(108, 352)
	float(112, 1)
	b[123] = 2               // mm
	le.PutUint16(b[254:], 1) // sform: scanner
	for j := range 4 {       // rows of x to the right, y to the front, z to the head
		float(280+4*j, -v.Affine[0][j])
		float(296+4*j, -v.Affine[1][j])
		float(312+4*j, v.Affine[2][j])
	}
	copy(b[344:], "n+1\x00")
	for _, hu := range v.HU {
		b = le.AppendUint16(b, uint16(hu))
	}
	name := filepath.Join(t.TempDir(), "chest.nii")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return opened(t, name)
}

// asDICOM writes a volume as a series of a patient who lies as said.
// Of lying only the position goes into the files.
func asDICOM(t *testing.T, v *ct.Volume, lying *phantom.Truth) *ct.Input {
	t.Helper()
	dir := t.TempDir()
	err := phantom.WriteAs(t.Context(), dir, v, lying, phantom.Output{Order: phantom.Order{Shuffled: true}})
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, dir)
}

func opened(t *testing.T, path string) *ct.Input {
	t.Helper()
	in, err := ct.Open(t.Context(), path, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// findingsOf are what is measured, and what a network says slice by slice, of a
// volume whose opacities are known. All of it must be the same in whatever
// order voxels are stored.
func findingsOf(t *testing.T, in *ct.Input, mask findings.Mask) (*Diagnosis, []*float64) {
	t.Helper()
	o := DefaultOptions()
	o.Segment, o.Engine.Precision = SegmentNone, network.Exact
	seen := run(t, in, Models{Name: "tiny", Classifier: looking(t)}, o)
	var said []*float64
	for _, s := range seen.Diagnosis.Slices {
		said = append(said, s.Probability)
	}
	return measured(t, in, mask), said
}

// looking is a classifier with a head of its own, so that its answer depends on
// what it sees and on which way round.
func looking(t *testing.T) *network.Model {
	m := classifier(t, 0)
	for i := range m.Weights["fc.weight"].Data {
		m.Weights["fc.weight"].Data[i] = float32(i%7-3) / 3
	}
	return m
}

// same compares two diagnoses but for what names files. An affine that went
// through DICOM's decimal strings may differ in the last bit, so numbers may
// differ by 1e-9 of themselves.
func same(t *testing.T, about string, got, want *Diagnosis, saidGot, saidWant []*float64) {
	t.Helper()
	for _, part := range []struct {
		name      string
		got, want any
	}{
		{"lesions", got.Lesions, want.Lesions},
		{"lungs", got.Lungs, want.Lungs},
		{"severity", got.Severity, want.Severity},
		{"probabilities", saidGot, saidWant},
		{"look", got.Input.Look, want.Input.Look},
		{"slices", nameless(got.Slices), nameless(want.Slices)},
	} {
		if at := difference(inWords(t, part.got), inWords(t, part.want), part.name); at != "" {
			t.Errorf("%s: %s", about, at)
		}
	}
}

func nameless(all []Slice) []Slice {
	all = slices.Clone(all)
	for i := range all {
		all[i].File, all[i].InstanceUID = "", ""
	}
	return all
}

// difference names the first place where two values in JSON differ.
func difference(got, want any, place string) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, not %v", place, got, want)
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			if at := difference(g[k], w[k], place+"."+k); at != "" {
				return at
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, not %v", place, got, want)
		}
		for i := range w {
			if at := difference(g[i], w[i], fmt.Sprintf("%s[%d]", place, i)); at != "" {
				return at
			}
		}
		return ""
	case float64:
		if g, ok := got.(float64); ok && math.Abs(g-w) <= 1e-9*max(1, math.Abs(w)) {
			return ""
		}
	}
	if got != want {
		return fmt.Sprintf("%s is %v, not %v", place, got, want)
	}
	return ""
}

// inWords is a value as it comes back from JSON.
func inWords(t *testing.T, v any) (words any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &words)
	}
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// Whatever way round the voxels of a volume are stored, and in whatever format,
// the findings are the same, and what lies on the left is said to lie on the
// left. With -phantoms 2 all 48 orientations are tried.
func TestFindingsAreTheSameInEveryOrientation(t *testing.T) {
	v, truth, err := phantom.New(t.Context(), lopsided())
	if err != nil {
		t.Fatal(err)
	}
	base := asNIfTI(t, v)
	want, wantSaid := findingsOf(t, base, onGrid(t, truth.Lesion, v, base.Volume))
	sameLesions(t, "as drawn", want.Lesions, truth, v)
	for i, l := range truth.Lesions {
		t.Logf("lesion %d lies %s %s at %.0f", i+1, l.Lung, l.Zone, l.CentreMM)
		if asked := lopsided().Lesions[i]; l.Lung != asked.Lung || l.Zone != asked.Zone || (l.CentreMM[0] > 0) != (l.Lung == "left") {
			t.Fatalf("lesion %d was asked for in the %s lung, %s, and lies %s, %s, at %.0f mm", i+1, asked.Lung, asked.Zone, l.Lung, l.Zone, l.CentreMM)
		}
	}

	check := func(t *testing.T, o phantom.Orientation, in func(*ct.Volume) *ct.Input) {
		w, labels := stored(v, truth.Lesion, o)
		read := in(w)
		got, said := findingsOf(t, read, onGrid(t, labels, w, read.Volume))
		same(t, string(o), got, want, said, wantSaid)
	}
	for i, o := range phantom.Orientations() {
		if *phantoms == 1 && i%4 != i/8%4 { // two of the eight flips for each order of axes
			continue
		}
		t.Run("NIfTI "+string(o), func(t *testing.T) {
			check(t, o, func(w *ct.Volume) *ct.Input { return asNIfTI(t, w) })
		})
	}
	lying := map[phantom.Position]*phantom.Truth{}
	for _, c := range []struct {
		o phantom.Orientation
		p phantom.Position
	}{
		{"LPS", phantom.HeadFirstSupine}, {"RAS", phantom.HeadFirstProne}, {"RPI", phantom.FeetFirstSupine}, {"LAI", phantom.FeetFirstProne},
		{phantom.Coronal, phantom.HeadFirstSupine}, {phantom.Sagittal, phantom.HeadFirstSupine}, {"RIA", phantom.FeetFirstSupine}, {"LPI", phantom.FeetFirstSupine},
	} {
		if lying[c.p] == nil {
			if _, lying[c.p], err = phantom.New(t.Context(), phantom.Config{Columns: 32, Slices: 1, Position: c.p}); err != nil {
				t.Fatal(err)
			}
		}
		t.Run(fmt.Sprintf("DICOM %s %s", c.o, c.p), func(t *testing.T) {
			check(t, c.o, func(w *ct.Volume) *ct.Input { return asDICOM(t, w, lying[c.p]) })
		})
	}
}

// A patient who lies turned by a few degrees is cut in other slices, so that
// voxels differ. What is measured stays within what a count of voxels can tell.
func TestFindingsHardlyChangeWhenThePatientLiesObliquely(t *testing.T) {
	straight, truth, err := phantom.New(t.Context(), lopsided())
	if err != nil {
		t.Fatal(err)
	}
	base := asNIfTI(t, straight)
	want := measured(t, base, onGrid(t, truth.Lesion, straight, base.Volume))
	for _, k := range []struct {
		turn   [3]float64
		tilt   float64
		o      phantom.Orientation
		format string
	}{
		{turn: [3]float64{4, -3, 6}, o: "LPS", format: "NIfTI"},
		{turn: [3]float64{-4, -5, 3}, o: "RPI", format: "DICOM"},
		{tilt: 8, o: "LPS", format: "DICOM"},
	} {
		about := fmt.Sprintf("%s %s turned by %g, tilted by %g degrees", k.format, k.o, k.turn, k.tilt)
		c := lopsided()
		c.Orientation, c.TurnDegrees, c.TiltDegrees = k.o, k.turn, k.tilt
		v, turned, err := phantom.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		var in *ct.Input
		if k.format == "NIfTI" {
			in = asNIfTI(t, v)
		} else {
			in = asDICOM(t, v, turned)
		}
		got := measured(t, in, onGrid(t, turned.Lesion, v, in.Volume))
		near := func(what string, got, want, share, tolerance float64) {
			t.Helper()
			t.Logf("%s: %s %.2f, straight %.2f", about, what, got, want)
			if !(math.Abs(got-want) <= max(share*want, tolerance)) {
				t.Errorf("%s: %s is %.3f, straight %.3f", about, what, got, want)
			}
		}
		near("right lung, mL", got.Lungs.Right.VolumeML, want.Lungs.Right.VolumeML, 0.02, 0)
		near("left lung, mL", got.Lungs.Left.VolumeML, want.Lungs.Left.VolumeML, 0.02, 0)
		for _, name := range []string{findings.SixZoneScore, findings.CTGrade, findings.PercentOfOpacity, findings.PercentOfHighOpacity} {
			a, ok := got.Severity.Score(name)
			b, _ := want.Severity.Score(name)
			if !ok {
				t.Fatalf("%s: no %s", about, name)
			}
			share := 0.03 // of a percentage
			if a.Unit != "percent" {
				share = 0
			}
			near(name, a.Value, b.Value, share, 0)
			if !reflect.DeepEqual(a.Zones, b.Zones) {
				t.Errorf("%s: zones %v, straight %v", about, a.Zones, b.Zones)
			}
		}
		if len(got.Lesions) != len(want.Lesions) {
			t.Fatalf("%s: %d lesions, straight %d", about, len(got.Lesions), len(want.Lesions))
		}
		for i, a := range got.Lesions { // the largest first
			b := want.Lesions[i]
			if a.Lung != b.Lung || a.Zone != b.Zone || a.Kind != b.Kind || a.Distribution != b.Distribution {
				t.Errorf("%s: lesion %d is %s %s %s %s, straight %s %s %s %s", about, i+1, a.Lung, a.Zone, a.Kind, a.Distribution, b.Lung, b.Zone, b.Kind, b.Distribution)
			}
			near(fmt.Sprintf("lesion %d, mL", i+1), a.VolumeML, b.VolumeML, 0.03, 0)
			near(fmt.Sprintf("lesion %d, mm", i+1), a.LargestDiameterMM, b.LargestDiameterMM, 0, math.Hypot(math.Hypot(2, 2.25), 3))
			for x := range 3 {
				near(fmt.Sprintf("lesion %d, axis %d", i+1, x), a.CentreMM[x], b.CentreMM[x], 0, 0.5)
			}
		}
	}
}
