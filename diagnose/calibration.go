package diagnose

import (
	_ "embed" // calibration.json
	"encoding/json"
	"fmt"
	"math"
)

// Calibration turns a study's probability, which is that of a slice, into how
// often such a study was positive. It belongs to one classifier.
type Calibration struct {
	Schema           string `json:"schema"`
	ClassifierSHA256 string `json:"classifier_sha256"`
	// Studies maps the logit of a study's probability by a line.
	Studies Curve `json:"studies"`
	// Prevalence is the share of positive studies among those it was fitted to.
	Prevalence float64 `json:"prevalence"`
	Fitted     string  `json:"fitted_on"`
	Tested     string  `json:"tested_on"`
	// TestedECE and TestedN are the calibration error on studies that it was
	// not fitted to, and their number.
	TestedECE float64 `json:"tested_ece"`
	TestedN   int     `json:"tested_studies"`
}

// Curve is a line in logits.
type Curve struct {
	Slope     float64 `json:"slope"`
	Intercept float64 `json:"intercept"`
}

// CalibrationSchema names the form of a calibration's file.
const CalibrationSchema = "jcs.calibration/1"

//go:embed calibration.json
var defaultCalibration []byte

// DefaultCalibration is that of the embedded classifier.
func DefaultCalibration() (Calibration, error) {
	var c Calibration
	if err := json.Unmarshal(defaultCalibration, &c); err != nil {
		return c, fmt.Errorf("read the embedded calibration: %w", err)
	}
	return c, nil
}

// Calibrated is a study's probability after calibration.
type Calibrated struct {
	Probability float64 `json:"probability"`
	// Prevalence is the share of positive studies that is assumed where the
	// program is used.
	Prevalence float64 `json:"prevalence"`
	Text       string  `json:"text"`
}

// at is the calibrated probability of a study at a prevalence: Bayes' rule moves
// the logit by the difference of the prevalences' logits.
func (c Calibration) at(probability, prevalence float64) float64 {
	z := c.Studies.Intercept + c.Studies.Slope*logit(probability) - logit(c.Prevalence) + logit(prevalence)
	return 1 / (1 + math.Exp(-z))
}

// logit keeps away from infinity as evaluate.Logit does, by which curves are
// fitted.
func logit(p float64) float64 {
	p = min(max(p, 1e-4), 1-1e-4)
	return math.Log(p / (1 - p))
}

// calibrate adds the calibrated probability where the calibration was made for
// such studies: pictures, judged by the default rule, by the same classifier. Of
// volumes there were too few with a known answer, so nothing is said of them.
func (s *study) calibrate() error {
	c, err := DefaultCalibration()
	if err != nil {
		return err
	}
	rule, usual := s.options.Rule, DefaultRule()
	fits := s.in.Volume == nil && rule.Choice == usual.Choice && rule.Share == usual.Share
	if s.Probability == nil || !fits || c.ClassifierSHA256 == "" || s.Model.ClassifierSHA256 != c.ClassifierSHA256 {
		return nil
	}
	s.Calibrated = &Calibrated{
		Probability: c.at(*s.Probability, s.options.Rule.prevalence()),
		Prevalence:  s.options.Rule.prevalence(),
		Text: fmt.Sprintf("logistic curve of the study's probability, fitted on %s; calibration error %.2f on %s, moved to the prevalence",
			c.Fitted, c.TestedECE, c.Tested),
	}
	return nil
}

// StudyProbability is the probability that the rule compares, of a study whose
// slices with lung have these, and its verdict; nil where there are too few.
// spacingMM is 0 where not known.
func (r Rule) StudyProbability(probabilities []float64, slices int, spacingMM float64) (Verdict, *float64) {
	v, p, _ := r.judge(evidence{probabilities: probabilities, slices: slices, spacingMM: spacingMM, lungSeen: len(probabilities) > 0})
	return v, p
}
