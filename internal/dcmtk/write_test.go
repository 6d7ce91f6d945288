//go:build cgo && linux

package dcmtk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// storedForms are ways to store Hounsfield units, each with a name.
func storedForms() map[string]Stored {
	return map[string]Stored{
		"unsigned 16":          {},
		"unsigned 12":          {Bits: 12},
		"signed 16":            {Signed: true},
		"signed 13":            {Signed: true, Bits: 13},
		"inverted 12":          {Bits: 12, Inverted: true},
		"inverted signed":      {Signed: true, Inverted: true},
		"slope 2":              {Slope: 2, Intercept: -1024},
		"padding":              {Signed: true, PadLow: -2000, PadHigh: -2000},
		"padding with a limit": {Signed: true, PadLow: -3024, PadHigh: -2000},
		"padding unsigned":     {PadLow: 63000, PadHigh: 63536},
	}
}

// storedImage is a slice of even Hounsfield units, with padding in its first
// row where that can be stored.
func storedImage(s Stored, syntax string) *CTImage {
	im := testImage(48)
	im.Stored, im.TransferSyntax = s, syntax
	for i := range im.HU {
		im.HU[i] &^= 1
		if s.padded() && i < im.Columns {
			im.HU[i] = PaddingHU
		}
	}
	return im
}

func written() []string {
	var uids []string
	for _, s := range Syntaxes() {
		if s.Write {
			uids = append(uids, s.UID)
		}
	}
	return uids
}

func TestEveryWrittenSyntaxReadsBackInEveryStoredForm(t *testing.T) {
	c := startChild(t, Limits{})
	for _, syntax := range written() {
		for name, stored := range storedForms() {
			im := storedImage(stored, syntax)
			file := writeImage(t, c, im)
			got, err := c.Image(file)
			if err != nil {
				t.Errorf("%s, %s: %v", syntax, name, err)
				continue
			}
			if ts := got.Header.TransferSyntax(); ts != syntax {
				t.Errorf("%s, %s: the file is in %s", syntax, name, ts)
			}
			want, err := im.Samples()
			if err != nil {
				t.Fatal(err)
			}
			mask := uint16(1<<stored.orDefaults().Bits - 1)
			for i := range im.HU {
				w := uint16(want[2*i]) | uint16(want[2*i+1])<<8
				g := uint16(got.Samples[2*i]) | uint16(got.Samples[2*i+1])<<8
				if w&mask != g&mask {
					t.Errorf("%s, %s: sample %d is %x, want %x", syntax, name, i, g, w)
					break
				}
			}
		}
	}
}

func TestSyntaxThatIsNotWrittenIsUnsupported(t *testing.T) {
	c := startChild(t, Limits{})
	im := testImage(48)
	for _, syntax := range []string{JPEGBaseline, JPEGLSNear, JPEG2000, HTJ2K, "1.2.3", ""} {
		samples, err := im.Samples()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WriteAs(syntax, im.Attributes(), samples); !isProblem(err, Unsupported) {
			t.Errorf("%q: %v", syntax, err)
		}
	}
}

func TestGeometryIsWrittenAsGiven(t *testing.T) {
	c := startChild(t, Limits{})
	im := testImage(48)
	im.PatientPosition, im.GantryTilt, im.InstanceNumber = "FFP", -12.5, 7
	im.Orientation = [6]float64{-1, 0, 0, 0, -math.Sqrt2 / 2, math.Sqrt2 / 2}
	name := filepath.Join(t.TempDir(), "slice.dcm")
	if err := os.WriteFile(name, writeImage(t, c, im), 0o600); err != nil {
		t.Fatal(err)
	}
	tool, err := exec.LookPath("dcmdump")
	if err != nil {
		t.Skip("dcmdump (Debian package dcmtk) is not installed")
	}
	out, err := exec.Command(tool, name).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CS [FFP]", "DS [-12.5]", "IS [7]", `DS [-1\0\0\0\-0.707106781187\0.707106781187]`, `DS [0.8\0.7]`, `DS [-100\-200.5\0.333333333333]`,
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the file has no %s", want)
		}
	}
}

