package cli

import (
	"context"
	"fmt"

	"github.com/jcs-ct/jcs/diagnose"
)

type classifyCommand struct {
	inputFlags
	modelFlags
	ruleFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (classifyCommand) Help() string {
	return `Classifies every slice that shows lung and judges the patient; nothing is segmented
and nothing is written.

Example: jcs classify slice.png --json`
}

// classificationSchema names the JSON of classify: a diagnosis without opacities.
const classificationSchema = "jcs.classification/1"

// Run classifies the input.
func (c *classifyCommand) Run(ctx context.Context, t *terminal) error {
	o := diagnose.DefaultOptions()
	o.Rule, o.Segment = c.rule(), diagnose.SegmentNone
	if err := o.Rule.Check(); err != nil {
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
	in, err := c.open(ctx, t)
	if err != nil {
		return err
	}
	o.Engine = engine
	o.Progress = func(stage diagnose.Stage, done, total int) { t.progress(string(stage), done, total) }
	result, err := diagnose.Run(ctx, in, models, o)
	if err != nil {
		return err
	}
	t.settle()
	d := result.Diagnosis
	d.Schema = classificationSchema
	if c.JSON {
		return t.json(d)
	}
	rows := [][]string{{"slice", "probability", "", "file"}}
	for _, s := range d.Slices {
		probability, positive := "no lung", ""
		if s.Probability != nil {
			probability = fmt.Sprintf("%.3f", *s.Probability)
		}
		if s.Positive {
			positive = t.colour("1;33", "positive")
		}
		rows = append(rows, []string{fmt.Sprint(s.Index), probability, positive, s.File})
	}
	if err := t.table(rows); err != nil {
		return err
	}
	return t.table([][]string{{"verdict", verdictText(t, d)}, {"positive slices", positiveText(d)}})
}
