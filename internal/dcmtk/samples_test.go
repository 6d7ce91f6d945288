//go:build cgo && linux

package dcmtk

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// samplesFolder holds valid DICOM files in many transfer syntaxes, with digests
// of their pixels by other programs.
const samplesFolder = "../../../shared/data/dicom-samples"

// notDecoded are the samples that are refused, each with the reason. None is a
// CT.
var notDecoded = map[string]struct {
	problem Problem
	why     string
}{
	"pd_liver_1frame.dcm":                 {Broken, "1 bit a sample"},
	"pdd_liver_nonbyte_aligned.dcm":       {Broken, "1 bit a sample"},
	"pdd_liver_rle.dcm":                   {Broken, "1 bit a sample"},
	"pdd_liver_deflate.dcm":               {Unsupported, "deflated frames, a transfer syntax of 2024"},
	"pd_rtdose.dcm":                       {Broken, "32 bits a sample"},
	"pd_sc_ybr_full_422_uncompressed.dcm": {Broken, "native colour at half the resolution"},
	"pdd_jlsl_08_07_0_1f.dcm":             {Broken, "JPEG-LS of 7 bits, which DCMTK's decoder finds invalid"},
}

func TestSamplesDecodeToTheDigestsOfOtherPrograms(t *testing.T) {
	rows := sampleRows(t)
	c := startChild(t, Limits{})
	decoded := map[string]int{}
	exact := 0
	for _, row := range rows {
		name, syntax := row["file"], row["transfer_syntax_uid"]
		file, err := os.ReadFile(filepath.Join(samplesFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		digest, err := digestOfFrames(c, file, row["frames"])
		if refused, ok := notDecoded[name]; ok {
			if !isProblem(err, refused.problem) {
				t.Errorf("%s (%s) gives %v", name, refused.why, err)
			}
			continue
		}
		switch {
		case err != nil:
			t.Errorf("%s (%s): %v", name, syntax, err)
			continue
		case row["sha256_native_le"] == "":
		case digest != row["sha256_native_le"]:
			t.Errorf("%s (%s, %s): the samples differ", name, syntax, row["decode"])
			continue
		default:
			exact++
		}
		decoded[syntax]++
	}
	for _, s := range Syntaxes() {
		if s.UID == HTJ2KLosslessRPCL {
			continue // no sample; see the next test
		}
		if s.Read && decoded[s.UID] == 0 {
			t.Errorf("no sample in %s (%s) was decoded", s.UID, s.Name)
		}
	}
	t.Logf("%d of %d samples equal their digest; decoded by transfer syntax: %v", exact, len(rows), decoded)
}

// The third high-throughput syntax is the first with its packets in one of the
// orders that the first may have too, so that a decoder makes no difference.
func TestHighThroughputByResolutionDecodes(t *testing.T) {
	for _, row := range sampleRows(t) {
		if row["file"] != "own_ct1_htj2k201.dcm" {
			continue
		}
		file, err := os.ReadFile(filepath.Join(samplesFolder, row["file"]))
		if err != nil {
			t.Fatal(err)
		}
		file = bytes.Replace(file, []byte(HTJ2KLossless), []byte(HTJ2KLosslessRPCL), 1)
		digest, err := digestOfFrames(startChild(t, Limits{}), file, "1")
		if err != nil || digest != row["sha256_native_le"] {
			t.Errorf("the samples differ, or %v", err)
		}
	}
}

// digestOfFrames decodes all frames of a file.
func digestOfFrames(c *Child, file []byte, frames string) (string, error) {
	image, err := c.Image(file)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(frames)
	if err != nil {
		return "", err
	}
	if declared, ok, _ := image.Header.Int("NumberOfFrames"); ok && declared != n {
		return "", errors.New("another number of frames")
	}
	h := sha256.New()
	h.Write(image.Samples)
	for i := 1; i < n; i++ {
		samples, err := c.Frame(i)
		if err != nil {
			return "", err
		}
		h.Write(samples)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func sampleRows(t *testing.T) []map[string]string {
	f, err := os.Open(filepath.Join(samplesFolder, "index.tsv"))
	if err != nil {
		t.Skip("the DICOM samples are not beside this checkout: shared/data/dicom-samples")
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}
