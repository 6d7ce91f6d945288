package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Limits on what a header may ask for, far above any network of ours.
const (
	maxHeader  = 8 << 20
	maxTensors = 1 << 16
	maxName    = 1 << 10
	maxAxes    = 8
)

const metadataKey = "__metadata__"

// entry is what a header says of one tensor. Offsets are counted from the end
// of the header.
type entry struct {
	name    string
	DType   DType     `json:"dtype"`
	Shape   []int64   `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// parseHeader reads the JSON of a header whose tensors must fill size bytes at
// most, without holes or overlaps.
func parseHeader(text []byte, size uint64) (map[string]string, []entry, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("the header is not a JSON object")
	}
	var metadata map[string]string
	var entries []entry
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("the header is not JSON: %w", err)
		}
		name, _ := t.(string)
		if seen[name] {
			return nil, nil, fmt.Errorf("the header names %.80q twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("the header's metadata: %w", err)
			}
			continue
		}
		if len(entries) == maxTensors {
			return nil, nil, fmt.Errorf("the header names more than %d tensors", maxTensors)
		}
		e := entry{name: name}
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("the header's entry for %.80q: %w", name, err)
		}
		if err := e.check(size); err != nil {
			return nil, nil, fmt.Errorf("tensor %.80q: %w", name, err)
		}
		entries = append(entries, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, fmt.Errorf("the header is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, errors.New("the header goes on after its end")
	}
	return metadata, entries, checkLayout(entries)
}

// check holds an entry against its own type and shape.
func (e entry) check(size uint64) error {
	width := uint64(e.DType.size())
	if width == 0 {
		return fmt.Errorf("type %.20q is not read (F32, F16, BF16 and I64 are)", e.DType)
	}
	if len(e.name) > maxName {
		return fmt.Errorf("the name is longer than %d bytes", maxName)
	}
	if len(e.Shape) > maxAxes {
		return fmt.Errorf("it has %d axes, more than %d", len(e.Shape), maxAxes)
	}
	elements := uint64(1)
	for _, n := range e.Shape {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("an axis is %d long", n)
		}
		if n > 0 && elements > size/uint64(n) {
			return fmt.Errorf("shape %v is larger than the file may be", e.Shape)
		}
		elements *= uint64(n)
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if to < from || to > size {
		return fmt.Errorf("data from %d to %d lies outside the file (limit %d)", from, to, size)
	}
	if to-from != elements*width {
		return fmt.Errorf("shape %v of %s needs %d bytes, the header gives %d", e.Shape, e.DType, elements*width, to-from)
	}
	return nil
}

// checkLayout wants the data of all tensors to lie end to end from 0.
func checkLayout(entries []entry) error {
	at := uint64(0)
	for _, e := range byOffset(entries) {
		switch {
		case e.Offsets[0] < at:
			return fmt.Errorf("tensor %.80q overlaps another one", e.name)
		case e.Offsets[0] > at:
			return fmt.Errorf("there is a hole before tensor %.80q", e.name)
		}
		at = e.Offsets[1]
	}
	return nil
}

func byOffset(entries []entry) []entry {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b entry) int {
		for i := range a.Offsets {
			if a.Offsets[i] != b.Offsets[i] {
				if a.Offsets[i] < b.Offsets[i] {
					return -1
				}
				return 1
			}
		}
		return 0
	})
	return sorted
}
