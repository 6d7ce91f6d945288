package dcmtk

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// inGroup is an attribute of a functional group: the group's sequence, and the
// attribute in its item.
type inGroup struct{ sequence, tag Tag }

// grouped are the attributes that a child looks up for each frame of a file with
// functional groups (PS3.3 C.7.6.16.2, C.8.15.3), by the standard's keyword.
func grouped() map[string]inGroup {
	measures, transformation := Tag{0x0028, 0x9110}, Tag{0x0028, 0x9145}
	return map[string]inGroup{
		"ImagePositionPatient":    {Tag{0x0020, 0x9113}, Tag{0x0020, 0x0032}},
		"ImageOrientationPatient": {Tag{0x0020, 0x9116}, Tag{0x0020, 0x0037}},
		"PixelSpacing":            {measures, Tag{0x0028, 0x0030}},
		"SliceThickness":          {measures, Tag{0x0018, 0x0050}},
		"RescaleIntercept":        {transformation, Tag{0x0028, 0x1052}},
		"RescaleSlope":            {transformation, Tag{0x0028, 0x1053}},
		"RescaleType":             {transformation, Tag{0x0028, 0x1054}},
		"ImageType":               {Tag{0x0018, 0x9329}, Tag{0x0008, 0x9007}}, // its FrameType
		"ConvolutionKernel":       {Tag{0x0018, 0x9314}, Tag{0x0018, 0x1210}},
	}
}

// Frames returns for how many frames the header has functional groups: 0 for
// classic objects, which have no more than one frame that can be placed.
func (h *Header) Frames() int { return len(h.frames) }

// Frame returns the header of a frame, counted from 0: its functional groups,
// and below them what holds for all frames.
func (h *Header) Frame(i int) *Header {
	values := maps.Clone(h.values)
	maps.Copy(values, h.frames[i])
	return &Header{values: values}
}

// message is a header as a child writes it.
type message struct {
	Values map[string]string   `json:"values"`
	Frames []map[string]string `json:"frames,omitempty"`
}

// encode writes the header for the parent.
func (h *Header) encode() ([]byte, error) { return json.Marshal(message{h.values, h.frames}) }

// decodeHeader reads what a child wrote. Values are kept only for known
// keywords and only if they are short and printable.
func decodeHeader(text []byte) (*Header, error) {
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("header of the child: %w", err)
	}
	known, inGroups := wanted(), grouped()
	h := &Header{values: map[string]string{}}
	for keyword, value := range m.Values {
		if _, ok := known[keyword]; !ok && keyword != transferSyntax {
			return nil, fmt.Errorf("header of the child: unknown attribute")
		}
		if err := keep(h.values, keyword, value); err != nil {
			return nil, err
		}
	}
	for _, values := range m.Frames {
		frame := map[string]string{}
		for keyword, value := range values {
			if _, ok := inGroups[keyword]; !ok {
				return nil, fmt.Errorf("header of the child: unknown attribute of a frame")
			}
			if err := keep(frame, keyword, value); err != nil {
				return nil, err
			}
		}
		h.frames = append(h.frames, frame)
	}
	return h, nil
}

func keep(values map[string]string, keyword, value string) error {
	if len(value) > maxValue {
		return fmt.Errorf("header of the child: %s of %d bytes", keyword, len(value))
	}
	// Values are padded to even length, some with the wrong character.
	values[keyword] = strings.Map(printable, strings.Trim(value, " \x00"))
	return nil
}
