package weights

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed default
var defaults embed.FS

// Embedded is the safetensors file of an embedded model, named without its
// ending ("classifier"). Its error wraps fs.ErrNotExist where the program was
// built without that model.
func Embedded(name string) ([]byte, error) {
	b, err := defaults.ReadFile("default/" + name + ".safetensors")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this program was built without the embedded model %q, give a model file instead: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the embedded model %q: %w", name, err)
	}
	return b, nil
}
