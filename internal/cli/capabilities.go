package cli

import (
	"strings"

	"github.com/alecthomas/kong"

	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/report"
)

type capabilitiesCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (capabilitiesCommand) Help() string {
	return `Lists what this build can do: formats and transfer syntaxes that it reads, models,
precisions, outputs, commands.

Example: jcs capabilities --json`
}

// capabilitiesSchema names the JSON of capabilities.
const capabilitiesSchema = "jcs.capabilities/1"

type capabilities struct {
	Schema           string           `json:"schema"`
	Version          string           `json:"version"`
	Inputs           []inputFormat    `json:"inputs"`
	TransferSyntaxes []dcmtk.Syntax   `json:"transfer_syntaxes"`
	Models           []modelAvailable `json:"models"`
	Engine           string           `json:"engine"`
	Precisions       []string         `json:"precisions"`
	Outputs          []outputKind     `json:"outputs"`
	Commands         []commandInfo    `json:"commands"`
}

// inputFormat is a kind of input.
type inputFormat struct {
	Kind       string `json:"kind"`
	What       string `json:"what"`
	Hounsfield bool   `json:"hounsfield"` // carries Hounsfield units and millimetres
}

type modelAvailable struct {
	Name   string `json:"name"`
	Part   string `json:"part"`
	SHA256 string `json:"sha256"`
}

type outputKind struct {
	Command string `json:"command"`
	Path    string `json:"path"`
	What    string `json:"what"`
}

type commandInfo struct {
	Name string `json:"name"`
	Help string `json:"help"`
	JSON bool   `json:"json"` // has --json
}

// Run lists what there is.
func (c *capabilitiesCommand) Run(t *terminal, app *kong.Kong) error {
	d := capabilities{
		Schema: capabilitiesSchema, Version: programVersion(),
		Inputs: inputFormats(), TransferSyntaxes: append([]dcmtk.Syntax{}, dcmtk.Syntaxes()...),
		Models: embedded(), Precisions: precisions(), Outputs: outputKinds(), Commands: commands(app.Model.Node, ""),
	}
	d.Engine, _ = engineVersion()
	if c.JSON {
		return t.json(d)
	}
	return t.table(d.rows())
}

// inputFormats are those that this build opens.
func inputFormats() []inputFormat {
	var formats []inputFormat
	if len(dcmtk.Syntaxes()) > 0 {
		formats = append(formats, inputFormat{"dicom", "CT Image Storage and Enhanced CT: a file, a folder, a zip, a DICOMDIR or its folder, of one or more studies", true})
	}
	return append(formats,
		inputFormat{"nifti", "NIfTI-1 and NIfTI-2, .nii and .nii.gz, in any order of axes", true},
		inputFormat{"pictures", "PNG and JPEG slices of 8 bits, already windowed: a file, a folder or a zip", false})
}

func embedded() []modelAvailable {
	models := []modelAvailable{}
	for _, part := range []string{classifierPart, segmenterPart} {
		if m, err := network.Default(part); err == nil {
			models = append(models, modelAvailable{"compact", part, m.SHA256})
		}
	}
	return models
}

func precisions() []string {
	return []string{string(network.Auto), string(network.Exact), "f32", "bf16", string(network.Int8)}
}

func outputKinds() []outputKind {
	return []outputKind{
		{"diagnose", report.DiagnosisFile, "the diagnosis, as JSON"},
		{"diagnose", "sheet.png", "the whole study on one sheet"},
		{"diagnose", "slices/NNNN-lesions.png", "a slice with its lesions in outline"},
		{"diagnose", "slices/NNNN-activation.png", "a slice with its activation map"},
		{"diagnose", report.StudiesFile, "what came of each of several studies, each in a folder study-N"},
		{"segment", report.SegmentationFile, "what was measured, as JSON"},
		{"segment", "masks/NNNN.png", "a slice's opacities, 255 where opaque"},
	}
}

// commands lists the commands below a node that can be run.
func commands(node *kong.Node, above string) []commandInfo {
	var all []commandInfo
	for _, n := range node.Children {
		name := strings.TrimSpace(above + " " + n.Name)
		if len(n.Children) > 0 {
			all = append(all, commands(n, name)...)
			continue
		}
		info := commandInfo{Name: name, Help: n.Help}
		for _, f := range n.Flags {
			info.JSON = info.JSON || f.Name == "json"
		}
		all = append(all, info)
	}
	return all
}

func (d capabilities) rows() [][]string {
	rows := [][]string{{"version", d.Version}, {"engine", d.Engine}, {"precisions", strings.Join(d.Precisions, ", ")}}
	for _, f := range d.Inputs {
		rows = append(rows, []string{"reads " + f.Kind, f.What})
	}
	for _, s := range d.TransferSyntaxes {
		how := "not read"
		switch {
		case s.Read && s.Write:
			how = "read and written"
		case s.Read:
			how = "read"
		case s.Write:
			how = "written"
		}
		rows = append(rows, []string{"transfer syntax", s.UID + " " + s.Name + ": " + how})
	}
	for _, m := range d.Models {
		rows = append(rows, []string{"model", m.Name + " " + m.Part + " " + m.SHA256})
	}
	for _, o := range d.Outputs {
		rows = append(rows, []string{"output", o.Command + ": " + o.Path + ": " + o.What})
	}
	for _, c := range d.Commands {
		rows = append(rows, []string{"command", c.Name + ": " + c.Help})
	}
	return rows
}