func TestHounsfieldUnitsThatDoNotFitAreAnError(t *testing.T) {
	for name, im := range map[string]*CTImage{
		"below air":           {Rows: 1, Columns: 1, HU: []int16{-1025}},
		"above 12 bits":       {Rows: 1, Columns: 1, HU: []int16{3072}, Stored: Stored{Bits: 12}},
		"padding without one": {Rows: 1, Columns: 1, HU: []int16{PaddingHU}},
		"tissue like padding": {Rows: 1, Columns: 1, HU: []int16{5}, Stored: Stored{Signed: true, PadLow: 0, PadHigh: 9}},
		"too few":             {Rows: 1, Columns: 2, HU: []int16{0}},
		"20 bits":             {Rows: 1, Columns: 1, HU: []int16{0}, Stored: Stored{Bits: 20}},
	} {
		if _, err := im.Samples(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A sequence's items are written in order, each with its attributes.
func TestSequencesAreWritten(t *testing.T) {
	c := startChild(t, Limits{})
	position := func(p string) []Attribute {
		return []Attribute{{Tag: Tag{0x0020, 0x9113}, Items: [][]Attribute{{text(0x0020, 0x0032, p)}}}}
	}
	file, err := c.Write([]Attribute{
		text(0x0008, 0x0016, ctImageStorage), text(0x0008, 0x0018, "1.2.3"),
		{Tag: Tag{0x5200, 0x9230}, Items: [][]Attribute{position(`1\2\3`), position(`4\5\6`)}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, second := bytes.Index(file, []byte(`1\2\3 `)), bytes.Index(file, []byte(`4\5\6 `))
	if first < 0 || second < first {
		t.Errorf("the positions lie at %d and %d", first, second)
	}
}

// Two other readers decode what is written in every transfer syntax.
func TestOtherProgramsReadWhatIsWritten(t *testing.T) {
	c := startChild(t, Limits{})
	dir := t.TempDir()
	for _, referee := range []struct {
		name, program string
		reads         func(string) bool
		decode        func(in, out string) *exec.Cmd
	}{
		{"gdcmconv", "gdcmconv", func(string) bool { return true },
			func(in, out string) *exec.Cmd { return exec.Command("gdcmconv", "--raw", in, out) }},
		{"dcmdjpeg", "dcmdjpeg", func(s string) bool { return s == JPEGLossless || s == JPEGLosslessFirst },
			func(in, out string) *exec.Cmd { return exec.Command("dcmdjpeg", in, out) }},
		{"dcmdjpls", "dcmdjpls", func(s string) bool { return s == JPEGLS },
			func(in, out string) *exec.Cmd { return exec.Command("dcmdjpls", in, out) }},
		{"dcmdrle", "dcmdrle", func(s string) bool { return s == RLE },
			func(in, out string) *exec.Cmd { return exec.Command("dcmdrle", in, out) }},
	} {
		t.Run(referee.name, func(t *testing.T) {
			if _, err := exec.LookPath(referee.program); err != nil {
				t.Skipf("%s (Debian package dcmtk or libgdcm-tools) is not installed", referee.program)
			}
			for _, syntax := range written() {
				for _, form := range []string{"unsigned 12", "signed 16"} {
					if !referee.reads(syntax) {
						continue
					}
					in, out := filepath.Join(dir, "in.dcm"), filepath.Join(dir, "out.dcm")
					im := storedImage(storedForms()[form], syntax)
					if err := os.WriteFile(in, writeImage(t, c, im), 0o600); err != nil {
						t.Fatal(err)
					}
					if said, err := referee.decode(in, out).CombinedOutput(); err != nil {
						t.Errorf("%s, %s: %v: %s", syntax, form, err, said)
						continue
					}
					raw, err := os.ReadFile(out)
					if err != nil {
						t.Fatal(err)
					}
					got, err := c.Image(raw)
					if err != nil {
						t.Fatal(err)
					}
					checkSamples(t, im, got.Samples)
				}
			}
		})
	}
}

func TestPydicomReadsWhatIsWritten(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import pydicom, numpy").Run() != nil {
		t.Skip("pydicom (Debian package python3-pydicom) is not installed")
	}
	c := startChild(t, Limits{})
	dir := t.TempDir()
	// pydicom by itself decodes RLE and what is not compressed.
	for _, syntax := range []string{ImplicitLittleEndian, ExplicitLittleEndian, ExplicitBigEndian, Deflated, RLE} {
		im := storedImage(Stored{Signed: true}, syntax)
		name := filepath.Join(dir, syntax)
		if err := os.WriteFile(name, writeImage(t, c, im), 0o600); err != nil {
			t.Fatal(err)
		}
		samples, err := im.Samples()
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(samples)
		want := fmt.Sprintf("%s %s -100.0 0.8", hex.EncodeToString(digest[:]), syntax)
		out, err := exec.Command(python, "-c", `
import sys, hashlib, pydicom
d = pydicom.dcmread(sys.argv[1])
print(hashlib.sha256(d.pixel_array.astype("<i2").tobytes()).hexdigest(), d.file_meta.TransferSyntaxUID,
      float(d.ImagePositionPatient[0]), float(d.PixelSpacing[0]))`, name).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: %v: %s, want %s", syntax, err, out, want)
		}
	}
}
