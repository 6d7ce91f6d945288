package dcmtk

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// CTImage is one slice to be written as a CT Image Storage object (PS3.3 A.3).
// Texts are ASCII.
type CTImage struct {
	StudyUID, SeriesUID, FrameOfReferenceUID, InstanceUID string

	PatientName, PatientID              string
	StudyDescription, SeriesDescription string
	Manufacturer                        string
	Time                                time.Time // of study, series and content
	SeriesNumber, InstanceNumber        int
	Rows, Columns                       int
	SpacingX, SpacingY                  float64    // mm between columns, between rows
	SliceThickness                      float64    // mm
	Position                            [3]float64 // of the first pixel's centre, LPS mm
	Orientation                         [6]float64 // directions of rows and of columns
	PatientPosition                     string     // HFS where empty
	GantryTilt                          float64    // degrees; left out where 0
	KVP                                 int
	ConvolutionKernel                   string

	HU     []int16 // Rows*Columns; [PaddingHU] where there is none
	Stored Stored  // how they are stored

	// TransferSyntax is the UID of the transfer syntax that the file is written
	// in: one of those written of [Syntaxes], explicit little endian where empty.
	TransferSyntax string
}

// PaddingHU marks pixels of a [CTImage] that are written as pixel padding.
const PaddingHU = math.MinInt16

// Stored says how Hounsfield units become stored values. The zero value is what
// scanners do: unsigned, 1024 above, so that air is stored as 0.
type Stored struct {
	Signed   bool
	Bits     int  // of the 16 of a sample; 16 where 0
	Inverted bool // MONOCHROME1

	// HU = Slope*stored + Intercept. Where Slope is 0 it is 1, or -1 if
	// inverted, and the intercept puts -1024 HU, or 0 if signed, at stored 0;
	// inverted, at the highest stored value, or -1 if signed.
	Slope, Intercept float64

	// PadLow and PadHigh are the first and last stored value of padding,
	// written in turn; both 0 where nothing is padded.
	PadLow, PadHigh int
}

const (
	ctImageStorage = "1.2.840.10008.5.1.4.1.1.2"
	lowestHU       = -1024
)

func (s Stored) orDefaults() Stored {
	if s.Bits == 0 {
		s.Bits = 16
	}
	if s.Slope != 0 {
		return s
	}
	switch {
	case s.Inverted && s.Signed:
		s.Slope, s.Intercept = -1, -1
	case s.Inverted:
		s.Slope, s.Intercept = -1, lowestHU+math.Ldexp(1, s.Bits)-1
	case s.Signed:
		s.Slope, s.Intercept = 1, 0
	default:
		s.Slope, s.Intercept = 1, lowestHU
	}
	return s
}

// rangeOf returns the lowest and the highest stored value.
func (s Stored) rangeOf() (low, high int) {
	if s.Signed {
		return -1 << (s.Bits - 1), 1<<(s.Bits-1) - 1
	}
	return 0, 1<<s.Bits - 1
}

func (s Stored) padded() bool { return s.PadLow != 0 || s.PadHigh != 0 }

// attributes returns what of the Image Pixel and CT Image modules says how
// values are stored.
func (s Stored) attributes() []Attribute {
	representation, photometric := "0", "MONOCHROME2"
	if s.Signed {
		representation = "1"
	}
	if s.Inverted {
		photometric = "MONOCHROME1"
	}
	a := []Attribute{
		text(0x0028, 0x0004, photometric),
		text(0x0028, 0x0100, "16"),
		text(0x0028, 0x0101, strconv.Itoa(s.Bits)),
		text(0x0028, 0x0102, strconv.Itoa(s.Bits-1)),
		text(0x0028, 0x0103, representation),
		text(0x0028, 0x1052, decimal(s.Intercept)),
		text(0x0028, 0x1053, decimal(s.Slope)),
		text(0x0028, 0x1054, "HU"),
	}
	if s.padded() {
		a = append(a, text(0x0028, 0x0120, strconv.Itoa(s.PadLow)))
		if s.PadHigh != s.PadLow {
			a = append(a, text(0x0028, 0x0121, strconv.Itoa(s.PadHigh)))
		}
	}
	return a
}

func text(group, element uint16, value string) Attribute {
	return Attribute{Tag: Tag{group, element}, Text: value}
}

