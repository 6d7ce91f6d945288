package dcmtk

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Attribute is one attribute of a file to be written, its values as text and
// separated by backslashes.
type Attribute struct {
	Tag  Tag
	Text string
}

// encodeWrite packs what [Child.Write] sends: the length of the attributes, the
// attributes, the samples.
func encodeWrite(attributes []Attribute, samples []byte) ([]byte, error) {
	if len(samples)%2 != 0 {
		return nil, fmt.Errorf("dcmtk: %d bytes are no samples of 16 bits", len(samples))
	}
	text, err := json.Marshal(attributes)
	if err != nil {
		return nil, fmt.Errorf("dcmtk: pack attributes: %w", err)
	}
	b := make([]byte, 0, 4+len(text)+len(samples))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = append(b, text...)
	return append(b, samples...), nil
}

func decodeWrite(b []byte) (attributes []Attribute, samples []byte, err error) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, fmt.Errorf("request to write is cut short")
	}
	n := 4 + int(binary.LittleEndian.Uint32(b))
	if err := json.Unmarshal(b[4:n], &attributes); err != nil {
		return nil, nil, fmt.Errorf("attributes to write: %w", err)
	}
	return attributes, b[n:], nil
}
