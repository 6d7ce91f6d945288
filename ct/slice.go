package ct

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// slice is what the header of a CT slice says.
type slice struct {
	entry                   entry  // of a frame, its name says so
	file                    string // the file's name
	number                  int    // of the frame, from 1; 0 where the file has one
	instance, series, study string
	frame                   string // of reference
	rows, columns           int
	position                [3]float64
	rowDirection            [3]float64 // of increasing column index
	columnDirection         [3]float64 // of increasing row index
	placed                  bool       // position and directions are known
	spacingX, spacingY      float64    // between columns, between rows; 0 if unknown
	thickness               float64    // 0 if unknown
	along                   float64    // position along the normal
	lossy, noPhotometric    bool
	deflated                bool // the file
	missing                 bool // there is no file: to be made of its neighbours

	// What tells scans of the same place apart, as in the file.
	acquisition, time, imageType, kernel string
}

// phrase is an error that becomes part of a refusal's sentence.
func phrase(format string, args ...any) error { return fmt.Errorf(format, args...) }

func (s *slice) refuse(code, problem, advice string) error {
	return refuse(code, "%s cannot be used: %s; %s", s.entry.name, problem, advice)
}

// newSlice reads a header. Its errors are refusals.
func newSlice(o object) (*slice, error) {
	h := o.header
	s := &slice{
		entry:    o.entry,
		file:     o.file,
		number:   o.frame,
		instance: h.Text("SOPInstanceUID"),
		series:   h.Text("SeriesInstanceUID"),
		study:    h.Text("StudyInstanceUID"),
		frame:    h.Text("FrameOfReferenceUID"),
		lossy:    lossy(h),
		deflated: h.TransferSyntax() == dcmtk.Deflated,

		acquisition: h.Text("AcquisitionNumber"),
		time:        h.Text("TemporalPositionIdentifier"),
		imageType:   h.Text("ImageType"),
		kernel:      h.Text("ConvolutionKernel"),
	}
	if err := s.readSize(h); err != nil {
		return nil, s.refuse("bad_pixels", err.Error(), "copy or export it again")
	}
	if err := s.readPlace(h); err != nil {
		return nil, s.refuse("bad_geometry", err.Error(), "export the series again as original axial CT images")
	}
	if _, err := newRescale(h); err != nil {
		return nil, s.refuse("bad_pixels", err.Error(), "export the series again as original CT images")
	}
	return s, nil
}

// maxPlane is the most pixels of a slice: 8192 x 8192.
const maxPlane = 1 << 26

func (s *slice) readSize(h *dcmtk.Header) error {
	for _, dim := range []struct {
		keyword string
		value   *int
	}{{"Rows", &s.rows}, {"Columns", &s.columns}} {
		v, _, err := h.Int(dim.keyword)
		if err != nil {
			return err
		}
		if v < 1 || v > math.MaxUint16 {
			return phrase("%s is missing or 0", dim.keyword)
		}
		*dim.value = v
	}
	if s.rows*s.columns > maxPlane {
		return phrase("it declares %d x %d pixels, far more than a CT slice has", s.columns, s.rows)
	}
	if n, ok, err := h.Int("NumberOfFrames"); err != nil {
		return err
	} else if ok && n != 1 {
		return phrase("it declares %d frames and does not say where each lies", n)
	}
	switch p := h.Text("PhotometricInterpretation"); p {
	case "MONOCHROME1", "MONOCHROME2":
	case "":
		s.noPhotometric = true
	default:
		return phrase("it is in colour or by palette")
	}
	if n, ok, err := h.Int("SamplesPerPixel"); err != nil {
		return err
	} else if ok && n != 1 {
		return phrase("it has %d values a pixel", n)
	}
	return nil
}

// readPlace reads where the slice lies (PS3.3 C.7.6.2). What is absent stays
// unknown; what is there and makes no sense is an error.
func (s *slice) readPlace(h *dcmtk.Header) error {
	position, err := vector(h, "ImagePositionPatient", 3)
	if err != nil {
		return err
	}
	orientation, err := vector(h, "ImageOrientationPatient", 6)
	if err != nil {
		return err
	}
	if position != nil && orientation != nil {
		s.placed = true
		copy(s.position[:], position)
		copy(s.rowDirection[:], orientation[:3])
		copy(s.columnDirection[:], orientation[3:])
		if err := s.checkDirections(); err != nil {
			return err
		}
		s.along = dot(s.position, s.normal())
	}
	if v, err := vector(h, "PixelSpacing", 2); err == nil && v != nil && v[0] > 0 && v[1] > 0 && max(v[0], v[1]) < 100 {
		s.spacingY, s.spacingX = v[0], v[1]
	}
	if v, err := vector(h, "SliceThickness", 1); err == nil && v != nil && v[0] > 0 && v[0] < 1000 {
		s.thickness = v[0]
	}
	return nil
}

const (
	// directionTolerance bounds how far direction cosines may be from unit
	// length and from a right angle; they are often written with few digits.
	directionTolerance = 0.01
	// axialCosine bounds the tilt of a slice against the axial plane: a gantry
	// tilts by 30 degrees at most.
	axialCosine = 0.8
)

func (s *slice) checkDirections() error {
	a, b := s.rowDirection, s.columnDirection
	if math.Abs(norm(a)-1) > directionTolerance || math.Abs(norm(b)-1) > directionTolerance || math.Abs(dot(a, b)) > directionTolerance {
		return phrase("ImageOrientationPatient holds no two directions at right angles")
	}
	return nil
}

// plane names the plane of the slice; empty where it is not known.
func (s *slice) plane() string {
	if !s.placed {
		return ""
	}
	n := s.normal()
	for i, name := range [3]string{"sagittal", "coronal", "axial"} {
		if math.Abs(n[i]) >= axialCosine {
			return name
		}
	}
	return "oblique"
}

func (s *slice) normal() [3]float64 { return unit(cross(s.rowDirection, s.columnDirection)) }

// vector reads an attribute of n numbers; nil if it is absent.
func vector(h *dcmtk.Header, keyword string, n int) ([]float64, error) {
	v, err := h.Floats(keyword)
	if err != nil || len(v) == 0 {
		return nil, err
	}
	if len(v) != n {
		return nil, phrase("%s holds %d numbers where there are %d", keyword, len(v), n)
	}
	for _, x := range v {
		if math.Abs(x) > 1e6 {
			return nil, phrase("%s is out of range", keyword)
		}
	}
	return v, nil
}

// lossy reports whether the pixels went through lossy compression.
func lossy(h *dcmtk.Header) bool {
	// A file that says so went through loss before, whatever its syntax is now;
	// one that denies it may be lossless in a syntax that allows both.
	switch said := h.Text("LossyImageCompression"); {
	case strings.HasPrefix(said, "01"):
		return true
	case said == "00" && mayBeLossless(h.TransferSyntax()):
		return false
	}
	return slices.ContainsFunc(dcmtk.Syntaxes(), func(s dcmtk.Syntax) bool { return s.Lossy && s.UID == h.TransferSyntax() })
}

// mayBeLossless reports whether a transfer syntax that is meant for lossy
// compression may hold lossless data.
func mayBeLossless(syntax string) bool {
	return syntax == dcmtk.JPEG2000 || syntax == dcmtk.HTJ2K
}
