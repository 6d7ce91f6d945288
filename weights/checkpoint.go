package weights

import (
	"errors"
	"fmt"
	"io"
)

// CheckpointFormat is how a PyTorch checkpoint is laid out.
type CheckpointFormat string

// The formats of torch.save: a zip archive since PyTorch 1.6, before that
// pickles with the storages behind them.
const (
	ZipCheckpoint    CheckpointFormat = "PyTorch zip"
	LegacyCheckpoint CheckpointFormat = "PyTorch legacy"
)

// Checkpoint is a state dict in a PyTorch checkpoint. Its tensors stay in the
// file until each is read.
type Checkpoint struct {
	Format CheckpointFormat
	// Key leads to the state dict where the file holds other things too, as
	// "state_dict" or "model.state_dict".
	Key     string
	Tensors []*StoredTensor // as they follow each other there
}

// ReadCheckpoint finds the state dict in a PyTorch checkpoint of size bytes,
// which stays open as long as tensors are read.
//
// Nothing in a checkpoint is executed. Its pickle may refer to tensors,
// storages, ordered dicts and a few values that are passed over; one that
// refers to anything else is refused with the name of it. The file's size
// bounds what is read and what reading a tensor allocates: all tensors
// together may not have more elements than the file has bytes, however their
// strides repeat them.
func ReadCheckpoint(r io.ReaderAt, size int64) (*Checkpoint, error) {
	c, err := readCheckpoint(r, size)
	if err != nil {
		return nil, fmt.Errorf("reading a PyTorch checkpoint: %w", err)
	}
	return c, nil
}

func readCheckpoint(r io.ReaderAt, size int64) (*Checkpoint, error) {
	start := make([]byte, min(size, int64(len(legacyMagic))))
	if _, err := r.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var (
		c    Checkpoint
		root any
		err  error
	)
	switch {
	case len(start) > 3 && string(start[:4]) == "PK\x03\x04":
		var archive *zipCheckpoint
		if archive, err = openZip(r, size); err != nil {
			return nil, err
		}
		c.Format = ZipCheckpoint
		if root, err = archive.unpickle(); err != nil {
			return nil, err
		}
		err = c.take(root, size)
		if err == nil {
			err = archive.verify(c.Tensors)
		}
	case string(start) == legacyMagic:
		c.Format = LegacyCheckpoint
		if root, err = readLegacy(r, size); err != nil {
			return nil, err
		}
		err = c.take(root, size)
	default:
		return nil, errors.New("it is neither a zip archive nor a file of torch.save before PyTorch 1.6")
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// take finds the state dict in what the pickle built and holds it against the
// limits.
func (c *Checkpoint) take(root any, size int64) error {
	d, key := findState(root, 0)
	if d == nil {
		return errors.New("it holds no state dict: no dict of tensors, alone or under state_dict, model or the like")
	}
	c.Key = key
	if len(d.keys) > maxTensors {
		return fmt.Errorf("it names more than %d tensors", maxTensors)
	}
	seen := map[string]bool{}
	var elements, read int64
	for i, key := range d.keys {
		name, isText := key.(string)
		stored, isTensor := d.values[i].(*StoredTensor)
		switch {
		case !isText || len(name) > maxName:
			return fmt.Errorf("a name in the state dict is no text of at most %d bytes", maxName)
		case !isTensor:
			return fmt.Errorf("the entry %.80q of the state dict is no tensor", name)
		case seen[name]:
			return fmt.Errorf("the state dict names %.80q twice", name)
		}
		seen[name] = true
		t := *stored // one tensor can have two names
		t.Name = name
		// Neither sum overflows: the terms are bounded first.
		if t.elements() > size-elements {
			return fmt.Errorf("tensor %.80q is %v: more than a file of %d bytes may hold", name, t.Shape, size)
		}
		elements += t.elements()
		read += t.extent() * t.storage.kind.size()
		if read > 4*size {
			return fmt.Errorf("tensor %.80q: the views into the storages reach over much more than the file", name)
		}
		c.Tensors = append(c.Tensors, &t)
	}
	return nil
}

// maxDepth is how deep in a checkpoint a state dict is looked for.
const maxDepth = 3

// findState finds a dict that holds tensors: under one of the usual names, or
// the one given. Dicts may hold themselves, so the depth is bounded.
func findState(v any, depth int) (*dict, string) {
	d, ok := v.(*dict)
	if !ok || depth == maxDepth {
		return nil, ""
	}
	under := map[string]*dict{}
	tensors := false
	for i, key := range d.keys {
		name, _ := key.(string)
		switch value := d.values[i].(type) {
		case *dict:
			if len(name) <= maxName {
				under[name] = value
			}
		case *StoredTensor:
			tensors = true
		}
	}
	for _, name := range []string{
		"state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params",
	} {
		child, ok := under[name]
		if !ok {
			continue
		}
		if found, key := findState(child, depth+1); found != nil {
			if key != "" {
				name += "." + key
			}
			return found, name
		}
	}
	if tensors {
		return d, ""
	}
	return nil, ""
}
