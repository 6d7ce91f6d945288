package diagnose

import (
	"testing"

	"github.com/jcs-ct/jcs/network"
)

func TestADiagnosisSaysWhatItsPrecisionCameTo(t *testing.T) {
	o := DefaultOptions()
	o.Engine.Precision = network.Exact
	if m := run(t, chest(), models(t, 1), o).Diagnosis.Model; m.Precision != "exact" || m.ClassifierPrecision != "exact" || m.SegmenterPrecision != "exact" {
		t.Errorf("exact came to %+v", m)
	}
	o.Engine.Precision = network.Auto
	m := run(t, chest(), models(t, -1), o).Diagnosis.Model
	if m.Precision != "auto" || m.ClassifierPrecision == "auto" || m.ClassifierPrecision == "" {
		t.Errorf("auto came to %+v", m)
	}
	if m.SegmenterPrecision != "" {
		t.Errorf("a segmenter that was not asked computes in %s", m.SegmenterPrecision)
	}
}
