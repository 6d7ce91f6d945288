package train

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/jcs-ct/jcs/dataset"
)

// ManifestSchema names the JSON form of a Manifest.
const ManifestSchema = "jcs.manifest/1"

// Manifest says in a model's file how its weights came about.
type Manifest struct {
	Schema     string       `json:"schema"`
	Date       string       `json:"date,omitempty"`
	Version    string       `json:"jcs,omitempty"`
	Go         string       `json:"go"`
	Config     Config       `json:"config"`
	ConfigSHA  string       `json:"config_sha256"`
	Seed       uint64       `json:"seed"`
	Step       int          `json:"step"`
	Start      *Start       `json:"start,omitempty"`
	Data       DataManifest `json:"data"`
	Validation []Figures    `json:"validation"`
	Score      float64      `json:"score"`
}

// DataManifest names the data by digests and counts.
type DataManifest struct {
	TrainSHA      string                    `json:"train_sha256"`
	ValidationSHA string                    `json:"validation_sha256"`
	Slices        map[string]map[string]int `json:"slices"` // by source and part
	HeldOut       map[string][]string       `json:"groups_not_trained_on"`
}

// describeData counts the items and lists the groups kept from training.
func describeData(items []dataset.Item) DataManifest {
	m := DataManifest{Slices: map[string]map[string]int{}, HeldOut: map[string][]string{}}
	seen := map[[2]string]bool{}
	for _, it := range items {
		if m.Slices[it.Source] == nil {
			m.Slices[it.Source] = map[string]int{}
		}
		m.Slices[it.Source][it.Part.String()]++
		if k := [2]string{it.Source, it.Group}; it.Part != dataset.Train && !seen[k] {
			seen[k] = true
			m.HeldOut[it.Source] = append(m.HeldOut[it.Source], it.Group+": "+it.Part.String())
		}
	}
	return m
}

func (r *run) manifest(figures []Figures, score float64) (json.RawMessage, error) {
	text, err := json.Marshal(Manifest{
		Schema: ManifestSchema, Date: r.options.Date, Version: r.options.Version, Go: runtime.Version(),
		Config: r.config, ConfigSHA: r.config.digest, Seed: r.config.Seed, Step: r.progress.Step,
		Start: r.progress.Start, Data: r.data, Validation: figures, Score: score,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return text, nil
}
