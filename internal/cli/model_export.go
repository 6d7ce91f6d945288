package cli

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/weights"
)

type modelExportCommand struct {
	Model     string `arg:"" placeholder:"compact|FILE|DIR" help:"The embedded models (compact), a model file, or a folder with classifier.safetensors and segmenter.safetensors. With --untrained, a network's name as in jcs bench."`
	Part      string `enum:"classifier,segmenter," default:"" help:"Which part of compact or of a folder: classifier or segmenter."`
	Untrained bool   `help:"Export a network with first weights, of no meaning: to measure its speed elsewhere."`
	Format    string `default:"safetensors" enum:"safetensors,onnx" help:"safetensors, which jcs reads, or onnx (operator set 17), which other runtimes read."`
	Out       string `required:"" placeholder:"FILE" help:"File to write; must not exist."`

	Type string `default:"f16" enum:"f32,f16,bf16" help:"safetensors: type of the convolutions' weights: f32, f16 or bf16. Norms and biases stay f32."`

	Outputs     []string `placeholder:"NAME" help:"onnx: what the network returns, by the names of docs/onnx.md; by default logits and softmax, or output."`
	Batch       int      `default:"0" help:"onnx: fix the number of slices at once; 0 for any."`
	Height      int      `default:"0" help:"onnx: fix the input's height; 0 for any."`
	Width       int      `default:"0" help:"onnx: fix the input's width; 0 for any."`
	Quantize    string   `enum:"int8," default:"" help:"onnx: int8 for convolutions of 8 bits, by QuantizeLinear and DequantizeLinear. Needs --pictures."`
	Pictures    string   `placeholder:"INPUT" help:"onnx: slices to calibrate --quantize on, and of --examples: a study or pictures, as jcs diagnose takes them."`
	MaxPictures int      `default:"32" help:"onnx: at most so many of them, evenly spread."`
	Examples    string   `placeholder:"DIR" help:"onnx: folder to write prepared slices and what the network makes of them to, as NumPy files. Needs --pictures."`
	Threads     int      `default:"0" help:"Threads of the engine; 0 for all processors."`
}

func (modelExportCommand) Help() string {
	return `Writes a model with its plan and manifest as safetensors, or its network as ONNX for other
runtimes. The embedded models are made so from what jcs train leaves.

Examples:
  jcs model export run/best.safetensors --type f16 --out classifier.safetensors
  jcs model export compact --part segmenter --format onnx --out segmenter.onnx
  jcs model export full-joint --untrained --format onnx --out joint.onnx`
}

// Run writes the model.
func (c *modelExportCommand) Run(ctx context.Context, t *terminal) error {
	if err := c.check(); err != nil {
		return err
	}
	m, err := c.load()
	if err != nil {
		return err
	}
	if c.Format == "onnx" {
		return c.onnx(ctx, t, m)
	}
	types := map[string]weights.DType{"f32": weights.F32, "f16": weights.F16, "bf16": weights.BF16}
	if err := m.Save(c.Out, types[c.Type]); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	return t.table([][]string{{"written to", c.Out}, {"sha256", m.SHA256}})
}

func (c *modelExportCommand) check() error {
	for _, path := range []string{c.Out, c.Examples} {
		if _, err := os.Lstat(path); path != "" && err == nil {
			return usage("%s is there already", path)
		}
	}
	switch {
	case min(c.Threads, c.Batch, c.Height, c.Width) < 0 || c.MaxPictures < 1:
		return usage("--threads, --batch, --height and --width must not be below 0, and --max-pictures must be above")
	case (c.Height == 0) != (c.Width == 0):
		return usage("--height and --width go together")
	case c.Format != "onnx" && (len(c.Outputs) > 0 || c.Batch+c.Height > 0 || c.Quantize+c.Pictures+c.Examples != ""):
		return usage("--outputs, --batch, --height, --width, --quantize, --pictures and --examples belong to --format onnx")
	case c.Pictures == "" && c.Quantize+c.Examples != "":
		return usage("--quantize and --examples need slices: give --pictures a study or a folder of pictures")
	}
	return nil
}

