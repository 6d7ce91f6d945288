package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/train"
)

type trainCommand struct {
	Classifier trainClassifier `cmd:"" help:"Train a classifier."`
	Segmenter  trainSegmenter  `cmd:"" help:"Train a segmenter."`
	Joint      trainJoint      `cmd:"" help:"Train a joint segmenter."`
}

type (
	trainClassifier struct{ trainFlags }
	trainSegmenter  struct{ trainFlags }
	trainJoint      struct{ trainFlags }
)

func (c *trainClassifier) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, network.ClassifierKind)
}

func (c *trainSegmenter) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, network.SegmenterKind)
}

func (c *trainJoint) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, network.JointKind)
}

type trainFlags struct {
	Config  string `required:"" placeholder:"FILE" help:"TOML that says everything about the run; configs/ has examples."`
	Out     string `required:"" placeholder:"DIR" help:"Folder of the run: checkpoint, best model, metrics, curves, samples."`
	Resume  bool   `help:"Go on with the run in --out."`
	Threads int    `default:"0" help:"Threads of the engine; 0 for all processors."`
}

func (trainFlags) Help() string {
	return `Trains the network of a configuration. An interrupted run keeps its checkpoint, and
--resume goes on with it bit for bit.

Example: jcs train classifier --config configs/compact-classifier.toml --out runs/1/`
}

func (c trainFlags) run(ctx context.Context, t *terminal, kind network.Kind) error {
	config, err := train.ReadConfig(c.Config)
	if err != nil {
		return usageError{err}
	}
	if config.Kind != kind {
		return usage("%s describes a %s and not a %s", c.Config, config.Kind, kind)
	}
	if c.Threads < 0 {
		return usage("--threads must not be below 0")
	}
	t.needs(time.Minute) // to write the checkpoint
	return train.Run(ctx, config, c.Out, train.Options{
		Resume: c.Resume, Threads: c.Threads, Version: programVersion(), Machine: machine(),
		Date:   time.Now().UTC().Format(time.DateOnly),
		Events: t.trained,
	})
}

// trained shows an event of a training run.
func (t *terminal) trained(e train.Event) {
	switch {
	case len(e.Figures) > 0:
		t.say("step %d: %s", e.Step, figuresText(e))
	case e.Message != "":
		t.say("%s", e.Message)
	case isTerminal(t.err):
		t.progress("train", e.Step, e.Steps)
		t.note(fmt.Sprintf("loss %.4f  rate %.2g  %.1f slices/s  data %.1f %%", e.Loss, e.Rate, e.PerSecond, 100*e.DataShare))
	default:
		t.sometimes(fmt.Sprintf("step %d of %d: loss %.4f, rate %.2g, %.1f slices/s, %.1f %% of it waiting for data, %s left",
			e.Step, e.Steps, e.Loss, e.Rate, e.PerSecond, 100*e.DataShare, e.Left.Round(time.Second)))
	}
}

func figuresText(e train.Event) string {
	var parts []string
	for _, f := range e.Figures {
		text := fmt.Sprintf("%s (%d)", f.Source, f.Slices)
		for _, m := range []struct {
			name  string
			value *float64
		}{{"Dice", f.Dice}, {"pooled", f.DicePooled}, {"AUC", f.AUC}, {"positive", f.Positive}} {
			if m.value != nil {
				text += fmt.Sprintf(" %s %.3f", m.name, *m.value)
			}
		}
		parts = append(parts, text)
	}
	text := fmt.Sprintf("score %.4f", e.Score)
	if e.Best {
		text += ", the best so far"
	}
	return text + "; " + strings.Join(parts, "; ")
}
