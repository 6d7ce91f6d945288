package ct

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// file is a DICOM file to be written by a test: a slice of a series, with some
// attributes changed.
type file struct {
	name    string
	series  string
	place   float64 // along z, mm
	changes map[dcmtk.Tag]string
}

const testColumns, testRows = 40, 36

// testHU is the value of a pixel of the slice at a place: lung-like, different
// in each.
func testHU(place float64, i int) int16 { return int16(-900 + int(place) + i%100) }

func (f file) image() *dcmtk.CTImage {
	im := &dcmtk.CTImage{
		StudyUID: dcmtk.UID("study"), SeriesUID: dcmtk.UID("series", f.series), FrameOfReferenceUID: dcmtk.UID("frame"),
		InstanceUID: dcmtk.UID("slice", f.series, strconv.FormatFloat(f.place, 'g', -1, 64)),
		PatientName: "Secret^Patient", PatientID: "S1", Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		Rows: testRows, Columns: testColumns, SpacingX: 0.5, SpacingY: 0.75, SliceThickness: 2,
		Position: [3]float64{-10, -20, f.place}, Orientation: [6]float64{1, 0, 0, 0, 1, 0}, KVP: 120,
		HU: make([]int16, testRows*testColumns),
	}
	for i := range im.HU {
		im.HU[i] = testHU(f.place, i)
	}
	return im
}

// writeFiles writes files to a new folder.
func writeFiles(t *testing.T, files ...file) string {
	t.Helper()
	dir := t.TempDir()
	writeTo(t, dir, files...)
	return dir
}

func writeTo(t *testing.T, dir string, files ...file) {
	t.Helper()
	c, err := dcmtk.Start(t.Context(), dcmtk.Limits{})
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range files {
		im := f.image()
		samples, err := im.Samples()
		if err != nil {
			t.Fatal(err)
		}
		attributes := slices.DeleteFunc(im.Attributes(), func(a dcmtk.Attribute) bool {
			_, changed := f.changes[a.Tag]
			return changed
		})
		for tag, text := range f.changes {
			if text != absent {
				attributes = append(attributes, dcmtk.Attribute{Tag: tag, Text: text})
			}
		}
		data, err := c.Write(attributes, samples)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, f.name), data)
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

const absent = "\x00"

// Attributes that tests change.
var (
	imageType      = dcmtk.Tag{Group: 0x0008, Element: 0x0008}
	sopClass       = dcmtk.Tag{Group: 0x0008, Element: 0x0016}
	modality       = dcmtk.Tag{Group: 0x0008, Element: 0x0060}
	thickness      = dcmtk.Tag{Group: 0x0018, Element: 0x0050}
	position       = dcmtk.Tag{Group: 0x0020, Element: 0x0032}
	orientation    = dcmtk.Tag{Group: 0x0020, Element: 0x0037}
	frameReference = dcmtk.Tag{Group: 0x0020, Element: 0x0052}
	samplesPer     = dcmtk.Tag{Group: 0x0028, Element: 0x0002}
	photometric    = dcmtk.Tag{Group: 0x0028, Element: 0x0004}
	frames         = dcmtk.Tag{Group: 0x0028, Element: 0x0008}
	rows           = dcmtk.Tag{Group: 0x0028, Element: 0x0010}
	pixelSpacing   = dcmtk.Tag{Group: 0x0028, Element: 0x0030}
	bitsStored     = dcmtk.Tag{Group: 0x0028, Element: 0x0101}
	intercept      = dcmtk.Tag{Group: 0x0028, Element: 0x1052}
	slope          = dcmtk.Tag{Group: 0x0028, Element: 0x1053}
)

// stack is a series of n slices 2 mm apart.
func stack(series string, n int) []file {
	var files []file
	for i := range n {
		files = append(files, file{name: fmt.Sprintf("%s%d.dcm", series, i), series: series, place: 2 * float64(i)})
	}
	return files
}

