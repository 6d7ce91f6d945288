package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/weights"
)

type modelImportCommand struct {
	Input   string `arg:"" name:"file" help:"A PyTorch checkpoint (.pth, .pt, .pth.tar)."`
	Out     string `required:"" placeholder:"FILE" help:"File to write; must not exist."`
	Network string `default:"auto" enum:"auto,full-classifier,full-classifier-50,full-segmenter,full-joint,compact-classifier,compact-joint" placeholder:"NAME" help:"What it is a checkpoint of: full-classifier, full-classifier-50, full-segmenter, full-joint, compact-classifier, compact-joint; found out from its tensors by default."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (modelImportCommand) Help() string {
	return `Reads a state dict that PyTorch saved, alone or within a training checkpoint, and writes it
as a model for --model. Nothing in the file is executed. Tensors that are missing, unknown
or of another shape are all listed, and the file is refused.

Example: jcs model import model_60.pth --out joint.safetensors`
}

// importSchema names the manifest of an imported model.
const importSchema = "jcs.import/1"

// importManifest says in a model's file which checkpoint its weights are from.
type importManifest struct {
	Schema  string                   `json:"schema"`
	Version string                   `json:"version"` // of jcs
	File    string                   `json:"file"`
	SHA256  string                   `json:"sha256"`
	Format  weights.CheckpointFormat `json:"format"`
	Key     string                   `json:"key,omitempty"` // of the state dict in the file
}

// Run writes the model.
func (c *modelImportCommand) Run(_ context.Context, t *terminal) error {
	if _, err := os.Lstat(c.Out); err == nil {
		return usage("--out %s: there is such a file already", c.Out)
	}
	m, source, err := c.read()
	if err != nil {
		return err
	}
	t.needs(time.Minute) // a file that is being written is written to its end
	if err := m.Save(c.Out, weights.F32); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	part := segmenterPart
	if !serves(m, part) {
		part = classifierPart
	}
	n, err := describeNetwork(part, m)
	if err != nil {
		return err
	}
	if c.JSON {
		name := strings.TrimSuffix(filepath.Base(c.Out), ".safetensors")
		return t.json(modelInfo{Schema: modelSchema, Name: name, Networks: []networkInfo{n}})
	}
	format := string(source.Format)
	if source.Key != "" {
		format += ", under " + source.Key
	}
	return t.table([][]string{
		{part, n.Plan.Name},
		{"checkpoint", format},
		{"parameters", fmt.Sprintf("%.2f million", float64(n.Parameters)/1e6)},
		{"written to", c.Out},
		{"sha256", m.SHA256},
	})
}

// read makes a model of the checkpoint. Whatever is wrong with the file, it is
// the input that is refused.
func (c *modelImportCommand) read() (*network.Model, importManifest, error) {
	source := importManifest{Schema: importSchema, Version: programVersion(), File: filepath.Base(c.Input)}
	f, err := os.Open(c.Input)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, source, c.refusal("%s does not exist", c.Input)
	}
	if err != nil {
		return nil, source, c.refusal("%s cannot be opened: %w", c.Input, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, source, fmt.Errorf("opening the checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, source, c.refusal("%s is no file: give the checkpoint itself", c.Input)
	}
	if source.SHA256, err = weights.Digest(io.NewSectionReader(f, 0, info.Size())); err != nil {
		return nil, source, c.refusal("%s: %w", c.Input, err)
	}
	checkpoint, err := weights.ReadCheckpoint(f, info.Size())
	if err != nil {
		return nil, source, c.refusal("%s cannot be imported: %w", c.Input, err)
	}
	source.Format, source.Key = checkpoint.Format, checkpoint.Key
	name := c.Network
	if name == "auto" {
		name = ""
	}
	m, err := network.FromCheckpoint(checkpoint, name)
	if err != nil {
		return nil, source, c.refusal("%s cannot be imported: %w", c.Input, err)
	}
	if m.Manifest, err = json.Marshal(source); err != nil {
		return nil, source, fmt.Errorf("writing the manifest: %w", err)
	}
	return m, source, nil
}

func (c *modelImportCommand) refusal(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &ct.Refusal{Code: "checkpoint", Sentence: err.Error(), Err: err}
}
