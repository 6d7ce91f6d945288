package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jcs-ct/jcs/network"
)

type modelCommand struct {
	Info      modelInfoCommand      `cmd:"" help:"What a model is and how it came about."`
	Import    modelImportCommand    `cmd:"" help:"Make a model of a PyTorch checkpoint."`
	Calibrate modelCalibrateCommand `cmd:"" help:"Check a model in reduced precision and keep the record."`
	Export    modelExportCommand    `cmd:"" help:"Write a model with fewer bits a weight, or as ONNX."`
}

type modelInfoCommand struct {
	Model string `default:"compact" placeholder:"compact|FILE|DIR" help:"The embedded models (compact), a model file, or a folder with classifier.safetensors and segmenter.safetensors."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

func (modelInfoCommand) Help() string {
	return `Prints a model's networks: kind, input, classes, parameters, digest and, as JSON, the whole
plan and the manifest of its training.

Example: jcs model info --json`
}

// modelSchema names the JSON of model info.
const modelSchema = "jcs.model/1"

type modelInfo struct {
	Schema   string        `json:"schema"`
	Name     string        `json:"name"`
	Networks []networkInfo `json:"networks"`
}

type networkInfo struct {
	Part       string                   `json:"part"`
	SHA256     string                   `json:"sha256"`
	Parameters int                      `json:"parameters"` // trained values
	Plan       network.Plan             `json:"plan"`
	Record     *network.PrecisionRecord `json:"precision,omitempty"`
	Manifest   json.RawMessage          `json:"manifest,omitempty"`
}

// Run describes the model.
func (c *modelInfoCommand) Run(_ context.Context, t *terminal) error {
	flags := modelFlags{Model: c.Model}
	models, err := flags.load(classifierPart, segmenterPart)
	if err != nil {
		return err
	}
	d := modelInfo{Schema: modelSchema, Name: models.Name}
	for part, m := range map[string]*network.Model{classifierPart: models.Classifier, segmenterPart: models.Segmenter} {
		n, err := describeNetwork(part, m)
		if err != nil {
			return err
		}
		d.Networks = append(d.Networks, n)
	}
	if d.Networks[0].Part != classifierPart {
		d.Networks[0], d.Networks[1] = d.Networks[1], d.Networks[0]
	}
	if c.JSON {
		return t.json(d)
	}
	for i, n := range d.Networks {
		if i > 0 {
			fmt.Fprintln(t.out)
		}
		rows := [][]string{
			{n.Part, n.Plan.Name},
			{"input", fmt.Sprintf("%d x %d, %s", n.Plan.Height, n.Plan.Width, n.Plan.Preparation.Resize)},
		}
		if len(n.Plan.Classes) > 0 {
			rows = append(rows, []string{"classes", strings.Join(n.Plan.Classes, ", ")})
		}
		rows = append(rows, []string{"parameters", fmt.Sprintf("%.2f million", float64(n.Parameters)/1e6)}, []string{"sha256", n.SHA256})
		if len(n.Manifest) == 0 {
			rows = append(rows, []string{"manifest", "none"})
		} else {
			rows = append(rows, []string{"manifest", "printed with --json"})
		}
		if err := t.table(append(rows, recordRows(n.Record)...)); err != nil {
			return err
		}
	}
	return nil
}

func describeNetwork(part string, m *network.Model) (networkInfo, error) {
	all, err := m.Plan.Parameters()
	if err != nil {
		return networkInfo{}, err
	}
	n := networkInfo{Part: part, SHA256: m.SHA256, Plan: m.Plan, Manifest: m.Manifest, Record: m.Record}
	for _, p := range all {
		if p.Trained {
			n.Parameters += p.Shape.Elements()
		}
	}
	return n, nil
}
