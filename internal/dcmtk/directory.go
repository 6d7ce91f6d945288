package dcmtk

import (
	"encoding/json"
	"fmt"
	"strings"
)

// decodeReferences reads what a child wrote of a DICOMDIR.
func decodeReferences(text []byte) ([][]string, error) {
	var paths []string
	if err := json.Unmarshal(text, &paths); err != nil {
		return nil, fmt.Errorf("references of the child: %w", err)
	}
	references := make([][]string, len(paths))
	for i, p := range paths {
		for part := range strings.SplitSeq(p, `\`) {
			references[i] = append(references[i], strings.Trim(part, " \x00")) // padded to even length
		}
	}
	return references, nil
}
