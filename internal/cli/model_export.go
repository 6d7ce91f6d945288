package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/weights"
)

type modelExportCommand struct {
	Input string `arg:"" name:"file" help:"A model file."`
	Out   string `required:"" placeholder:"FILE" help:"File to write; must not exist."`
	Type  string `default:"f16" enum:"f32,f16,bf16" help:"Type of the convolutions' weights: f32, f16 or bf16. Norms and biases stay f32."`
}

func (modelExportCommand) Help() string {
	return `Writes a model with its plan and manifest as safetensors. The embedded models are made so
from what jcs train leaves.

Example: jcs model export run/best.safetensors --type f16 --out classifier.safetensors`
}

// Run writes the model.
func (c *modelExportCommand) Run(_ context.Context, t *terminal) error {
	if _, err := os.Lstat(c.Out); err == nil {
		return usage("--out %s: there is such a file already", c.Out)
	}
	m, err := network.Load(c.Input)
	if err != nil {
		return usageError{err}
	}
	types := map[string]weights.DType{"f32": weights.F32, "f16": weights.F16, "bf16": weights.BF16}
	if err := m.Save(c.Out, types[c.Type]); err != nil {
		return fmt.Errorf("writing the model: %w", err)
	}
	return t.table([][]string{{"written to", c.Out}, {"sha256", m.SHA256}})
}
