package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/network"
)

// modelFlags choose the networks and how they are run.
type modelFlags struct {
	Model     string `default:"compact" placeholder:"compact|FILE|DIR" help:"The embedded models (compact), one model file, which takes the place of the embedded one of its kind, or a folder with classifier.safetensors and segmenter.safetensors."`
	Precision string `default:"auto" enum:"auto,exact,f32,bf16,int8" help:"Arithmetic: auto (the fastest that the model's record allows), exact (direct f32: the same bits every time), f32, bf16 or int8."`
	Threads   int    `default:"0" help:"Threads of the engine; 0 for all processors."`
}

// The two parts of a model.
const (
	classifierPart = "classifier"
	segmenterPart  = "segmenter"
)

// options are those of the engine.
func (f modelFlags) options(t *terminal) (network.Options, error) {
	if f.Threads < 0 {
		return network.Options{}, usage("--threads must not be below 0")
	}
	o := network.Options{Precision: network.Precision(f.Precision), Threads: f.Threads}
	if o.Precision != network.Exact {
		o.Timings = t.openTimings()
	}
	return o, nil
}

// load reads the parts of the model that are asked for.
func (f modelFlags) load(parts ...string) (diagnose.Models, error) {
	m := diagnose.Models{Name: f.Model}
	info, err := os.Stat(f.Model)
	switch {
	case f.Model == "compact":
		return m, f.fill(&m, parts, network.Default)
	case f.Model == "full":
		return m, usage("no weights of the full networks come with jcs: give --model the file or folder of some that were trained")
	case errors.Is(err, fs.ErrNotExist):
		return m, usage("--model %s: there is no such file or folder", f.Model)
	case err != nil:
		return m, usage("--model: %w", err)
	case info.IsDir():
		m.Name = filepath.Base(filepath.Clean(f.Model))
		return m, f.fill(&m, parts, func(part string) (*network.Model, error) {
			return network.Load(filepath.Join(f.Model, part+".safetensors"))
		})
	}
	one, err := network.Load(f.Model)
	if err != nil {
		return m, usageError{err}
	}
	m.Name = strings.TrimSuffix(filepath.Base(f.Model), ".safetensors")
	return m, f.fill(&m, parts, func(part string) (*network.Model, error) {
		if serves(one, part) {
			return one, nil
		}
		return network.Default(part)
	})
}

// serves reports whether a model can be a part.
func serves(m *network.Model, part string) bool {
	if part == segmenterPart {
		return m.Plan.Kind != network.ClassifierKind
	}
	return len(m.Plan.Classes) > 0
}

func (f modelFlags) fill(m *diagnose.Models, parts []string, load func(part string) (*network.Model, error)) error {
	for _, part := range parts {
		one, err := load(part)
		switch {
		case errors.Is(err, fs.ErrNotExist) && f.Model == "compact":
			return fmt.Errorf("this build of jcs has no embedded %s: give --model a file: %w", part, err)
		case err != nil:
			return usageError{err}
		case !serves(one, part):
			return usage("--model %s: the %s in it is no %s", f.Model, one.Plan.Name, part)
		case f.Precision == string(network.Int8) && one.Record == nil:
			return usage("--precision int8: the %s was never calibrated for int8: calibrate it with jcs model calibrate, or take another precision", one.Plan.Name)
		case part == classifierPart:
			m.Classifier = one
		default:
			m.Segmenter = one
		}
	}
	return nil
}
