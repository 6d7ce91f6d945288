package cli

import (
	"context"

	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/report"
)

type segmentCommand struct {
	inputFlags
	modelFlags
	densityFlag
	Out   string `required:"" placeholder:"DIR" help:"Folder for the masks; must not exist or be empty."`
	Force bool   `help:"Replace an earlier result in --out."`
	JSON  bool   `name:"json" help:"Print what was measured as JSON."`
}

func (segmentCommand) Help() string {
	return `Segments every slice, without asking the classifier. --out gets segmentation.json, one
mask a slice as PNG (255 where opaque) and the slices with their lesions in outline.

Example: jcs segment study/ --out masks/`
}

// Run segments the input.
func (c *segmentCommand) Run(ctx context.Context, t *terminal) error {
	density, err := c.density()
	if err != nil {
		return usageError{err}
	}
	engine, err := c.options(t)
	if err != nil {
		return err
	}
	models, err := c.load(segmenterPart)
	if err != nil {
		return err
	}
	folder, err := report.Begin(c.Out, c.Force)
	if err != nil {
		return err
	}
	t.undoUnlessDone(folder.Discard)
	in, err := c.open(ctx, t)
	if err != nil {
		return err
	}
	o := diagnose.DefaultOptions()
	o.Segment, o.Engine, o.Density = diagnose.SegmentAll, engine, density
	o.Progress = func(stage diagnose.Stage, done, total int) { t.progress(string(stage), done, total) }
	result, err := diagnose.Run(ctx, in, models, o)
	if err != nil {
		return err
	}
	if err := report.WriteMasks(ctx, folder, result, func(done, total int) { t.progress("write", done, total) }); err != nil {
		return err
	}
	if err := report.WriteSegmentation(folder, result.Diagnosis); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := folder.Commit(); err != nil {
		return err
	}
	t.settle()
	d := result.Diagnosis
	if c.JSON {
		return t.json(d)
	}
	rows := [][]string{{"slices", plural(len(d.Slices), "slice")}, {"lesions", plural(len(d.Lesions), "lesion")}}
	if len(d.Lesions) > 0 {
		rows = append(rows, []string{"opacity", opacityText(d)}, []string{"where", whereText(d.Lesions)})
	}
	for _, w := range d.Warnings {
		rows = append(rows, []string{"warning", w.Message})
	}
	return t.table(append(rows, []string{"written to", c.Out}))
}
