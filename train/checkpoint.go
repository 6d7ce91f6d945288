package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// What a checkpoint's tensors are, by the beginnings of their names.
const (
	weightsPrefix   = "weights/"
	optimiserPrefix = "optimiser/"
	averagePrefix   = "average/"
	progressKey     = "jcs.progress"
)

// progress is where a run stands, beside its tensors.
type progress struct {
	Step     int     `json:"step"`  // steps that are done
	Noted    int     `json:"noted"` // the last of them that has a row in the metrics
	Best     float64 `json:"best"`
	BestStep int     `json:"best_step"` // 0: none yet
	Config   string  `json:"config_sha256"`
	Data     string  `json:"data_sha256"`
	// What has been summed up since the last row of the metrics.
	Rows    int    `json:"rows"`
	Window  window `json:"window"`
	Skipped int    `json:"skipped"` // steps left out for a gradient that was not finite
	Start   *Start `json:"start,omitempty"`
}

// window sums losses between two rows of the metrics.
type window struct {
	Steps int     `json:"steps"`
	Mask  float64 `json:"mask"`
	Class float64 `json:"class"`
	Norm  float64 `json:"norm"`
}

// checkpoint is everything that a run needs to go on bit for bit.
type checkpoint struct {
	progress  progress
	weights   nn.Weights
	optimiser map[string][]float32
	average   map[string][]float32
}

// save writes the checkpoint whole or not at all.
func (c checkpoint) save(path string) error {
	f := weights.NewFile()
	text, err := json.Marshal(c.progress)
	if err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	f.Metadata[progressKey] = string(text)
	for _, name := range slices.Sorted(maps.Keys(c.weights)) {
		t := c.weights[name]
		err = errors.Join(err, f.Add(weightsPrefix+name, weights.Tensor{Shape: t.Shape, Data: t.Data, DType: weights.F32}))
	}
	for prefix, state := range map[string]map[string][]float32{optimiserPrefix: c.optimiser, averagePrefix: c.average} {
		for name, data := range state {
			err = errors.Join(err, f.Add(prefix+name, weights.Tensor{Shape: []int{len(data)}, Data: data, DType: weights.F32}))
		}
	}
	slices.Sort(f.Order)
	if err == nil {
		err = writeWhole(path, func(w io.Writer) error { return weights.Write(w, f, weights.F32) })
	}
	if err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	return nil
}

// loadCheckpoint reads what save wrote.
func loadCheckpoint(path string) (checkpoint, error) {
	file, err := os.Open(path)
	if err != nil {
		return checkpoint{}, fmt.Errorf("opening the checkpoint to go on from: %w", err)
	}
	defer file.Close()
	f, err := weights.Read(file, maxStart)
	if err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	c := checkpoint{weights: nn.Weights{}, optimiser: map[string][]float32{}, average: map[string][]float32{}}
	if err := json.Unmarshal([]byte(f.Metadata[progressKey]), &c.progress); err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint %s has no record of its progress: %w", path, err)
	}
	for name, t := range f.Tensors {
		switch {
		case strings.HasPrefix(name, weightsPrefix):
			c.weights[name[len(weightsPrefix):]] = nn.Tensor{Shape: t.Shape, Data: t.Data}
		case strings.HasPrefix(name, optimiserPrefix):
			c.optimiser[name[len(optimiserPrefix):]] = t.Data
		case strings.HasPrefix(name, averagePrefix):
			c.average[name[len(averagePrefix):]] = t.Data
		}
	}
	return c, nil
}

// writeWhole writes a file under a temporary name, makes sure that it is on
// the disk, and renames it, so that a half-written one is never seen.
func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once renamed
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
