package ct

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// scan is a series to be written by a test.
type scan struct {
	study, name string // of the series, and its folder
	n           int
	step        float64
	kernel      string
	at          func(x, y, z float64) float64
	from        float64 // z of the first slice, besides the middle
	changes     map[dcmtk.Tag]string
}

var (
	kernelTag      = dcmtk.Tag{Group: 0x0018, Element: 0x1210}
	acquisitionTag = dcmtk.Tag{Group: 0x0020, Element: 0x0012}
	descriptionTag = dcmtk.Tag{Group: 0x0008, Element: 0x103e}
	instanceTag    = dcmtk.Tag{Group: 0x0008, Element: 0x0018}
)

func (s scan) uid() string { return dcmtk.UID("scan", s.study, s.name) }

// write writes the series into a folder of its name. number tells it from the
// others.
func (s scan) write(t *testing.T, c *dcmtk.Child, dir string, number int) {
	t.Helper()
	at := s.at
	if at == nil {
		at = chestAt
	}
	size, hu, affine := chestVolume(s.n, s.step, 0, at)
	v := &Volume{Columns: size[0], Rows: size[1], Slices: size[2], HU: hu, Affine: affine}
	for k := range s.n {
		im := file{series: s.name, place: float64(k)}.image()
		im.StudyUID, im.SeriesUID, im.InstanceUID = dcmtk.UID("study", s.study), s.uid(), dcmtk.UID(s.study, s.name, fmt.Sprint(k))
		im.Columns, im.Rows, im.HU = size[0], size[1], v.Slice(k)
		im.SpacingX, im.SpacingY, im.SliceThickness = 6, 6, s.step
		im.Position = v.Position(0, 0, float64(k))
		im.Position[2] += s.from
		im.SeriesNumber, im.ConvolutionKernel = number, s.kernel
		samples, err := im.Samples()
		if err != nil {
			t.Fatal(err)
		}
		attributes := slices.DeleteFunc(im.Attributes(), func(a dcmtk.Attribute) bool { _, changed := s.changes[a.Tag]; return changed })
		for tag, text := range s.changes {
			attributes = append(attributes, dcmtk.Attribute{Tag: tag, Text: text})
		}
		data, err := c.Write(attributes, samples)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, s.study+s.name, fmt.Sprintf("%03d.dcm", k)), data)
	}
}

func writeScans(t *testing.T, scans ...scan) string {
	t.Helper()
	dir, c := t.TempDir(), startChild(t)
	for i, s := range scans {
		s.write(t, c, dir, i+1)
	}
	return dir
}

