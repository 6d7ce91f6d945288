package diagnose

import (
	"context"
	"math"
	"testing"

	"github.com/jcs-ct/jcs/network"
)

func TestTheEmbeddedCalibrationIsThatOfTheEmbeddedClassifier(t *testing.T) {
	c, err := DefaultCalibration()
	if err != nil {
		t.Fatal(err)
	}
	m, err := network.Default("classifier")
	if err != nil {
		t.Fatal(err)
	}
	if c.Schema != CalibrationSchema || c.ClassifierSHA256 != m.SHA256 {
		t.Errorf("%s for %s, and the classifier is %s: make it again with jcs evaluate calibration", c.Schema, c.ClassifierSHA256, m.SHA256)
	}
	if !(c.Studies.Slope > 0) || !(c.Prevalence > 0 && c.Prevalence < 1) || c.Fitted == "" || c.Tested == "" || c.TestedN == 0 {
		t.Errorf("%+v", c)
	}
}

func TestACalibratedProbabilityMovesWithThePrevalence(t *testing.T) {
	c := Calibration{Studies: Curve{Slope: 0.5, Intercept: 0.3}, Prevalence: 0.4}
	plain := 1 / (1 + math.Exp(-(0.3 + 0.5*math.Log(0.8/0.2))))
	if got := c.at(0.8, 0.4); math.Abs(got-plain) > 1e-12 {
		t.Errorf("%g at its own prevalence, want %g", got, plain)
	}
	odds := plain / (1 - plain) * (0.1 / 0.9) / (0.4 / 0.6)
	if got := c.at(0.8, 0.1); math.Abs(got-odds/(1+odds)) > 1e-12 {
		t.Errorf("%g at another, want %g", got, odds/(1+odds))
	}
}

func TestOnlyWhatTheCalibrationWasMadeForIsCalibrated(t *testing.T) {
	c, err := DefaultCalibration()
	if err != nil {
		t.Fatal(err)
	}
	ours := models(t, 1)
	ours.Classifier.SHA256 = c.ClassifierSHA256
	published := DefaultOptions()
	published.Rule.Choice = RulePublished
	for name, k := range map[string]struct {
		volume bool
		m      Models
		o      Options
		want   bool
	}{
		"a picture":          {false, ours, DefaultOptions(), true},
		"a volume":           {true, ours, DefaultOptions(), false},
		"another classifier": {false, models(t, 1), DefaultOptions(), false},
		"another rule":       {false, ours, published, false},
	} {
		in := pictures(1)
		if k.volume {
			in = chest()
		}
		k.o.Segment = SegmentNone
		r, err := Run(context.Background(), in, k.m, k.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Diagnosis.Calibrated != nil; got != k.want {
			t.Errorf("%s: calibrated %v", name, got)
		}
	}
}
