package cli

import (
	"context"
	"time"

	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/report"
)

type diagnoseCommand struct {
	inputFlags
	modelFlags
	ruleFlags
	Out     string `placeholder:"DIR" help:"Folder for the results; must not exist or be empty."`
	List    bool   `help:"List the series of each study, which is taken and why; nothing is diagnosed."`
	Force   bool   `help:"Replace an earlier result in --out."`
	Segment string `default:"auto" enum:"auto,all,none" help:"Segment the slices that were called positive (auto), all, or none."`
	densityFlag
	Workers int  `default:"0" help:"Slices computed side by side, which share the threads out; 0 for one a thread, up to 4. The results are the same."`
	JSON    bool `name:"json" help:"Print the diagnosis as JSON."`
}

func (diagnoseCommand) Help() string {
	return `Finds the lungs, classifies every slice that shows them, segments the slices that
were called positive, measures the opacities and judges the patient. --out gets
diagnosis.json, a sheet of the whole study, and for each relevant slice the lesions
in outline and the activation map. Of an input of several studies each gets a folder
of its own in --out, with studies.json beside them.

Example: jcs diagnose study/ --out result/`
}

// densityFlag chooses what splits ground glass from consolidation.
type densityFlag struct {
	Density string `default:"chaganti2020" help:"Rule that splits ground glass from consolidation by Hounsfield units: chaganti2020 (-200), bmcid2021 (-300), nonaerated (-100)."`
}

func (f densityFlag) density() (findings.DensityRule, error) {
	return findings.DensityRuleNamed(f.Density)
}

// ruleFlags choose how slices make a verdict.
type ruleFlags struct {
	Rule       string  `default:"auto" enum:"auto,published" help:"How slices make a verdict: by the length or share of positive slices (auto), or more than 18 positive slices (published)."`
	Threshold  float64 `default:"0.5" help:"Probability above which a slice is positive."`
	LengthMM   float64 `name:"length-mm" default:"40" help:"Thickness of positive slices that makes a study positive."`
	Share      float64 `default:"0.15" help:"Share of positive slices that does, where there are no millimetres."`
	MinOpacity float64 `name:"min-opacity-ml" default:"1" help:"Opacity in the lungs that a positive study must show, in mL."`
}

func (f ruleFlags) rule() diagnose.Rule {
	r := diagnose.DefaultRule()
	r.Choice, r.SliceThreshold = diagnose.RuleChoice(f.Rule), f.Threshold
	r.LengthMM, r.Share, r.OpacityML = f.LengthMM, f.Share, f.MinOpacity
	return r
}

// Run diagnoses the input.
func (c *diagnoseCommand) Run(ctx context.Context, t *terminal) error {
	if c.List {
		return c.list(ctx, t)
	}
	if c.Out == "" {
		return usage("missing flags: --out=DIR")
	}
	begin := time.Now()
	rule := c.rule()
	if err := rule.Check(); err != nil {
		return usageError{err}
	}
	density, err := c.density()
	if err != nil {
		return usageError{err}
	}
	if c.Workers < 0 || c.Workers > diagnose.MostWorkers {
		return usage("--workers must be between 0 and %d", diagnose.MostWorkers)
	}
	engine, err := c.options(t)
	if err != nil {
		return err
	}
	parts := []string{classifierPart, segmenterPart}
	if c.Segment == "none" {
		parts = parts[:1]
	}
	models, err := c.load(parts...)
	if err != nil {
		return err
	}
	folder, err := report.Begin(c.Out, c.Force)
	if err != nil {
		return err
	}
	t.undoUnlessDone(folder.Discard)
	contents, err := c.survey(ctx, t)
	if err != nil {
		return err
	}
	defer contents.Close()
	o := diagnose.DefaultOptions()
	o.Density = density
	o.Rule, o.Segment = rule, diagnose.SegmentChoice(c.Segment)
	o.Engine, o.Workers = engine, c.Workers
	o.Progress = func(stage diagnose.Stage, done, total int) { t.progress(string(stage), done, total) }
	if len(contents.Studies) > 1 && c.Series == "" {
		return c.diagnoseEach(ctx, t, contents, models, o, folder)
	}
	study, err := contents.Only()
	if err != nil {
		return err
	}
	d, err := c.diagnoseOne(ctx, t, contents, study, models, o, folder, begin)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := folder.Commit(); err != nil {
		return err
	}
	t.settle()
	if c.JSON {
		return t.json(d)
	}
	return printDiagnosis(t, d, c.Out)
}

// write fills the folder, which is not given its name yet.
func (c *diagnoseCommand) write(ctx context.Context, t *terminal, folder *report.Folder, r *diagnose.Result, begin time.Time) error {
	writing := time.Now()
	if err := report.Write(ctx, folder, r, func(done, total int) { t.progress("write", done, total) }); err != nil {
		return err
	}
	d := r.Diagnosis
	d.TimingMS["write"] = diagnose.Milliseconds(time.Since(writing))
	d.TimingMS["total"] = diagnose.Milliseconds(time.Since(begin))
	return report.WriteDiagnosis(folder, d)
}
