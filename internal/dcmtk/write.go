package dcmtk

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Attribute is one attribute of a file to be written: its values as text,
// separated by backslashes, or the items of a sequence.
type Attribute struct {
	Tag   Tag
	Text  string        `json:",omitempty"`
	Items [][]Attribute `json:",omitempty"`
}

// writing is what [Child.WriteAs] sends before the samples.
type writing struct {
	Syntax     string
	Attributes []Attribute
}

// encodeWrite packs a request to write: the length of the text, the text, the
// samples.
func encodeWrite(w writing, samples []byte) ([]byte, error) {
	if len(samples)%2 != 0 {
		return nil, fmt.Errorf("dcmtk: %d bytes are no samples of 16 bits", len(samples))
	}
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("dcmtk: pack attributes: %w", err)
	}
	b := make([]byte, 0, 4+len(text)+len(samples))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = append(b, text...)
	return append(b, samples...), nil
}

func decodeWrite(b []byte) (w writing, samples []byte, err error) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return writing{}, nil, fmt.Errorf("request to write is cut short")
	}
	n := 4 + int(binary.LittleEndian.Uint32(b))
	if err := json.Unmarshal(b[4:n], &w); err != nil {
		return writing{}, nil, fmt.Errorf("attributes to write: %w", err)
	}
	return w, b[n:], nil
}
