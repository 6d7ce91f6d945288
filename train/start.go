package train

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// Start names the file that training started from, for the manifest.
type Start struct {
	File    string   `json:"file"`
	SHA256  string   `json:"sha256"`
	Taken   []string `json:"taken"`             // tensors, by their names in the network
	Renewed []string `json:"renewed,omitempty"` // tensors of the network that were initialised anew
}

// maxStart is the size of the largest start file that is read.
const maxStart = 4 << 30

// startWeights are fresh weights, with what the start file has for them.
func (c Config) startWeights(plan network.Plan) (nn.Weights, *Start, error) {
	w, err := plan.Initial(c.Seed)
	if err != nil || c.Start == "" {
		return w, nil, err
	}
	data, err := os.ReadFile(c.Start)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the start weights: %w", err)
	}
	s := &Start{File: filepath.Base(c.Start)}
	if s.SHA256, err = weights.Digest(bytes.NewReader(data)); err != nil {
		return nil, nil, err
	}
	f, err := weights.Read(bytes.NewReader(data), maxStart)
	if err != nil {
		return nil, nil, fmt.Errorf("start weights %s: %w", c.Start, err)
	}
	given, err := named(f)
	if err != nil {
		return nil, nil, fmt.Errorf("start weights %s: %w", c.Start, err)
	}
	for name, t := range w {
		if strings.HasSuffix(name, "num_batches_tracked") {
			continue // a counter that nothing needs
		}
		from, ok := given[name]
		if !ok || !from.Shape.Equal(t.Shape) {
			s.Renewed = append(s.Renewed, name)
			continue
		}
		w[name] = nn.Tensor{Shape: t.Shape, Data: slices.Clone(from.Data)}
		s.Taken = append(s.Taken, name)
	}
	if len(s.Taken) == 0 {
		return nil, nil, fmt.Errorf("start weights %s: no tensor fits the %s by name and shape", c.Start, plan.Name)
	}
	slices.Sort(s.Taken)
	slices.Sort(s.Renewed)
	return w, s, nil
}

// named are a file's tensors under the network's names: Keras' MobileNet is
// converted, anything else has them already.
func named(f *weights.File) (nn.Weights, error) {
	if _, keras := f.Tensors["conv_pw_1/kernel"]; keras {
		return network.ImportMobileNet(f)
	}
	w := nn.Weights{}
	for name, t := range f.Tensors {
		w[strings.TrimPrefix(name, weightsPrefix)] = nn.Tensor{Shape: t.Shape, Data: t.Data}
	}
	return w, nil
}
