package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (versionCommand) Help() string {
	return `Prints the versions of the program, its engine and its libraries, and the instruction set.

Example: jcs version --json`
}

// versionSchema names the JSON of version.
const versionSchema = "jcs.version/1"

type versionInfo struct {
	Schema         string `json:"schema"`
	Version        string `json:"version"`
	Commit         string `json:"commit,omitempty"`
	Changed        bool   `json:"changed,omitempty"` // since that commit
	Go             string `json:"go"`
	Platform       string `json:"platform"`
	Engine         string `json:"engine"`
	InstructionSet string `json:"instruction_set,omitempty"`
	DCMTK          string `json:"dcmtk,omitempty"`
	OpenJPEG       string `json:"openjpeg,omitempty"`
}

// Run prints the versions.
func (c *versionCommand) Run(ctx context.Context, t *terminal) error {
	d := versionInfo{
		Schema: versionSchema, Version: programVersion(),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	d.Engine, d.InstructionSet = engineVersion()
	d.Commit, d.Changed = commit()
	if child, err := dcmtk.Start(ctx, dcmtk.Limits{}); err == nil {
		d.DCMTK, d.OpenJPEG = child.Version(), child.OpenJPEGVersion()
		if err := child.Close(); err != nil {
			return err
		}
	}
	if c.JSON {
		return t.json(d)
	}
	rows := [][]string{{"jcs", d.Version}}
	if d.Commit != "" {
		text := d.Commit
		if d.Changed {
			text += ", changed since"
		}
		rows = append(rows, []string{"commit", text})
	}
	rows = append(rows, []string{"go", d.Go + " " + d.Platform}, []string{"engine", d.Engine})
	if d.InstructionSet != "" {
		rows = append(rows, []string{"instructions", d.InstructionSet})
	}
	dicom := d.DCMTK
	if dicom == "" {
		dicom = "not in this build: DICOM is not read"
	}
	rows = append(rows, []string{"DCMTK", dicom})
	if d.OpenJPEG != "" {
		rows = append(rows, []string{"OpenJPEG", d.OpenJPEG})
	}
	return t.table(rows)
}

// programVersion is the module's version, "(devel)" for a build of a checkout.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// commit is the one that the program was built from.
func commit() (revision string, changed bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	return revision, changed
}
