package dcmtk

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const enhancedCTImageStorage = "1.2.840.10008.5.1.4.1.1.2.1"

// EnhancedCT is an Enhanced CT Image Storage object (PS3.3 A.38) to be written: its
// UID, and its frames in their order. All that is not of a frame is the first
// frame's; sizes, spacing and how values are stored must be alike. Of the functional
// groups, those are written that a reader of voxels needs, with Frame Content, Frame
// Anatomy and Frame VOI LUT; those that tell of a scan's table, geometry and dose
// are left out.
type EnhancedCT struct {
	InstanceUID string
	Frames      []*CTImage
}

// Samples returns the stored values of all frames, one after the other.
func (e *EnhancedCT) Samples() ([]byte, error) {
	if len(e.Frames) == 0 {
		return nil, errors.New("dcmtk: an enhanced CT without frames")
	}
	first := e.Frames[0]
	samples := make([]byte, 0, 2*len(e.Frames)*first.Rows*first.Columns)
	for i, f := range e.Frames {
		if f.Rows != first.Rows || f.Columns != first.Columns || f.SpacingX != first.SpacingX || f.SpacingY != first.SpacingY || f.Stored != first.Stored {
			return nil, fmt.Errorf("dcmtk: frame %d of an enhanced CT is unlike the first", i+1)
		}
		s, err := f.Samples()
		if err != nil {
			return nil, err
		}
		samples = append(samples, s...)
	}
	return samples, nil
}

// WriteEnhancedCT returns the object as a DICOM file, in the transfer syntax of its
// first frame.
func (c *Child) WriteEnhancedCT(e *EnhancedCT) ([]byte, error) {
	samples, err := e.Samples()
	if err != nil {
		return nil, err
	}
	return c.WriteAs(cmp.Or(e.Frames[0].TransferSyntax, ExplicitLittleEndian), e.Attributes(), samples)
}

// ofFrames are the attributes of a classic image that an enhanced one has in
// functional groups, or in another form.
func ofFrames() []Tag {
	return []Tag{
		{0x0008, 0x0008}, {0x0008, 0x0016}, {0x0008, 0x0018}, {0x0018, 0x0050}, {0x0018, 0x0060}, {0x0018, 0x1120}, {0x0018, 0x1210},
		{0x0020, 0x0013}, {0x0020, 0x0032}, {0x0020, 0x0037}, {0x0028, 0x0030},
		{0x0028, 0x1050}, {0x0028, 0x1051}, {0x0028, 0x1052}, {0x0028, 0x1053}, {0x0028, 0x1054},
	}
}

func sequence(group, element uint16, items ...[]Attribute) Attribute {
	return Attribute{Tag: Tag{group, element}, Items: items}
}

// Attributes returns those of the whole object.
func (e *EnhancedCT) Attributes() []Attribute {
	instance, frames, first := e.InstanceUID, e.Frames, e.Frames[0]
	a := slices.DeleteFunc(first.Attributes(), func(x Attribute) bool { return slices.Contains(ofFrames(), x.Tag) })
	organisation := UID("dimensions", instance)
	moment := first.Time.Format("20060102150405")
	a = append(a,
		text(0x0008, 0x0008, `ORIGINAL\PRIMARY\VOLUME\NONE`),
		text(0x0008, 0x0016, enhancedCTImageStorage),
		text(0x0008, 0x0018, instance),
		text(0x0008, 0x002a, moment),       // AcquisitionDateTime
		text(0x0008, 0x1090, "phantom"),    // ManufacturerModelName
		text(0x0008, 0x9205, "MONOCHROME"), // PixelPresentation
		text(0x0008, 0x9206, "VOLUME"),     // VolumetricProperties
		text(0x0008, 0x9207, "NONE"),       // VolumeBasedCalculationTechnique
		text(0x0018, 0x1000, "0"),          // DeviceSerialNumber
		text(0x0018, 0x1020, "0"),          // SoftwareVersions
		text(0x0018, 0x9004, "RESEARCH"),   // ContentQualification
		text(0x0018, 0x9073, "1"),          // AcquisitionDuration
		text(0x0020, 0x0013, "1"),
		sequence(0x0020, 0x9221, []Attribute{text(0x0020, 0x9164, organisation)}),
		sequence(0x0020, 0x9222,
			dimension(organisation, "(0020,9056)", "(0020,9111)"), // StackID
			dimension(organisation, "(0020,9057)", "(0020,9111)"), // InStackPositionNumber
		),
		text(0x0028, 0x0008, strconv.Itoa(len(frames))),
		text(0x0028, 0x0301, "NO"), // BurnedInAnnotation
		text(0x0028, 0x2110, "00"), // LossyImageCompression
		text(0x2050, 0x0020, "IDENTITY"),
		sequence(0x5200, 0x9229, sharedGroups(first)),
	)
	var groups [][]Attribute
	for _, f := range frames {
		groups = append(groups, frameGroups(f, moment))
	}
	return append(a, sequence(0x5200, 0x9230, groups...))
}