// Attributes returns the modules Patient, General Study, General Series, Frame
// of Reference, General Equipment, General Image, Image Plane, Image Pixel, CT
// Image and SOP Common.
func (im *CTImage) Attributes() []Attribute {
	date, clock := im.Time.Format("20060102"), im.Time.Format("150405")
	a := []Attribute{
		text(0x0008, 0x0005, "ISO_IR 100"),
		text(0x0008, 0x0008, `ORIGINAL\PRIMARY\AXIAL`),
		text(0x0008, 0x0016, ctImageStorage),
		text(0x0008, 0x0018, im.InstanceUID),
		text(0x0008, 0x0020, date),
		text(0x0008, 0x0021, date),
		text(0x0008, 0x0022, date),
		text(0x0008, 0x0023, date),
		text(0x0008, 0x0030, clock),
		text(0x0008, 0x0031, clock),
		text(0x0008, 0x0032, clock),
		text(0x0008, 0x0033, clock),
		text(0x0008, 0x0050, ""), // AccessionNumber
		text(0x0008, 0x0060, "CT"),
		text(0x0008, 0x0070, im.Manufacturer),
		text(0x0008, 0x0090, ""), // ReferringPhysicianName
		text(0x0008, 0x1030, im.StudyDescription),
		text(0x0008, 0x103e, im.SeriesDescription),
		text(0x0010, 0x0010, im.PatientName),
		text(0x0010, 0x0020, im.PatientID),
		text(0x0010, 0x0030, ""),      // PatientBirthDate
		text(0x0010, 0x0040, ""),      // PatientSex
		text(0x0018, 0x0015, "CHEST"), // BodyPartExamined
		text(0x0018, 0x0050, decimal(im.SliceThickness)),
		text(0x0018, 0x0060, strconv.Itoa(im.KVP)),
		text(0x0018, 0x1210, im.ConvolutionKernel),
		text(0x0018, 0x5100, cmp.Or(im.PatientPosition, "HFS")),
		text(0x0020, 0x000d, im.StudyUID),
		text(0x0020, 0x000e, im.SeriesUID),
		text(0x0020, 0x0010, "1"), // StudyID
		text(0x0020, 0x0011, strconv.Itoa(im.SeriesNumber)),
		text(0x0020, 0x0012, "1"), // AcquisitionNumber
		text(0x0020, 0x0013, strconv.Itoa(im.InstanceNumber)),
		text(0x0020, 0x0032, decimal(im.Position[:]...)),
		text(0x0020, 0x0037, decimal(im.Orientation[:]...)),
		text(0x0020, 0x0052, im.FrameOfReferenceUID),
		text(0x0020, 0x1040, ""), // PositionReferenceIndicator
		text(0x0028, 0x0002, "1"),
		text(0x0028, 0x0010, strconv.Itoa(im.Rows)),
		text(0x0028, 0x0011, strconv.Itoa(im.Columns)),
		text(0x0028, 0x0030, decimal(im.SpacingY, im.SpacingX)),
		text(0x0028, 0x1050, "-600"), // WindowCenter
		text(0x0028, 0x1051, "1500"), // WindowWidth
	}
	if im.GantryTilt != 0 {
		a = append(a, text(0x0018, 0x1120, decimal(im.GantryTilt)))
	}
	return append(a, im.Stored.orDefaults().attributes()...)
}

// Samples returns the stored values, 16 bits each, little endian. Hounsfield
// units that do not fit into the stored bits are an error.
func (im *CTImage) Samples() ([]byte, error) {
	if len(im.HU) != im.Rows*im.Columns {
		return nil, fmt.Errorf("dcmtk: CT image of %d x %d pixels has %d values", im.Columns, im.Rows, len(im.HU))
	}
	s := im.Stored.orDefaults()
	if s.Bits < 1 || s.Bits > 16 {
		return nil, fmt.Errorf("dcmtk: CT image of %d bits stored", s.Bits)
	}
	low, high := s.rangeOf()
	b := make([]byte, 2*len(im.HU))
	for i, hu := range im.HU {
		v := int(math.Round((float64(hu) - s.Intercept) / s.Slope))
		switch {
		case hu == PaddingHU && s.padded():
			v = s.PadLow
			if i%2 == 1 {
				v = s.PadHigh
			}
		case s.padded() && s.PadLow <= v && v <= s.PadHigh:
			return nil, fmt.Errorf("dcmtk: CT image holds %d HU, which is stored as padding", hu)
		}
		if v < low || v > high {
			return nil, fmt.Errorf("dcmtk: CT image holds %d HU, which is stored as %d and does not fit into %d to %d", hu, v, low, high)
		}
		binary.LittleEndian.PutUint16(b[2*i:], uint16(v))
	}
	return b, nil
}

// WriteCT returns the slice as a DICOM file.
func (c *Child) WriteCT(im *CTImage) ([]byte, error) {
	samples, err := im.Samples()
	if err != nil {
		return nil, err
	}
	return c.WriteAs(cmp.Or(im.TransferSyntax, ExplicitLittleEndian), im.Attributes(), samples)
}

// decimal writes numbers as DICOM's decimal strings: at most 16 characters each
// (PS3.5 section 6.2).
func decimal(v ...float64) string {
	parts := make([]string, len(v))
	for i, x := range v {
		s := strconv.FormatFloat(x, 'f', -1, 64)
		for digits := 12; len(s) > 16; digits-- {
			s = strconv.FormatFloat(x, 'g', digits, 64)
		}
		parts[i] = s
	}
	return strings.Join(parts, `\`)
}
