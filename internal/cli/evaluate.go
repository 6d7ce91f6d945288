package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/evaluate"
	"github.com/jcs-ct/jcs/network"
)

type evaluateCommand struct {
	Classification evaluateClassification `cmd:"" help:"Sensitivity, specificity, AUC and calibration by slice."`
	Segmentation   evaluateSegmentation   `cmd:"" help:"Dice and other overlaps by slice."`
	Split          evaluateSplit          `cmd:"" help:"Figures on a part of a training configuration's data."`
}

// selection picks rows of an index.
type selection struct {
	Index string   `placeholder:"CSV" help:"Index with a header, one row a slice."`
	Where []string `placeholder:"COLUMN=VALUE" help:"Take only the rows with this value; may be given several times."`
	Group string   `placeholder:"COLUMN" help:"Column that names the patient or run, for the intervals."`
}

// keep reports whether a row is to be taken.
func (s selection) keep(row dataset.Row) (bool, error) {
	for _, w := range s.Where {
		column, value, ok := strings.Cut(w, "=")
		if !ok {
			return false, usage("--where %s: COLUMN=VALUE is wanted", w)
		}
		got, known := row.Value(column)
		if !known {
			return false, usage("--where %s: the index has no column %s", w, column)
		}
		if got != value {
			return false, nil
		}
	}
	return true, nil
}

// filter takes the items whose row is selected.
func (s selection) filter(items []dataset.Item) ([]dataset.Item, error) {
	var kept []dataset.Item
	for _, it := range items {
		ok, err := s.keep(it.Columns)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, it)
		}
	}
	if len(kept) == 0 {
		return nil, usage("no slice is left to evaluate on")
	}
	return kept, nil
}

type evaluateClassification struct {
	selection
	modelFlags
	Root      string  `placeholder:"DIR" help:"Folder that the index's files are relative to; the index's own by default."`
	Label     string  `default:"label" help:"Column of the label, 1 or 0."`
	Threshold float64 `default:"0.5" help:"Probability above which a slice is positive."`
	JSON      bool    `name:"json" help:"Print JSON."`
}

func (evaluateClassification) Help() string {
	return `Classifies every slice of an index with the columns file and label (1 or 0) and compares.

Example: jcs evaluate classification --index slices.csv --where split=val --group patient --json`
}

// Run evaluates a classifier.
func (c *evaluateClassification) Run(ctx context.Context, t *terminal) error {
	if c.Index == "" {
		return usage("--index is missing")
	}
	if !(c.Threshold > 0 && c.Threshold < 1) {
		return usage("--threshold must lie between 0 and 1")
	}
	engine, err := c.options(t)
	if err != nil {
		return err
	}
	items, err := dataset.ReadIndex(c.Index, c.Root, dataset.Columns{Label: c.Label, Group: c.Group})
	if err != nil {
		return usageError{err}
	}
	if items, err = c.filter(items); err != nil {
		return err
	}
	models, err := c.load(classifierPart)
	if err != nil {
		return err
	}
	network, err := network.NewClassifier(models.Classifier, engine)
	if err != nil {
		return err
	}
	defer network.Close()
	var probabilities []float64
	var labels []int
	var groups []string
	for i, it := range items {
		if it.Label != 0 && it.Label != 1 {
			return usage("%s: the label is neither 0 nor 1", filepath.Base(it.Image))
		}
		p, err := openSlice(ctx, it.Image)
		if err != nil {
			return err
		}
		answer, err := network.Classify(ctx, p.Picture(0, ct.LungWindow()))
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(it.Image), err)
		}
		probabilities, labels, groups = append(probabilities, answer.Positive), append(labels, it.Label), append(groups, it.Group)
		t.progress("classify", i+1, len(items))
	}
	o := evaluate.ClassificationOptions{Threshold: c.Threshold}
	result, err := evaluate.Classification(probabilities, labels, groups, o)
	if err != nil {
		return err
	}
	result.Model = &evaluate.Model{Name: models.Name, SHA256: models.Classifier.SHA256, Precision: c.Precision}
	t.settle()
	if c.JSON {
		return t.json(result)
	}
	return t.table(classificationRows(result))
}

// openSlice opens one labelled slice.
func openSlice(ctx context.Context, file string) (*ct.Input, error) {
	in, err := ct.Open(ctx, file, ct.Options{})
	if err != nil {
		return nil, err
	}
	if in.Len() != 1 {
		return nil, fmt.Errorf("%s holds %d slices, and an index names single ones", filepath.Base(file), in.Len())
	}
	return in, nil
}

func classificationRows(r *evaluate.ClassificationResult) [][]string {
	rows := [][]string{{"slices", fmt.Sprintf("%d, %d positive", r.N, r.Positives)}}
	add := func(name, key string, v *float64) {
		rows = append(rows, figureRow(name, v, r.Intervals, key))
	}
	add("AUC", "auc", r.AUC)
	add(fmt.Sprintf("sensitivity at %g", r.Threshold), "sensitivity", r.Sensitivity)
	add(fmt.Sprintf("specificity at %g", r.Threshold), "specificity", r.Specificity)
	add("accuracy", "accuracy", r.Accuracy)
	add("calibration error", "ece", r.ECE)
	for _, p := range r.SensitivityAt {
		rows = append(rows, []string{fmt.Sprintf("sensitivity at specificity %g", p.Specificity), fmt.Sprintf("%.3f", p.Sensitivity)})
	}
	return rows
}

// figureRow is a metric with its interval.
func figureRow(name string, v *float64, intervals map[string]evaluate.Interval, key string) []string {
	if v == nil {
		return []string{name, "not defined here"}
	}
	text := fmt.Sprintf("%.3f", *v)
	if i, ok := intervals[key]; ok {
		text += fmt.Sprintf("   95 %%: %.3f to %.3f", i[0], i[1])
	}
	return []string{name, text}
}