// dimension is an index by which frames are told apart (PS3.3 C.7.6.17): an
// attribute, and the group that it is in.
func dimension(organisation, pointer, group string) []Attribute {
	return []Attribute{text(0x0020, 0x9164, organisation), text(0x0020, 0x9165, pointer), text(0x0020, 0x9167, group)}
}

// sharedGroups are what all frames have in common: Pixel Measures, Plane
// Orientation, Frame Anatomy, Frame VOI LUT, Pixel Value Transformation, CT Image
// Frame Type and CT Reconstruction.
func sharedGroups(im *CTImage) []Attribute {
	stored := im.Stored.orDefaults()
	return []Attribute{
		sequence(0x0028, 0x9110, []Attribute{text(0x0018, 0x0050, decimal(im.SliceThickness)), text(0x0028, 0x0030, decimal(im.SpacingY, im.SpacingX))}),
		sequence(0x0020, 0x9116, []Attribute{text(0x0020, 0x0037, decimal(im.Orientation[:]...))}),
		sequence(0x0020, 0x9071, []Attribute{
			sequence(0x0008, 0x2218, []Attribute{text(0x0008, 0x0100, "51185008"), text(0x0008, 0x0102, "SCT"), text(0x0008, 0x0104, "Thorax")}),
			text(0x0020, 0x9072, "B"), // FrameLaterality
		}),
		sequence(0x0028, 0x9132, []Attribute{text(0x0028, 0x1050, "-600"), text(0x0028, 0x1051, "1500")}),
		sequence(0x0028, 0x9145, []Attribute{text(0x0028, 0x1052, decimal(stored.Intercept)), text(0x0028, 0x1053, decimal(stored.Slope)), text(0x0028, 0x1054, "HU")}),
		sequence(0x0018, 0x9329, []Attribute{
			text(0x0008, 0x9007, `ORIGINAL\PRIMARY\VOLUME\NONE`), text(0x0008, 0x9205, "MONOCHROME"), text(0x0008, 0x9206, "VOLUME"), text(0x0008, 0x9207, "NONE"),
		}),
		sequence(0x0018, 0x9314, []Attribute{text(0x0018, 0x1210, im.ConvolutionKernel)}),
	}
}

// frameGroups are those of one frame: Frame Content and Plane Position. Frames
// stand in one stack, in the order of their instance numbers.
func frameGroups(im *CTImage, moment string) []Attribute {
	return []Attribute{
		sequence(0x0020, 0x9111, []Attribute{
			text(0x0018, 0x9074, moment), // FrameAcquisitionDateTime
			text(0x0018, 0x9151, moment), // FrameReferenceDateTime
			text(0x0018, 0x9220, "1"),    // FrameAcquisitionDuration
			text(0x0020, 0x9056, "1"),    // StackID
			text(0x0020, 0x9057, strconv.Itoa(im.InstanceNumber)),
			text(0x0020, 0x9156, "1"), // FrameAcquisitionNumber
			text(0x0020, 0x9157, `1\`+strconv.Itoa(im.InstanceNumber)),
		}),
		sequence(0x0020, 0x9113, []Attribute{text(0x0020, 0x0032, decimal(im.Position[:]...))}),
	}
}
