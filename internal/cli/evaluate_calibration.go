package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/evaluate"
	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/train"
)

type evaluateCalibration struct {
	modelFlags
	Config  string   `required:"" placeholder:"FILE" help:"Configuration of the training that the classifier came from."`
	Exclude []string `placeholder:"SOURCE" help:"Sources that are not used; may be given several times."`
	JSON    bool     `name:"json" help:"Print JSON."`
}

func (evaluateCalibration) Help() string {
	return `Fits the curve that calibrates a study's probability to the validation part of a training
configuration's data, and says on the test part how far it can be believed. A study is a
group of the index: a patient or a run of slices. The field "calibration" of the JSON is what
diagnose/calibration.json holds for the embedded classifier.

Example: jcs evaluate calibration --config configs/compact-classifier.toml --json`
}

// calibrationFigures are what evaluate calibration prints.
type calibrationFigures struct {
	Schema      string                          `json:"schema"`
	Calibration diagnose.Calibration            `json:"calibration"`
	Slices      calibrationPart                 `json:"slices"`
	Studies     calibrationPart                 `json:"studies"`
	Sources     map[string]evaluate.Reliability `json:"sources"` // test studies after calibration
}

// calibrationPart compares, on the test part, what was said before and after.
type calibrationPart struct {
	Curve  evaluate.Logistic    `json:"curve"`
	Fitted int                  `json:"fitted_to"`
	Before evaluate.Reliability `json:"test_before"`
	After  evaluate.Reliability `json:"test_after"`
}

const (
	calibrationSchema = "jcs.evaluation.calibration/1"
	calibrationBins   = 5
)

// labelled are probabilities with their answers.
type labelled struct {
	probabilities []float64
	labels        []int
	sources       []string
}

func (l *labelled) add(p float64, label int, source string) {
	l.probabilities, l.labels, l.sources = append(l.probabilities, p), append(l.labels, label), append(l.sources, source)
}

// Run fits on one part and reports on another.
func (c *evaluateCalibration) Run(ctx context.Context, t *terminal) error {
	config, err := train.ReadConfig(c.Config)
	if err != nil {
		return usageError{err}
	}
	engine, err := c.options(t)
	if err != nil {
		return err
	}
	models, err := c.load(classifierPart)
	if err != nil {
		return err
	}
	items, err := dataset.ReadAll(config.Data.Folder, config.Sources)
	if err != nil {
		return usageError{err}
	}
	n, err := network.NewClassifier(models.Classifier, engine)
	if err != nil {
		return err
	}
	defer n.Close()
	parts := map[dataset.Part][2]labelled{}
	for _, part := range []dataset.Part{dataset.Validation, dataset.Test} {
		slices, studies, err := c.classify(ctx, t, n, dataset.Select(items, part))
		if err != nil {
			return err
		}
		parts[part] = [2]labelled{slices, studies}
	}
	f := calibrationFigures{Schema: calibrationSchema}
	if f.Slices, err = calibrated(parts[dataset.Validation][0], parts[dataset.Test][0]); err != nil {
		return usageError{fmt.Errorf("slices: %w", err)}
	}
	if f.Studies, err = calibrated(parts[dataset.Validation][1], parts[dataset.Test][1]); err != nil {
		return usageError{fmt.Errorf("studies: %w", err)}
	}
	f.Sources = bySource(parts[dataset.Test][1], f.Studies.Curve)
	f.Calibration = calibrationOf(models.Classifier.SHA256, config.Name, parts[dataset.Validation][1], f.Studies)
	t.settle()
	if c.JSON {
		return t.json(f)
	}
	return t.table(calibrationRows(f))
}

