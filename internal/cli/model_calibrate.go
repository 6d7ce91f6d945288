package cli

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

type modelCalibrateCommand struct {
	selection
	Model    string `arg:"" optional:"" default:"compact" placeholder:"compact|FILE" help:"The embedded models (compact) or a model file."`
	Part     string `default:"segmenter" enum:"classifier,segmenter" help:"Part of the embedded models: classifier or segmenter."`
	Root     string `placeholder:"DIR" help:"Folder that the index's files are relative to; the index's own by default."`
	Pictures int    `default:"48" help:"Slices of the index to take, evenly over it: a third for the ranges, the others to check on."`
	Name     string `placeholder:"TEXT" help:"Name of the set in the record; the index's and the selection's by default."`
	Type     string `default:"f16" enum:"f32,f16,bf16" help:"Type of the convolutions' weights in the file: f32, f16 or bf16."`
	Threads  int    `default:"0" help:"Threads of the engine; 0 for all processors."`
	Out      string `required:"" placeholder:"FILE" help:"File to write; must not exist."`
}

func (modelCalibrateCommand) Help() string {
	return `Finds how well a model's answers hold in bf16 and int8 on the slices of an index, and writes
the model with the record. --precision auto uses a reduced precision only where the record
shows that masks agree with the exact ones by a Dice of 0.995 and no verdict changes.
Convolutions that are too sensitive for 8 bits are computed in bf16, those that are too
sensitive for that in float32.

Example: jcs model calibrate compact --index slices.csv --where split=val --out segmenter.safetensors`
}

// Run calibrates.
func (c *modelCalibrateCommand) Run(ctx context.Context, t *terminal) error {
	if c.Index == "" {
		return usage("--index is missing")
	}
	if c.Pictures < 3 || c.Threads < 0 {
		return usage("--pictures must be 3 at least, and --threads not below 0")
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return usage("--out %s: there is such a file already", c.Out)
	}
	m, err := c.load()
	if err != nil {
		return usageError{err}
	}
	pictures, err := c.pictures(ctx)
	if err != nil {
		return err
	}
	o := network.CalibrateOptions{
		Name: c.Name, Engine: network.Options{Threads: c.Threads, Timings: t.openTimings()},
		Processor: processor(), Date: time.Now().UTC().Format(time.DateOnly),
		Say: func(step string) { t.sometimes(step) },
	}
	if o.Name == "" {
		o.Name = fmt.Sprintf("%s %v", filepath.Base(c.Index), c.Where)
	}
	for i, p := range pictures {
		if i%3 == 0 {
			o.Ranges = append(o.Ranges, p)
		} else {
			o.Check = append(o.Check, p)
		}
	}
	if m, err = network.Calibrate(ctx, m, o); err != nil {
		return err
	}
	types := map[string]weights.DType{"f32": weights.F32, "f16": weights.F16, "bf16": weights.BF16}
	if err := m.Save(c.Out, types[c.Type]); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	t.settle()
	return t.table(append(recordRows(m.Record), []string{"written to", c.Out}, []string{"sha256", m.SHA256}))
}

func (c *modelCalibrateCommand) load() (*network.Model, error) {
	if c.Model == "compact" {
		return network.Default(c.Part)
	}
	return network.Load(c.Model)
}

// pictures are slices of the index, evenly over it.
func (c *modelCalibrateCommand) pictures(ctx context.Context) ([]*image.Gray, error) {
	items, err := dataset.ReadIndex(c.Index, c.Root, dataset.Columns{})
	if err != nil {
		return nil, usageError{err}
	}
	if items, err = c.filter(items); err != nil {
		return nil, err
	}
	n := min(c.Pictures, len(items))
	if n < 3 {
		return nil, usage("%d slices are too few to calibrate on: 3 at least", n)
	}
	var all []*image.Gray
	for i := range n {
		in, err := openSlice(ctx, items[i*len(items)/n].Image)
		if err != nil {
			return nil, err
		}
		all = append(all, in.Picture(0, ct.LungWindow()))
	}
	return all, nil
}

// recordRows describe a precision record.
func recordRows(r *network.PrecisionRecord) [][]string {
	if r == nil {
		return [][]string{{"reduced precision", "never checked, so auto never takes it"}}
	}
	rows := [][]string{{"calibrated on", fmt.Sprintf("%s: %d slices, %d others to check", r.Set.Name, r.Set.Calibrated, r.Set.Checked)}}
	for _, c := range r.Checks {
		verdict := "not allowed"
		if c.Holds() {
			verdict = "allowed"
		}
		what := fmt.Sprintf("%s: %s; %d convolutions kept from it", verdict, c, c.Kept)
		if c.Precision == nn.BFloat16 && !r.Calibration.Rounded {
			what += ", Winograd's products left in float32"
		}
		rows = append(rows, []string{string(c.Precision), what})
	}
	return rows
}