// load reads or makes the one model that is asked for.
func (c *modelExportCommand) load() (*network.Model, error) {
	if c.Untrained {
		plan, ok := plans()[c.Model]
		if !ok {
			return nil, usage("there is no network %q: compact-classifier, compact-joint, full-classifier, full-segmenter and full-joint are", c.Model)
		}
		w, err := plan.Initial(1)
		return &network.Model{Plan: plan, Weights: w}, err
	}
	info, err := os.Stat(c.Model)
	if err == nil && !info.IsDir() {
		m, err := network.Load(c.Model)
		switch {
		case err != nil:
			return nil, usageError{err}
		case c.Part != "" && !serves(m, c.Part):
			return nil, usage("%s: the %s in it is no %s", c.Model, m.Plan.Name, c.Part)
		}
		return m, nil
	}
	if c.Part == "" && (err == nil || c.Model == "compact") {
		return nil, usage("%s has two parts: choose by --part classifier or --part segmenter", c.Model)
	}
	models, err := modelFlags{Model: c.Model}.load(c.Part)
	if err != nil {
		return nil, err
	}
	if c.Part == classifierPart {
		return models.Classifier, nil
	}
	return models.Segmenter, nil
}

// onnx writes the model as ONNX and, if asked for, examples.
func (c *modelExportCommand) onnx(ctx context.Context, t *terminal, m *network.Model) error {
	o := network.ONNXOptions{
		Outputs: c.Outputs, Batch: c.Batch, Height: c.Height, Width: c.Width, Version: programVersion(),
	}
	if err := m.Plan.CheckONNX(o); err != nil {
		return usageError{err}
	}
	var pictures []*image.Gray
	if c.Pictures != "" {
		in, err := ct.Open(ctx, c.Pictures, ct.Options{Progress: func(done, total int) { t.progress("read", done, total) }})
		if err != nil {
			return err
		}
		n := min(in.Len(), c.MaxPictures)
		for i := range n {
			pictures = append(pictures, in.Picture((2*i+1)*in.Len()/(2*n), ct.LungWindow()))
		}
	}
	if c.Quantize != "" {
		var err error
		o.Ranges, err = m.ONNXRanges(ctx, pictures, o, c.Threads, func(done, total int) { t.progress("calibrate", done, total) })
		if err != nil {
			return err
		}
	}
	if err := m.SaveONNX(c.Out, o); err != nil {
		return err
	}
	rows := [][]string{{"written to", c.Out}}
	if c.Examples != "" {
		if err := c.examples(ctx, m, o, pictures); err != nil {
			return err
		}
		rows = append(rows, []string{"examples", fmt.Sprintf("%d in %s", len(pictures), c.Examples)})
	}
	t.settle()
	digest, err := digestOf(c.Out)
	if err != nil {
		return err
	}
	return t.table(append(rows, []string{"sha256", digest}))
}

// examples fills a folder of its own with inputs and outputs, whole or not at
// all.
func (c *modelExportCommand) examples(ctx context.Context, m *network.Model, o network.ONNXOptions, pictures []*image.Gray) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(c.Examples), "."+filepath.Base(c.Examples)+"-*")
	if err != nil {
		return fmt.Errorf("writing examples: %w", err)
	}
	defer os.RemoveAll(dir) // of no effect once renamed
	err = m.Examples(ctx, pictures, o, c.Threads, func(picture int, name string, x weights.Tensor) error {
		file := fmt.Sprintf("%04d.%s.npy", picture, strings.ReplaceAll(name, "/", "-"))
		f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := weights.WriteNPY(f, x); err != nil {
			return err
		}
		return f.Close()
	})
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = os.Rename(dir, c.Examples)
	}
	if err != nil {
		return fmt.Errorf("writing examples: %w", err)
	}
	return nil
}

// digestOf is the SHA-256 of a file.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading what was written: %w", err)
	}
	defer f.Close()
	return weights.Digest(f)
}