func survey(t *testing.T, path string, o Options) *Contents {
	t.Helper()
	c, err := Survey(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTheBestChestSeriesOfAStudyIsTaken(t *testing.T) {
	typed := func(text string) map[dcmtk.Tag]string { return map[dcmtk.Tag]string{imageType: text} }
	empty := func(x, y, z float64) float64 { return chestAt(x, y, z-300) }
	scans := []struct {
		scan
		code string
	}{
		{scan{name: "scout", n: 1, step: 5, changes: typed(`ORIGINAL\PRIMARY\LOCALIZER`)}, "localizer"},
		{scan{name: "thick", n: 24, step: 5, kernel: "B70f"}, "thicker"},
		{scan{name: "soft", n: 40, step: 3, kernel: "B31f"}, "softer_kernel"},
		{scan{name: "lung", n: 40, step: 3, kernel: "Br64d"}, "best"},
		{scan{name: "again", n: 40, step: 3, kernel: "LUNG"}, "later"},
		{scan{name: "derived", n: 60, step: 2, kernel: "LUNG", changes: typed(`DERIVED\SECONDARY\AXIAL`)}, "derived"},
		{scan{name: "mip", n: 40, step: 3, kernel: "LUNG", changes: typed(`DERIVED\SECONDARY\AXIAL\CT_SOM5 MIP`)}, "projection"},
		{scan{name: "short", n: 9, step: 1, kernel: "LUNG"}, "too_few_slices"},
		{scan{name: "abdomen", n: 60, step: 2, kernel: "LUNG", at: empty, changes: map[dcmtk.Tag]string{descriptionTag: "CHEST LUNG 2MM"}}, "less_lung"},
		{scan{name: "capture", n: 1, step: 5, changes: map[dcmtk.Tag]string{sopClass: classCapture}}, "secondary_capture"},
		{scan{name: "dose", n: 1, step: 5, changes: map[dcmtk.Tag]string{sopClass: classCapture, descriptionTag: "Dose Report"}}, "dose_sheet"},
		{scan{name: "mr", n: 1, step: 5, changes: map[dcmtk.Tag]string{modality: "MR"}}, "not_ct"},
		{scan{name: "hole", n: 40, step: 3, kernel: "LUNG", changes: map[dcmtk.Tag]string{pixelSpacing: `0\0`, bitsStored: "20"}}, "bad_pixels"},
	}
	var written []scan
	for _, s := range scans {
		written = append(written, s.scan)
	}
	dir := writeScans(t, written...)
	c := survey(t, dir, Options{})
	if len(c.Studies) != 1 || len(c.Studies[0].Series) != len(scans) {
		t.Fatalf("%d studies, %+v", len(c.Studies), c.Studies)
	}
	for i, s := range c.Studies[0].Series {
		if s.SeriesUID != scans[i].uid() || s.Code != scans[i].code || s.Reason == "" || s.Taken != (s.Code == "best") {
			t.Errorf("%s: %s: %s", scans[i].name, s.Code, s.Reason)
		}
	}
	in, err := c.Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if in.Volume.SeriesUID != written[3].uid() || in.Len() != 40 || len(in.Series) != len(scans) {
		t.Errorf("%d slices of %s", in.Len(), in.Volume.SeriesUID)
	}
	for _, s := range in.Series {
		if s.Description != "" {
			t.Errorf("a diagnosis would tell %q", s.Description)
		}
	}
	// What is asked for is taken, whatever it is.
	in = open(t, dir, Options{SeriesUID: written[6].uid()})
	if in.Volume.SeriesUID != written[6].uid() || in.Series[6].Code != "asked" || in.Series[3].Code != "not_asked" {
		t.Errorf("%s, %+v", in.Volume.SeriesUID, in.Series)
	}
}

func TestEachStudyOfSeveralStandsForItself(t *testing.T) {
	dir := writeScans(t, scan{study: "a", name: "x", n: 12, step: 10}, scan{study: "b", name: "x", n: 12, step: 10},
		scan{study: "c", name: "x", n: 12, step: 10, changes: map[dcmtk.Tag]string{slope: "0"}}, scan{study: "d", name: "x", n: 1, step: 5, changes: map[dcmtk.Tag]string{modality: "MR"}})
	c := survey(t, dir, Options{})
	refused := 0
	for i := range c.Studies {
		in, err := c.Open(t.Context(), i)
		switch {
		case err == nil && in.Volume.StudyUID == c.Studies[i].UID && in.Len() == 12:
		case c.Studies[i].Refusal != nil && (c.Studies[i].Refusal.Code == "bad_pixels" || c.Studies[i].Refusal.Code == "not_ct"):
			refused++
		default:
			t.Errorf("study %d: %v", i, err)
		}
	}
	if len(c.Studies) != 4 || refused != 2 {
		t.Errorf("%d studies, %d refused", len(c.Studies), refused)
	}
	_, err := Open(t.Context(), dir, Options{})
	checkRefusal(t, err, "several_studies", "2 studies", "--series UID", scan{study: "a", name: "x"}.uid())
}

func TestABrokenFileStopsOnlyTheSeriesItLiesBeside(t *testing.T) {
	dir := writeScans(t, scan{study: "a", name: "x", n: 12, step: 10}, scan{study: "b", name: "x", n: 12, step: 10})
	writeFile(t, filepath.Join(dir, "bx", "012.dcm"), append(make([]byte, 128), "DICMxx"...))
	c := survey(t, dir, Options{})
	var broken []string
	for _, s := range c.Studies {
		if s.Refusal != nil {
			broken = append(broken, s.Series[0].SeriesUID+s.Refusal.Code)
		}
	}
	if !slices.Equal(broken, []string{scan{study: "b", name: "x"}.uid() + "broken_dicom"}) {
		t.Errorf("refused %v", broken)
	}
}

func TestScansOfOnePlaceAreToldApart(t *testing.T) {
	second := scan{name: "x", n: 12, step: 10, at: func(x, y, z float64) float64 { return chestAt(x, y, z-20) }}
	for _, test := range []struct {
		name    string
		changes map[dcmtk.Tag]string
		code    string
	}{
		{"by their acquisition", map[dcmtk.Tag]string{acquisitionTag: "2", instanceTag: "1.2.3"}, "repeated_scan"},
		{"by their kernel", map[dcmtk.Tag]string{kernelTag: "LUNG", instanceTag: "1.2.3"}, "repeated_scan"},
		{"by nothing", map[dcmtk.Tag]string{instanceTag: "1.2.3"}, "same_place"},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := scan{name: "x", n: 12, step: 10, kernel: "SOFT"}
			dir, c := t.TempDir(), startChild(t)
			first.write(t, c, dir, 1)
			second := second
			second.kernel, second.changes = "SOFT", test.changes
			second.write(t, c, filepath.Join(dir, "second"), 1)
			in, err := Open(t.Context(), dir, Options{})
			if test.code == "same_place" {
				checkRefusal(t, err, test.code, "x/000.dcm", "second/x/000.dcm", "mm along the normal")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantSecond := test.changes[kernelTag] != ""
			if in.Len() != 12 || !slices.Contains(codesOf(in), test.code) || strings.HasPrefix(in.Sources[3].File, "second") != wantSecond {
				t.Errorf("%d slices, the fourth %s, warnings %v", in.Len(), in.Sources[3].File, in.Warnings)
			}
		})
	}
}

func TestCopiesUnderOtherNamesAreLeftOut(t *testing.T) {
	s := scan{name: "x", n: 12, step: 10}
	dir, c := t.TempDir(), startChild(t)
	s.write(t, c, dir, 1)
	s.changes = map[dcmtk.Tag]string{instanceTag: "1.2.3"}
	s.write(t, c, filepath.Join(dir, "second"), 1)
	in := open(t, dir, Options{})
	n := 0
	for _, w := range in.Warnings {
		if w.Code == "duplicate_file" {
			n++
		}
	}
	if in.Len() != 12 || n != 12 {
		t.Errorf("%d slices, %d copies", in.Len(), n)
	}
}

func TestMissingSlicesAreMadeOfTheirNeighbours(t *testing.T) {
	files := stack("s", 12)
	files = append(files[:5], files[6:]...)
	in := open(t, writeFiles(t, files...), Options{})
	if in.Len() != 12 || in.Sources[5].File != "" || in.Sources[5].PositionMM != 10 || !slices.Contains(codesOf(in), "missing_slices") {
		t.Fatalf("%d slices, the sixth from %+v, warnings %v", in.Len(), in.Sources[5], in.Warnings)
	}
	checkStack(t, in, 12) // its pixels change evenly from slice to slice
	many := slices.DeleteFunc(stack("s", 12), func(f file) bool { return f.place > 10 && int(f.place)%4 != 0 })
	if _, err := Open(t.Context(), writeFiles(t, many...), Options{}); err == nil {
		t.Error("half a series of every other slice is read")
	} else {
		checkRefusal(t, err, "uneven_spacing", "2.00 mm", "4.00 mm")
	}
}

func TestSlicesShiftedSidewaysAreRefused(t *testing.T) {
	files := stack("s", 6)
	files[3].changes = map[dcmtk.Tag]string{position: `-10\-14\6`}
	_, err := Open(t.Context(), writeFiles(t, files...), Options{})
	checkRefusal(t, err, "mixed_series", "s3.dcm (at 6.00 mm)", "6.00 mm against")
}

func TestKernelsAreKnown(t *testing.T) {
	for name, want := range map[string]KernelKind{
		"B70f": KernelLung, "Br64": KernelLung, `Br64d\3`: KernelLung, "Bl57d": KernelLung, "I70f": KernelLung,
		"B31f": KernelSoft, "Br36d": KernelSoft, "I30f": KernelSoft, "LUNG": KernelLung, "lung": KernelLung,
		"BONE": KernelSharp, "BONEPLUS": KernelSharp, "STANDARD": KernelSoft, "L": KernelLung, "YC": KernelLung, "B": KernelSoft,
		"FC51": KernelLung, "FC86": KernelLung, "FC30": KernelSharp, "FC08": KernelSoft, "": "", "H31s": "", "B700": "", "X": "",
	} {
		if got := kernelKind(name); got != want {
			t.Errorf("%q is %q, not %q", name, got, want)
		}
	}
}
