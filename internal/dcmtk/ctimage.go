package dcmtk

import (
	"encoding/binary"
	"fmt"
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
	KVP                                 int
	ConvolutionKernel                   string
	HU                                  []int16 // Rows*Columns, not below -1024
}

const (
	ctImageStorage = "1.2.840.10008.5.1.4.1.1.2"
	// storedOffset is subtracted by the rescale, as scanners do, so that air is
	// stored as 0.
	storedOffset = 1024
)

// Attributes returns the modules Patient, General Study, General Series, Frame
// of Reference, General Equipment, General Image, Image Plane, Image Pixel, CT
// Image and SOP Common, in the order of tags.
func (im *CTImage) Attributes() []Attribute {
	date, clock := im.Time.Format("20060102"), im.Time.Format("150405")
	set := func(group, element uint16, text string) Attribute {
		return Attribute{Tag{group, element}, text}
	}
	return []Attribute{
		set(0x0008, 0x0005, "ISO_IR 100"),
		set(0x0008, 0x0008, `ORIGINAL\PRIMARY\AXIAL`),
		set(0x0008, 0x0016, ctImageStorage),
		set(0x0008, 0x0018, im.InstanceUID),
		set(0x0008, 0x0020, date),
		set(0x0008, 0x0021, date),
		set(0x0008, 0x0022, date),
		set(0x0008, 0x0023, date),
		set(0x0008, 0x0030, clock),
		set(0x0008, 0x0031, clock),
		set(0x0008, 0x0032, clock),
		set(0x0008, 0x0033, clock),
		set(0x0008, 0x0050, ""), // AccessionNumber
		set(0x0008, 0x0060, "CT"),
		set(0x0008, 0x0070, im.Manufacturer),
		set(0x0008, 0x0090, ""), // ReferringPhysicianName
		set(0x0008, 0x1030, im.StudyDescription),
		set(0x0008, 0x103e, im.SeriesDescription),
		set(0x0010, 0x0010, im.PatientName),
		set(0x0010, 0x0020, im.PatientID),
		set(0x0010, 0x0030, ""),      // PatientBirthDate
		set(0x0010, 0x0040, ""),      // PatientSex
		set(0x0018, 0x0015, "CHEST"), // BodyPartExamined
		set(0x0018, 0x0050, decimal(im.SliceThickness)),
		set(0x0018, 0x0060, strconv.Itoa(im.KVP)),
		set(0x0018, 0x1210, im.ConvolutionKernel),
		set(0x0018, 0x5100, "HFS"), // PatientPosition
		set(0x0020, 0x000d, im.StudyUID),
		set(0x0020, 0x000e, im.SeriesUID),
		set(0x0020, 0x0010, "1"), // StudyID
		set(0x0020, 0x0011, strconv.Itoa(im.SeriesNumber)),
		set(0x0020, 0x0012, "1"), // AcquisitionNumber
		set(0x0020, 0x0013, strconv.Itoa(im.InstanceNumber)),
		set(0x0020, 0x0032, decimal(im.Position[:]...)),
		set(0x0020, 0x0037, decimal(im.Orientation[:]...)),
		set(0x0020, 0x0052, im.FrameOfReferenceUID),
		set(0x0020, 0x1040, ""), // PositionReferenceIndicator
		set(0x0028, 0x0002, "1"),
		set(0x0028, 0x0004, "MONOCHROME2"),
		set(0x0028, 0x0010, strconv.Itoa(im.Rows)),
		set(0x0028, 0x0011, strconv.Itoa(im.Columns)),
		set(0x0028, 0x0030, decimal(im.SpacingY, im.SpacingX)),
		set(0x0028, 0x0100, "16"),
		set(0x0028, 0x0101, "16"),
		set(0x0028, 0x0102, "15"),
		set(0x0028, 0x0103, "0"),
		set(0x0028, 0x1050, "-600"), // WindowCenter
		set(0x0028, 0x1051, "1500"), // WindowWidth
		set(0x0028, 0x1052, strconv.Itoa(-storedOffset)),
		set(0x0028, 0x1053, "1"),
		set(0x0028, 0x1054, "HU"),
	}
}

// Samples returns the stored values, little endian.
func (im *CTImage) Samples() ([]byte, error) {
	if len(im.HU) != im.Rows*im.Columns {
		return nil, fmt.Errorf("dcmtk: CT image of %d x %d pixels has %d values", im.Columns, im.Rows, len(im.HU))
	}
	b := make([]byte, 2*len(im.HU))
	for i, hu := range im.HU {
		if hu < -storedOffset {
			return nil, fmt.Errorf("dcmtk: CT image holds %d HU, which is below air", hu)
		}
		binary.LittleEndian.PutUint16(b[2*i:], uint16(int(hu)+storedOffset))
	}
	return b, nil
}

// WriteCT returns the slice as a DICOM file, explicit little endian.
func (c *Child) WriteCT(im *CTImage) ([]byte, error) {
	samples, err := im.Samples()
	if err != nil {
		return nil, err
	}
	return c.Write(im.Attributes(), samples)
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