// classify gives the slices with an answer and a lung, and the studies that they
// make.
func (c *evaluateCalibration) classify(ctx context.Context, t *terminal, n *network.Classifier, items []dataset.Item) (slices, studies labelled, err error) {
	o := diagnose.DefaultOptions()
	excluded := map[string]bool{}
	for _, s := range c.Exclude {
		excluded[s] = true
	}
	type study struct {
		item          dataset.Item
		probabilities []float64
		slices        int
	}
	of := map[string]*study{}
	for i, it := range items {
		t.progress("classify", i+1, len(items))
		if it.Label != 0 && it.Label != 1 || excluded[it.Source] {
			continue
		}
		in, err := openSlice(ctx, it.Image)
		if err != nil {
			return slices, studies, err
		}
		p := in.Picture(0, ct.LungWindow())
		key := fmt.Sprint(it.Source, " ", it.Group, " ", it.Label)
		if of[key] == nil {
			of[key] = &study{item: it}
		}
		of[key].slices++
		if findings.LungsOfPicture(p).Fraction(0) < o.LeastLung {
			continue
		}
		answer, err := n.Classify(ctx, p)
		if err != nil {
			return slices, studies, fmt.Errorf("%s: %w", filepath.Base(it.Image), err)
		}
		slices.add(answer.Positive, it.Label, it.Source)
		of[key].probabilities = append(of[key].probabilities, answer.Positive)
	}
	keys := make([]string, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		s := of[k]
		if _, p := o.Rule.StudyProbability(s.probabilities, s.slices, 0); p != nil {
			studies.add(*p, s.item.Label, s.item.Source)
		}
	}
	return slices, studies, nil
}

// calibrated fits on one set and compares on the other.
func calibrated(fit, test labelled) (calibrationPart, error) {
	curve, err := evaluate.FitLogistic(fit.probabilities, fit.labels)
	if err != nil {
		return calibrationPart{}, err
	}
	said := make([]float64, len(test.probabilities))
	for i, p := range test.probabilities {
		said[i] = curve.At(p)
	}
	return calibrationPart{
		Curve: curve, Fitted: len(fit.labels),
		Before: evaluate.ReliabilityOf(test.probabilities, test.labels, calibrationBins),
		After:  evaluate.ReliabilityOf(said, test.labels, calibrationBins),
	}, nil
}

func bySource(test labelled, curve evaluate.Logistic) map[string]evaluate.Reliability {
	of := map[string]*labelled{}
	for i, s := range test.sources {
		if of[s] == nil {
			of[s] = &labelled{}
		}
		of[s].add(curve.At(test.probabilities[i]), test.labels[i], s)
	}
	out := map[string]evaluate.Reliability{}
	for s, l := range of {
		out[s] = evaluate.ReliabilityOf(l.probabilities, l.labels, calibrationBins)
	}
	return out
}

func calibrationOf(sha, name string, fit labelled, p calibrationPart) diagnose.Calibration {
	positives := 0
	for _, y := range fit.labels {
		positives += y
	}
	counts := func(n, positive int, part string) string {
		return fmt.Sprintf("%d studies of pictures (%d positive) of the %s part of %s", n, positive, part, name)
	}
	return diagnose.Calibration{
		Schema: diagnose.CalibrationSchema, ClassifierSHA256: sha,
		Studies:    diagnose.Curve{Slope: p.Curve.Slope, Intercept: p.Curve.Intercept},
		Prevalence: float64(positives) / float64(len(fit.labels)),
		Fitted:     counts(len(fit.labels), positives, "validation"),
		Tested:     counts(p.After.N, p.After.Positives, "test"),
		TestedECE:  p.After.ECE, TestedN: p.After.N,
	}
}

func calibrationRows(f calibrationFigures) [][]string {
	rows := [][]string{{"", "fitted to", "tested on", "Brier before", "after", "log loss before", "after", "error before", "after"}}
	for _, p := range []struct {
		name string
		part calibrationPart
	}{{"slices", f.Slices}, {"studies", f.Studies}} {
		x := func(v float64) string { return fmt.Sprintf("%.3f", v) }
		b, a := p.part.Before, p.part.After
		rows = append(rows, []string{p.name, fmt.Sprint(p.part.Fitted), fmt.Sprint(a.N), x(b.Brier), x(a.Brier), x(b.LogLoss), x(a.LogLoss), x(b.ECE), x(a.ECE)})
	}
	for _, b := range f.Studies.After.Bins {
		rows = append(rows, []string{fmt.Sprintf("%.1f to %.1f", b.From, b.To), "", fmt.Sprint(b.N), fmt.Sprintf("said %.2f", b.Said), fmt.Sprintf("was %.2f", b.Happened)})
	}
	return rows
}