func open(t *testing.T, path string, o Options) *Input {
	t.Helper()
	in, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func checkStack(t *testing.T, in *Input, n int) {
	t.Helper()
	if in.Kind != KindDICOM || in.Len() != n || in.Pictures != nil {
		t.Fatalf("%s of %d", in.Kind, in.Len())
	}
	if err := in.Volume.Check(); err != nil {
		t.Fatal(err)
	}
	for k := range n {
		if p := in.Sources[k].PositionMM; p != 2*float64(k) || !in.Sources[k].HasPosition {
			t.Errorf("slice %d lies at %v", k, p)
		}
		for i, hu := range in.Volume.Slice(k) {
			if hu != testHU(2*float64(k), i) {
				t.Fatalf("slice %d, pixel %d is %d HU", k, i, hu)
			}
		}
	}
}

func TestSeriesIsSortedByPositionWhateverTheNames(t *testing.T) {
	files := stack("s", 5)
	for i, name := range []string{"z.dcm", "sub/10", "b.dcm", "sub/9", "a.dcm"} {
		files[i].name = name
	}
	dir := writeFiles(t, files...)
	writeFile(t, filepath.Join(dir, "README.md"), []byte("about"))
	writeFile(t, filepath.Join(dir, ".DS_Store"), []byte("x"))
	writeFile(t, filepath.Join(dir, "._z.dcm"), []byte("x"))
	var steps []int
	in := open(t, dir, Options{Progress: func(done, total int) { steps = append(steps, done*100+total) }})
	checkStack(t, in, 5)
	if len(in.Warnings) != 0 {
		t.Errorf("warnings %v", in.Warnings)
	}
	if !slices.Equal(steps, []int{105, 205, 305, 405, 505}) {
		t.Errorf("progress %v", steps)
	}
	if in.Sources[1].File != "sub/10" || in.Volume.SeriesUID != dcmtk.UID("series", "s") || in.Sources[0].InstanceUID != dcmtk.UID("slice", "s", "0") {
		t.Errorf("sources %+v of series %s", in.Sources, in.Volume.SeriesUID)
	}
	x, y, z, ok := in.SpacingMM()
	if x != 0.5 || y != 0.75 || z != 2 || !ok {
		t.Errorf("spacing %v %v %v %v", x, y, z, ok)
	}
	want := [4][4]float64{{0.5, 0, 0, -10}, {0, 0.75, 0, -20}, {0, 0, 2, 0}, {0, 0, 0, 1}}
	if in.Volume.Affine != want {
		t.Errorf("affine %v", in.Volume.Affine)
	}
	if p := in.Volume.Position(2, 4, 1); p != [3]float64{-9, -17, 2} {
		t.Errorf("voxel (2, 4, 1) lies at %v", p)
	}
}

func TestZipOfASeriesIsTheSeries(t *testing.T) {
	dir := writeFiles(t, stack("s", 3)...)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := z.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"__MACOSX/._s0.dcm", "folder/.DS_Store", "notes.txt"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "x")
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "series.zip")
	writeFile(t, path, b.Bytes())
	checkStack(t, open(t, path, Options{}), 3)
}

func TestSingleSliceTakesItsThicknessAsStep(t *testing.T) {
	dir := writeFiles(t, stack("s", 1)...)
	in := open(t, filepath.Join(dir, "s0.dcm"), Options{})
	checkStack(t, in, 1)
	if _, _, z, ok := in.SpacingMM(); z != 2 || !ok {
		t.Errorf("the step is %v mm, %v", z, ok)
	}
}

func TestOneOfTwoSeriesIsChosenByItsUID(t *testing.T) {
	dir := writeFiles(t, append(stack("a", 2), stack("b", 3)...)...)
	checkStack(t, open(t, dir, Options{SeriesUID: dcmtk.UID("series", "b")}), 3)
	checkStack(t, open(t, dir, Options{SeriesUID: dcmtk.UID("series", "a")}), 2)
	_, err := Open(t.Context(), dir, Options{SeriesUID: "1.2.3"})
	checkRefusal(t, err, "no_such_series", "1.2.3", dcmtk.UID("series", "a")+" (2 slices of 2 mm)", dcmtk.UID("series", "b")+" (3 slices of 2 mm)")
}

