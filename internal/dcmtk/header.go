package dcmtk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Tag names a DICOM attribute.
type Tag struct{ Group, Element uint16 }

func (t Tag) String() string { return fmt.Sprintf("(%04x,%04x)", t.Group, t.Element) }

// Header holds the attributes of a file that this program asks for.
type Header struct {
	values map[string]string
	frames []map[string]string // functional groups; see frames.go
}

// NewHeader returns a header of values by keyword.
func NewHeader(values map[string]string) *Header { return &Header{values: values} }

// transferSyntax is the header's key for the syntax the file came in.
const transferSyntax = "TransferSyntaxUID"

// wanted are the attributes that a child looks up, by the standard's keyword
// (PS3.6). None of them tells who the patient is.
func wanted() map[string]Tag {
	return map[string]Tag{
		"MediaStorageSOPClassUID":    {0x0002, 0x0002},
		"ImageType":                  {0x0008, 0x0008},
		"SOPClassUID":                {0x0008, 0x0016},
		"SOPInstanceUID":             {0x0008, 0x0018},
		"Modality":                   {0x0008, 0x0060},
		"SeriesDescription":          {0x0008, 0x103e},
		"SliceThickness":             {0x0018, 0x0050},
		"ConvolutionKernel":          {0x0018, 0x1210},
		"StudyInstanceUID":           {0x0020, 0x000d},
		"SeriesInstanceUID":          {0x0020, 0x000e},
		"SeriesNumber":               {0x0020, 0x0011},
		"AcquisitionNumber":          {0x0020, 0x0012},
		"ImagePositionPatient":       {0x0020, 0x0032},
		"ImageOrientationPatient":    {0x0020, 0x0037},
		"FrameOfReferenceUID":        {0x0020, 0x0052},
		"TemporalPositionIdentifier": {0x0020, 0x0100},
		"SamplesPerPixel":            {0x0028, 0x0002},
		"PhotometricInterpretation":  {0x0028, 0x0004},
		"NumberOfFrames":             {0x0028, 0x0008},
		"Rows":                       {0x0028, 0x0010},
		"Columns":                    {0x0028, 0x0011},
		"PixelSpacing":               {0x0028, 0x0030},
		"BitsAllocated":              {0x0028, 0x0100},
		"BitsStored":                 {0x0028, 0x0101},
		"HighBit":                    {0x0028, 0x0102},
		"PixelRepresentation":        {0x0028, 0x0103},
		"PixelPaddingValue":          {0x0028, 0x0120},
		"PixelPaddingRangeLimit":     {0x0028, 0x0121},
		"RescaleIntercept":           {0x0028, 0x1052},
		"RescaleSlope":               {0x0028, 0x1053},
		"RescaleType":                {0x0028, 0x1054},
		"LossyImageCompression":      {0x0028, 0x2110},
	}
}

// maxValue is the longest attribute text passed on, in bytes.
const maxValue = 1024

// Text returns an attribute's value by keyword, without padding; empty if it
// is absent or empty.
func (h *Header) Text(keyword string) string { return h.values[keyword] }

// TransferSyntax returns the UID of the transfer syntax the file came in.
func (h *Header) TransferSyntax() string { return h.values[transferSyntax] }

// Floats returns an attribute's numbers; none if it is absent. An error names
// the attribute and never its value.
func (h *Header) Floats(keyword string) ([]float64, error) {
	text := h.values[keyword]
	if text == "" {
		return nil, nil
	}
	var v []float64
	for part := range strings.SplitSeq(text, `\`) {
		f, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%s holds no number", keyword)
		}
		v = append(v, f)
	}
	return v, nil
}

// Int returns an attribute's only number; ok is false if it is absent.
func (h *Header) Int(keyword string) (v int, ok bool, err error) {
	text := h.values[keyword]
	if text == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, false, fmt.Errorf("%s holds no whole number", keyword)
	}
	return int(n), true, nil
}

// printable turns anything but ASCII text into a question mark.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// frameBytes returns how many bytes of samples the header declares for a frame.
func (h *Header) frameBytes() (int64, error) {
	n := int64(1)
	for _, dim := range []struct {
		keyword     string
		least, most int
	}{
		{"Rows", 1, 1<<16 - 1},
		{"Columns", 1, 1<<16 - 1},
		{"SamplesPerPixel", 1, 3},
	} {
		v, _, err := h.Int(dim.keyword)
		if err != nil {
			return 0, err
		}
		if v < dim.least || v > dim.most {
			return 0, fmt.Errorf("%s is out of range", dim.keyword)
		}
		n *= int64(v) // below 2^34
	}
	switch bits, _, err := h.Int("BitsAllocated"); {
	case err != nil:
		return 0, err
	case bits == 8:
		return n, nil
	case bits == 16:
		return 2 * n, nil
	default:
		return 0, fmt.Errorf("BitsAllocated is neither 8 nor 16")
	}
}
