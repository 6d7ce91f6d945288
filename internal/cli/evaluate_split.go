package cli

import (
	"context"
	"fmt"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/train"
)

type evaluateSplit struct {
	Config  string `required:"" placeholder:"FILE" help:"Configuration of the training that the model came from."`
	Part    string `default:"test" enum:"test,validation,train" help:"Part of its data: test, validation or train."`
	Model   string `placeholder:"FILE" help:"A model file; by default the embedded model of the configuration's kind."`
	Threads int    `default:"0" help:"Threads of the engine; 0 for all processors."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (evaluateSplit) Help() string {
	return `Figures on a part of a training configuration's data, source by source. On the part "test"
no choice made during training has seen a slice.

Example: jcs evaluate split --config configs/compact-joint.toml --part test`
}

// splitSchema names the JSON of evaluate split.
const splitSchema = "jcs.evaluation.split/1"

type splitFigures struct {
	Schema  string          `json:"schema"`
	Part    string          `json:"part"`
	SHA256  string          `json:"model_sha256"`
	Sources []train.Figures `json:"sources"`
}

// Run evaluates the model on the part.
func (c *evaluateSplit) Run(ctx context.Context, t *terminal) error {
	config, err := train.ReadConfig(c.Config)
	if err != nil {
		return usageError{err}
	}
	if c.Threads < 0 {
		return usage("--threads must not be below 0")
	}
	m, err := c.load(config.Kind)
	if err != nil {
		return usageError{err}
	}
	parts := map[string]dataset.Part{"test": dataset.Test, "validation": dataset.Validation, "train": dataset.Train}
	figures, err := train.Judge(ctx, config, m, parts[c.Part], train.Options{Threads: c.Threads})
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(splitFigures{splitSchema, c.Part, m.SHA256, figures})
	}
	rows := [][]string{{"source", "slices", "Dice, mean", "Dice, pooled", "AUC", "sensitivity at 0.93", "positive"}}
	for _, f := range figures {
		rows = append(rows, []string{
			f.Source, fmt.Sprint(f.Slices),
			share(f.Dice), share(f.DicePooled), share(f.AUC), share(f.Sensitivity), share(f.Positive),
		})
	}
	return t.table(rows)
}

func (c *evaluateSplit) load(kind network.Kind) (*network.Model, error) {
	switch {
	case c.Model != "":
		return network.Load(c.Model)
	case kind == network.ClassifierKind:
		return network.Default(classifierPart)
	}
	return network.Default(segmenterPart)
}

func share(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *x)
}
