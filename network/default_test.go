package network

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/weights"
)

func TestTheEmbeddedModelsAreWholeAndSayWhereTheyComeFrom(t *testing.T) {
	total := 0
	for _, part := range []string{"classifier", "segmenter"} {
		m, err := Default(part)
		if err != nil {
			t.Fatal(err)
		}
		if part == "classifier" && (m.Plan.Kind != ClassifierKind || m.Plan.Classes[m.Plan.Positive] != "COVID-19 pneumonia") {
			t.Errorf("the classifier is a %s of %q", m.Plan.Kind, m.Plan.Classes)
		}
		if part == "segmenter" && m.Plan.Kind != JointKind {
			t.Errorf("the segmenter is a %s", m.Plan.Kind)
		}
		var manifest struct {
			Date       string
			Step       int
			Start      struct{ File, SHA256 string }
			Validation []map[string]any
		}
		if err := json.Unmarshal(m.Manifest, &manifest); err != nil {
			t.Fatal(err)
		}
		if manifest.Date == "" || manifest.Step == 0 || manifest.Start.SHA256 == "" || len(manifest.Validation) == 0 {
			t.Errorf("the %s's manifest lacks where it comes from: %+v", part, manifest)
		}
		if strings.ContainsAny(manifest.Start.File, `/\`) {
			t.Errorf("the %s's manifest holds a path of one machine: %s", part, manifest.Start.File)
		}
		file, err := weights.Embedded(part)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(file, []byte("/tmp/")) {
			t.Errorf("the %s names a folder of one machine", part)
		}
		total += len(file)
	}
	if total > 40<<20 {
		t.Errorf("the embedded models take %d bytes, over 40 MB", total)
	}
}