func checkRefusal(t *testing.T, err error, code string, words ...string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("no refusal but %v", err)
	}
	if r.Code != code {
		t.Errorf("refused as %s, not %s: %s", r.Code, code, r.Sentence)
	}
	for _, w := range words {
		if !strings.Contains(r.Sentence, w) {
			t.Errorf("%q does not say %q", r.Sentence, w)
		}
	}
	if strings.Contains(r.Sentence, "Secret") || strings.Contains(r.Sentence, "\n") {
		t.Errorf("%q tells too much", r.Sentence)
	}
}

func TestSlicesThatCannotBeUsedAreRefused(t *testing.T) {
	change := func(tag dcmtk.Tag, text string) map[dcmtk.Tag]string { return map[dcmtk.Tag]string{tag: text} }
	for _, test := range []struct {
		name    string
		changes map[dcmtk.Tag]string
		code    string
		words   string
	}{
		{"ultrasound", change(modality, "US"), "not_ct", "ultrasound"},
		{"MR", change(modality, "MR"), "not_ct", "MR"},
		{"no modality and another class", map[dcmtk.Tag]string{modality: absent, sopClass: "1.2.840.10008.5.1.4.1.1.7"}, "not_ct", "no modality"},
		{"screen capture of a CT", change(sopClass, "1.2.840.10008.5.1.4.1.1.7"), "not_ct", "1.2.840.10008.5.1.4.1.1.7"},
		{"enhanced CT", change(sopClass, classEnhancedCT), "multi_frame", "enhanced"},
		{"two frames", change(frames, "2"), "bad_pixels", "2 frames"},
		{"colour", map[dcmtk.Tag]string{photometric: "RGB", samplesPer: "3"}, "bad_pixels", "colour"},
		{"no rescale", change(slope, absent), "bad_pixels", "RescaleSlope is missing"},
		{"slope 0", change(slope, "0"), "bad_pixels", "not that of a CT"},
		{"slope 1e30", change(slope, "1e30"), "bad_pixels", "not that of a CT"},
		{"inverted without air around", map[dcmtk.Tag]string{photometric: "MONOCHROME1", intercept: "0"}, "bad_pixels", "upside down"},
		{"20 of 16 bits", change(bitsStored, "20"), "bad_pixels", "contradict"},
		{"no rows", change(rows, absent), "bad_pixels", "Rows"},
		{"more rows than pixels", change(rows, "37"), "broken_dicom", "cut short"},
		{"sagittal", change(orientation, `0\1\0\0\0\-1`), "bad_geometry", "sagittal"},
		{"coronal", change(orientation, `1\0\0\0\0\-1`), "bad_geometry", "coronal"},
		{"skewed directions", change(orientation, `1\0\0\0.5\1\0`), "bad_geometry", "ImageOrientationPatient"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := writeFiles(t, file{name: "one.dcm", changes: test.changes})
			_, err := Open(t.Context(), filepath.Join(dir, "one.dcm"), Options{})
			checkRefusal(t, err, test.code, "one.dcm", test.words)
		})
	}
}

