package network

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// saveWhole fills a file by a function, whole or not at all.
func saveWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("saving a model: %w", err)
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
	if err != nil {
		return fmt.Errorf("saving a model to %s: %w", path, err)
	}
	return nil
}
