package ct

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

var update = flag.Bool("update", false, "write golden files anew")

// sharedData is where the project's data lie beside a checkout.
const sharedData = "../../shared/data"

func shared(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(sharedData, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the project's data are not beside this checkout: shared/data/%s", name)
	}
	return path
}

func openShared(t *testing.T, name string) *Input {
	t.Helper()
	in, err := Open(t.Context(), shared(t, name), Options{})
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestUncompressedSeriesOpens(t *testing.T) {
	begin := time.Now()
	in := openShared(t, "chest-series")
	t.Logf("%d slices in %v", in.Len(), time.Since(begin))
	checkSeries(t, in, 64, 0.841796875, 5)
	if in.Sources[0].File != "1-64.dcm" || in.Sources[0].PositionMM != -439 || in.Sources[63].PositionMM != -124 {
		t.Errorf("the slices go from %+v to %+v", in.Sources[0], in.Sources[63])
	}
}

func TestLosslessJPEGSeriesOpens(t *testing.T) {
	begin := time.Now()
	in := openShared(t, "covid-series")
	t.Logf("%d slices in %v", in.Len(), time.Since(begin))
	checkSeries(t, in, 62, 0.703125, 5)
	// The corners lie outside the round field of view: padding of -2000.
	if got := in.Volume.Slice(30)[0]; got != Air {
		t.Errorf("padding is %d HU", got)
	}
}

func checkSeries(t *testing.T, in *Input, slices int, pixel, step float64) {
	t.Helper()
	if err := in.Volume.Check(); err != nil {
		t.Fatal(err)
	}
	x, y, z, ok := in.SpacingMM()
	if in.Len() != slices || x != pixel || y != pixel || z != step || !ok || len(in.Warnings) != 0 {
		t.Errorf("%d slices of %v x %v x %v mm, %v, warnings %v", in.Len(), x, y, z, ok, in.Warnings)
	}
}

// parsed are broken files that DCMTK 3.6.7 parses, so that they are refused for
// what is found in them; 3.6.9 refuses to parse them.
var parsed = map[string]string{
	"fuzz_header_00.dcm":     "refused: bad_pixels",
	"fuzz_header_01.dcm":     "refused: not_ct",
	"fuzz_header_02.dcm":     "refused: not_ct",
	"fuzz_header_03.dcm":     "refused: not_ct",
	"ts_wrong_bigendian.dcm": "refused: bad_pixels",
}

// Every broken, odd and hostile file, and every valid one of the samples, is
// read or refused as the golden file says: no crash, no hang.
func TestOddFilesAreReadOrRefused(t *testing.T) {
	for _, folder := range []string{"dicom-odd", "dicom-samples"} {
		t.Run(folder, func(t *testing.T) {
			path := shared(t, folder)
			files, err := os.ReadDir(path)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, f := range files {
				begin := time.Now()
				in, err := Open(t.Context(), filepath.Join(path, f.Name()), Options{})
				if errors.Is(err, dcmtk.ErrUnavailable) {
					t.Skip(err)
				}
				if d := time.Since(begin); d > 10*time.Second {
					t.Errorf("%s took %v", f.Name(), d)
				}
				checkSentence(t, f.Name(), err)
				said := outcome(in, err)
				if later, ok := parsed[f.Name()]; ok && said == "refused: broken_dicom" {
					said = later
				}
				lines = append(lines, f.Name()+"\t"+said+"\n")
			}
			compareGolden(t, folder+".golden", strings.Join(lines, ""))
		})
	}
}

// outcome says in words what came of an input.
func outcome(in *Input, err error) string {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		return "refused: " + r.Code
	case err != nil:
		return "error: " + err.Error()
	}
	s := fmt.Sprintf("%s: %d", in.Kind, in.Len())
	for _, w := range in.Warnings {
		s += " " + w.Code
	}
	return s
}

// checkSentence holds a refusal to its form: one line that names the file.
func checkSentence(t *testing.T, name string, err error) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		return
	}
	s := r.Sentence
	if r.Code == "" || len(s) < 20 || len(s) > 400 || strings.ContainsAny(s, "\n\x00\x1b") || !strings.Contains(s, name) {
		t.Errorf("%s: no sentence that names the file: %q (%s)", name, s, r.Code)
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Errorf("line %d of %s differs: got %q", i+1, name, append(g, make([]string, len(w))...)[i])
		}
	}
}