func TestSeriesThatMakeNoGridAreRefused(t *testing.T) {
	for _, test := range []struct {
		name  string
		odd   file // beside slices at 0, 2, 4, 6 mm, named s0 to s3
		code  string
		words []string
	}{
		{"another slice in one place", file{place: 4, changes: map[dcmtk.Tag]string{thickness: "3"}}, "same_place", []string{"s2.dcm", "odd.dcm", "4.00 mm"}},
		{"a hole", file{place: 40}, "hole", []string{"s3.dcm", "odd.dcm", "34.00 mm", "2.00 mm is usual"}},
		{"another orientation", file{place: 8, changes: map[dcmtk.Tag]string{orientation: `-1\0\0\0\-1\0`}}, "mixed_series", []string{"odd.dcm", "orientations"}},
		{"another pixel size", file{place: 8, changes: map[dcmtk.Tag]string{pixelSpacing: `0.8\0.5`}}, "mixed_series", []string{"odd.dcm", "pixel sizes"}},
		{"another size", file{place: 8, changes: map[dcmtk.Tag]string{rows: "30"}}, "mixed_series", []string{"odd.dcm", "40 x 30"}},
		{"another frame of reference", file{place: 8, changes: map[dcmtk.Tag]string{frameReference: "1.2.3"}}, "mixed_series", []string{"odd.dcm", "frames of reference"}},
		{"no position", file{place: 8, changes: map[dcmtk.Tag]string{position: absent}}, "no_position", []string{"odd.dcm"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.odd.name, test.odd.series = "odd.dcm", "s"
			_, err := Open(t.Context(), writeFiles(t, append(stack("s", 4), test.odd)...), Options{})
			checkRefusal(t, err, test.code, test.words...)
		})
	}
}

func TestOddSeriesAreReadWithWarnings(t *testing.T) {
	for _, test := range []struct {
		name  string
		odd   file
		code  string
		words []string
		n     int
	}{
		{"a missing slice", file{place: 10}, "missing_slices", []string{"s3.dcm", "6.00 mm", "odd.dcm", "10.00 mm", "4.00 mm", "2.00 mm"}, 6},
		{"a slice out of its place", file{place: 8.5}, "uneven_spacing", []string{"s3.dcm", "odd.dcm", "8.50 mm", "2.50 mm", "2.00 mm"}, 5},
		{"a copy of a file", file{place: 4}, "duplicate_file", []string{"s2.dcm", "odd.dcm"}, 4},
		{"a localizer", file{place: 8, changes: map[dcmtk.Tag]string{imageType: `ORIGINAL\PRIMARY\LOCALIZER`}}, "scouts_ignored", nil, 4},
		{"an MR image", file{place: 8, changes: map[dcmtk.Tag]string{modality: "MR"}}, "objects_ignored", []string{"MR"}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.odd.name, test.odd.series = "odd.dcm", "s"
			in := open(t, writeFiles(t, append(stack("s", 4), test.odd)...), Options{})
			if in.Len() != test.n || len(in.Warnings) != 1 || in.Warnings[0].Code != test.code {
				t.Fatalf("%d slices, warnings %+v", in.Len(), in.Warnings)
			}
			for _, w := range test.words {
				if !strings.Contains(in.Warnings[0].Message, w) {
					t.Errorf("%q does not say %q", in.Warnings[0].Message, w)
				}
			}
		})
	}
}

func TestSingleSliceWithoutGeometryKeepsItUnknown(t *testing.T) {
	dir := writeFiles(t, file{name: "one.dcm", changes: map[dcmtk.Tag]string{
		position: absent, pixelSpacing: `-1\0`, thickness: absent, photometric: absent,
	}})
	in := open(t, dir, Options{})
	var codes []string
	for _, w := range in.Warnings {
		codes = append(codes, w.Code)
	}
	if !slices.Equal(codes, []string{"no_position", "no_spacing", "no_photometric"}) {
		t.Errorf("warnings %v", codes)
	}
	if x, y, z, ok := in.SpacingMM(); x != 0 || y != 0 || z != 0 || ok || in.Sources[0].HasPosition {
		t.Errorf("spacing %v %v %v %v, position %v", x, y, z, ok, in.Sources[0].HasPosition)
	}
}

