package network

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// Metadata keys of a model's safetensors file.
const (
	planKey     = "jcs.plan"
	manifestKey = "jcs.manifest"
	recordKey   = "jcs.precision"
)

// maxModel is the size of the largest model file that is read.
const maxModel = 4 << 30

// Model is a network with its weights, as it is kept in one safetensors file.
type Model struct {
	Plan Plan
	// Weights are nil once they were spent: see Options.Spend.
	Weights nn.Weights
	// Manifest says where the weights come from: configuration, seeds, digests
	// of the data, figures. It is one JSON object, or empty.
	Manifest json.RawMessage
	// Record says which reduced precisions were tried and what came of it; nil
	// where none were.
	Record *PrecisionRecord
	// SHA256 is the digest of the file that the model was read from or saved to.
	SHA256 string

	again   func() (nn.Weights, error) // reads weights that were spent once more
	reading sync.Mutex
}

// Read reads a model of at most limit bytes. The file must hold a plan and
// exactly the plan's tensors, all of them finite.
func Read(r io.Reader, limit int64) (*Model, error) {
	digest := sha256.New()
	f, err := weights.Read(io.TeeReader(r, digest), limit)
	if err != nil {
		return nil, err
	}
	text, ok := f.Metadata[planKey]
	if !ok {
		return nil, errors.New("the file holds tensors but no plan: it is not a model of jcs")
	}
	m := &Model{SHA256: hex.EncodeToString(digest.Sum(nil))}
	if m.Plan, err = ParsePlan([]byte(text)); err != nil {
		return nil, err
	}
	if manifest := f.Metadata[manifestKey]; manifest != "" {
		if !json.Valid([]byte(manifest)) {
			return nil, errors.New("the model's manifest is not JSON")
		}
		m.Manifest = json.RawMessage(manifest)
	}
	if record := f.Metadata[recordKey]; record != "" {
		if m.Record, err = parsePrecisionRecord([]byte(record)); err != nil {
			return nil, err
		}
	}
	if m.Weights, err = m.Plan.take(f); err != nil {
		return nil, err
	}
	return m, nil
}

// take makes weights of a file's tensors, which must be those of the plan.
func (p Plan) take(f *weights.File) (nn.Weights, error) {
	all, err := p.Parameters()
	if err != nil {
		return nil, err
	}
	var state []nn.Parameter
	for _, name := range f.Order {
		state = append(state, nn.Parameter{Name: name, Shape: f.Tensors[name].Shape})
	}
	if differs := p.mismatch(all, state); differs != nil {
		return nil, differs
	}
	w := nn.Weights{}
	for _, q := range all {
		t := nn.Tensor{Shape: q.Shape, Data: f.Tensors[q.Name].Data}
		if _, ok := f.Tensors[q.Name]; !ok { // a counter
			t = nn.NewTensor(q.Shape...)
		}
		if !finite(t.Data) {
			return nil, fmt.Errorf("tensor %q holds a value that is not finite", q.Name)
		}
		w[q.Name] = t
	}
	return w, nil
}

// Load reads a model from a file.
func Load(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the model: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the model: %w", err)
	}
	m, err := Read(f, min(info.Size(), maxModel))
	if err != nil {
		return nil, fmt.Errorf("reading the model %s: %w", path, err)
	}
	digest := m.SHA256
	m.again = func() (nn.Weights, error) {
		again, err := Load(path)
		if err == nil && again.SHA256 != digest {
			err = fmt.Errorf("the model %s was changed while it was in use", path)
		}
		if err != nil {
			return nil, err
		}
		return again.Weights, nil
	}
	return m, nil
}

// Default is an embedded model: "classifier" or "segmenter".
func Default(name string) (*Model, error) {
	file, err := weights.Embedded(name)
	if err != nil {
		return nil, err
	}
	m, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded model %q: %w", name, err)
	}
	m.again = func() (nn.Weights, error) {
		again, err := Default(name)
		if err != nil {
			return nil, err
		}
		return again.Weights, nil
	}
	return m, nil
}

// Untrained is a model with random weights: see [Plan.Initial].
func Untrained(p Plan, seed uint64) (*Model, error) {
	m := &Model{Plan: p, again: func() (nn.Weights, error) { return p.Initial(seed) }}
	var err error
	m.Weights, err = m.again()
	return m, err
}

// giveWeights returns the weights to compile with. They may be spent where that
// is asked for and the model knows where to read them again: then it keeps none.
func (m *Model) giveWeights(spend bool) (w nn.Weights, spent bool, err error) {
	m.reading.Lock()
	defer m.reading.Unlock()
	w, spent = m.Weights, spend && m.again != nil
	if w == nil && m.again == nil {
		return nil, false, fmt.Errorf("the %s has no weights", m.Plan.Name)
	}
	if w == nil {
		if w, err = m.again(); err != nil {
			return nil, false, err
		}
	}
	m.Weights = w
	if spent {
		m.Weights = nil
	}
	return w, spent, nil
}

// Write writes the model. Convolutions and linear layers are kept as d; biases
// and batch norms, which are few and matter, always as float32. Batch norms are
// not folded, so that a written model can be trained on.
func (m *Model) Write(w io.Writer, d weights.DType) error {
	f := weights.NewFile()
	plan, err := json.Marshal(m.Plan)
	if err != nil {
		return fmt.Errorf("writing a model: %w", err)
	}
	f.Metadata[planKey] = string(plan)
	if len(m.Manifest) > 0 {
		f.Metadata[manifestKey] = string(m.Manifest)
	}
	if m.Record != nil {
		record, err := json.Marshal(m.Record)
		if err != nil {
			return fmt.Errorf("writing a model: %w", err)
		}
		f.Metadata[recordKey] = string(record)
	}
	all, err := m.Plan.Parameters()
	if err != nil {
		return fmt.Errorf("writing a model: %w", err)
	}
	for _, q := range all {
		t, err := m.stored(q)
		if err != nil {
			return fmt.Errorf("writing a model: %w", err)
		}
		if err := f.Add(q.Name, t); err != nil {
			return fmt.Errorf("writing a model: %w", err)
		}
	}
	return weights.Write(w, f, d)
}

func (m *Model) stored(q nn.Parameter) (weights.Tensor, error) {
	t, ok := m.Weights[q.Name]
	switch {
	case strings.HasSuffix(q.Name, batchCounter):
		if !ok {
			t = nn.NewTensor()
		}
		return weights.Tensor{Shape: t.Shape, Data: t.Data, DType: weights.I64}, nil
	case !ok || !t.Shape.Equal(q.Shape):
		return weights.Tensor{}, fmt.Errorf("parameter %q is %v in the weights, %v in the network", q.Name, t.Shape, q.Shape)
	case len(t.Shape) < 2:
		return weights.Tensor{Shape: t.Shape, Data: t.Data, DType: weights.F32}, nil
	}
	return weights.Tensor{Shape: t.Shape, Data: t.Data}, nil
}

// Save writes the model to a file, whole or not at all, and sets SHA256.
func (m *Model) Save(path string, d weights.DType) error {
	digest := sha256.New()
	err := saveWhole(path, func(w io.Writer) error { return m.Write(io.MultiWriter(w, digest), d) })
	if err != nil {
		return err
	}
	m.SHA256 = hex.EncodeToString(digest.Sum(nil))
	return nil
}
