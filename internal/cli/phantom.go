package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/jcs-ct/jcs/phantom"
	"github.com/jcs-ct/jcs/report"
)

type phantomCommand struct {
	Out            string  `required:"" placeholder:"DIR" help:"Folder for the slices and their truth; must not exist or be empty."`
	Size           int     `default:"512" help:"Columns and rows."`
	Slices         int     `default:"60" help:"Number of slices."`
	SliceMM        float64 `name:"slice-mm" default:"0" help:"Distance of slices; 0 for what makes 300 mm from end to end."`
	GroundGlass    int     `default:"5" help:"Number of ground-glass opacities."`
	Consolidations int     `default:"3" help:"Number of consolidations."`
	NoiseHU        float64 `name:"noise-hu" default:"18" help:"Standard deviation of the noise in soft tissue; negative for none."`
	Seed           uint64  `default:"1" help:"The same seed makes the same study."`
}

func (phantomCommand) Help() string {
	return `Writes a synthetic chest CT as DICOM, with truth.json: what lesions it has, where, and of
what volume. For tests and demonstrations; it is drawn by formulas and of no clinical worth.

Example: jcs phantom --out study/`
}

// Run writes a phantom.
func (c *phantomCommand) Run(ctx context.Context, t *terminal) error {
	if c.Size < 64 || c.Size > 2048 || c.Slices < 1 || c.Slices > 2000 || c.SliceMM < 0 || c.GroundGlass < 0 || c.Consolidations < 0 {
		return usage("a phantom has 64 to 2048 columns, 1 to 2000 slices and no number below 0")
	}
	folder, err := report.Begin(c.Out, false)
	if err != nil {
		return err
	}
	t.undoUnlessDone(folder.Discard)
	t.say("drawing the phantom")
	v, truth, err := phantom.New(ctx, phantom.Config{
		Columns: c.Size, Rows: c.Size, Slices: c.Slices, SliceMM: c.SliceMM, NoiseHU: c.NoiseHU, Seed: c.Seed,
		GroundGlass: c.GroundGlass, Consolidations: c.Consolidations,
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return usageError{err}
	}
	if err := folder.Fill(func(dir string) error { return phantom.Write(ctx, dir, v, truth) }); err != nil {
		return fmt.Errorf("write the phantom: %w", err)
	}
	if err := folder.Commit(); err != nil {
		return err
	}
	volume := 0.0
	for _, l := range truth.Lesions {
		volume += l.VolumeML
	}
	entries, err := os.ReadDir(c.Out)
	if err != nil {
		return fmt.Errorf("look at the phantom: %w", err)
	}
	return t.table([][]string{
		{"files", fmt.Sprint(len(entries))},
		{"lungs", fmt.Sprintf("right %.0f mL, left %.0f mL", truth.Lungs.Right.VolumeML, truth.Lungs.Left.VolumeML)},
		{"lesions", fmt.Sprintf("%d, %.1f mL", len(truth.Lesions), volume)},
		{"written to", c.Out},
	})
}