func TestTiltedGantryShearsTheAffine(t *testing.T) {
	var files []file
	for i := range 4 {
		z := 2 * float64(i)
		files = append(files, file{name: fmt.Sprint(i), series: "s", place: z, changes: map[dcmtk.Tag]string{
			position: fmt.Sprintf(`-10\%g\%g`, -20+0.5*z, z),
		}})
	}
	in := open(t, writeFiles(t, files...), Options{})
	if _, _, z, _ := in.SpacingMM(); math.Abs(z-2) > 1e-9 {
		t.Errorf("the step along the normal is %v mm", z)
	}
	if p := in.Volume.Position(0, 0, 3); math.Abs(p[1]-(-17)) > 1e-9 || math.Abs(p[2]-6) > 1e-9 {
		t.Errorf("the last slice begins at %v", p)
	}
	if len(in.Warnings) != 1 || in.Warnings[0].Code != "gantry_tilt" {
		t.Errorf("warnings %+v", in.Warnings)
	}
}

func TestPicturesAndBrokenFilesBesideASeriesAreTold(t *testing.T) {
	dir := writeFiles(t, stack("s", 2)...)
	writeFile(t, filepath.Join(dir, "preview.png"), pngOf(64, 64))
	writeFile(t, filepath.Join(dir, "s2.dcm"), []byte("lost"))
	in := open(t, dir, Options{})
	checkStack(t, in, 2)
	if len(in.Warnings) != 2 || in.Warnings[0].Code != "pictures_ignored" || in.Warnings[1].Code != "not_dicom" || !strings.Contains(in.Warnings[1].Message, "s2.dcm") {
		t.Errorf("warnings %+v", in.Warnings)
	}
}

func TestOneTruncatedSliceRefusesTheSeries(t *testing.T) {
	dir := writeFiles(t, stack("s", 12)...)
	path := filepath.Join(dir, "s7.dcm")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{140, 300, 900, len(data) - 1} {
		writeFile(t, path, data[:n])
		_, err := Open(t.Context(), dir, Options{})
		checkRefusal(t, err, "broken_dicom", "s7.dcm", "copy or export it again")
	}
}

func TestLimitsOfASeriesAreRefusals(t *testing.T) {
	dir := writeFiles(t, stack("s", 4)...)
	for _, test := range []struct {
		limits Limits
		code   string
	}{
		{Limits{Files: 3}, "too_many_files"},
		{Limits{Slices: 3}, "too_many_slices"},
		{Limits{Voxels: 4*testColumns*testRows - 1}, "too_large"},
		{Limits{FileBytes: 2000}, "too_large"},
	} {
		_, err := Open(t.Context(), dir, Options{Limits: test.limits})
		checkRefusal(t, err, test.code)
	}
	checkStack(t, open(t, dir, Options{Limits: Limits{Files: 4, Slices: 4, Voxels: 4 * testColumns * testRows, FileBytes: 5000}}), 4)
}

// The decoders are killed after the first slice.
func TestKilledDecoderIsARefusal(t *testing.T) {
	dir := writeFiles(t, stack("s", 60)...)
	killed := 0
	_, err := Open(t.Context(), dir, Options{Progress: func(int, int) {
		for _, pid := range children(t) {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
	}})
	if killed == 0 {
		t.Fatal("no child was found")
	}
	checkRefusal(t, err, "decoder_crashed", ".dcm", "killed")
	if left := children(t); len(left) != 0 {
		t.Errorf("children %v are left", left)
	}
}

func TestCancelledOpenEndsAtOnce(t *testing.T) {
	dir := writeFiles(t, stack("s", 60)...)
	ctx, cancel := context.WithCancel(t.Context())
	var at time.Time
	_, err := Open(ctx, dir, Options{Progress: func(int, int) {
		if at.IsZero() {
			at = time.Now()
			for _, pid := range children(t) {
				syscall.Kill(pid, syscall.SIGSTOP)
			}
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(at); d > time.Second {
		t.Errorf("it took %v", d)
	}
	if left := children(t); len(left) != 0 {
		t.Errorf("children %v are left", left)
	}
}

// children lists this process's children.
func children(t *testing.T) []int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Skip("this system does not tell a process's children")
	}
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread ended
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
