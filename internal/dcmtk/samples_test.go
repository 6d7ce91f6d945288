//go:build cgo && linux

package dcmtk

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// samplesFolder holds valid DICOM files in many transfer syntaxes, with digests
// of their pixels by other programs.
const samplesFolder = "../../../shared/data/dicom-samples"

func TestSamplesOfManyTransferSyntaxesDecodeExactly(t *testing.T) {
	rows := sampleRows(t)
	c := startChild(t, Limits{})
	decoded, refused := map[string]int{}, map[string]int{}
	for _, row := range rows {
		if row["modality"] != "CT" || row["sha256_native_le"] == "" {
			continue
		}
		file, err := os.ReadFile(filepath.Join(samplesFolder, row["file"]))
		if err != nil {
			t.Fatal(err)
		}
		image, err := c.Image(file)
		if syntax := row["transfer_syntax_uid"]; err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Problem != Unsupported || e.Detail != syntax {
				t.Errorf("%s: %v", row["file"], err)
			}
			refused[syntax]++
			continue
		} else {
			decoded[syntax]++
		}
		digest := sha256.Sum256(image.Samples)
		if got := hex.EncodeToString(digest[:]); got != row["sha256_native_le"] {
			t.Errorf("%s (%s): the samples differ", row["file"], row["transfer_syntax_uid"])
		}
	}
	for _, syntax := range []string{
		"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5",
		"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55",
		"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81",
	} {
		if decoded[syntax] == 0 || refused[syntax] > 0 {
			t.Errorf("transfer syntax %s: %d decoded, %d refused", syntax, decoded[syntax], refused[syntax])
		}
	}
	t.Logf("decoded: %v; refused: %v", decoded, refused)
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
