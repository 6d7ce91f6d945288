package phantom

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// TruthFile is the name of the truth beside the slices.
const TruthFile = "truth.json"

// EnhancedFile is the name of a phantom that is written as an Enhanced CT.
const EnhancedFile = "phantom.dcm"

// VolumeFile is the name of a phantom that is written as NIfTI.
const VolumeFile = "phantom.nii.gz"

// Output says how a phantom is written. Its zero value is DICOM, explicit little
// endian, in order.
type Output struct {
	NIfTI bool // as one NIfTI volume, of which no more is chosen

	// Enhanced writes the slices as frames of one Enhanced CT Image Storage object,
	// in the order of what would be the files' names. None can be halved.
	Enhanced bool

	// TransferSyntax is the UID of one that is written; explicit little endian.
	TransferSyntax string

	// Prefix goes before the names of files, PatientID into them ("PHANTOM"):
	// several patients and studies have room in one folder.
	Prefix, PatientID string

	Order  Order
	Faults Faults
}

// Order is the order in which slices stand.
type Order struct {
	Shuffled         bool // files are not named in the order of slices
	DescendingNumber bool // instance numbers fall with the order of slices
	NoNumber         bool // there are no instance numbers
}

// Faults are what is wrong with a series, for tests. Slices count from 0.
type Faults struct {
	Missing   []int // are left out
	Duplicate []int // are there twice, byte for byte
	Halved    []int // have half the columns and rows
	Localizer bool  // a localizer lies beside the series, as a series of its own
	DoseSheet bool  // and so does a picture of the dose
}

func fileName(k int) string { return fmt.Sprintf("slice_%04d.dcm", k+1) }

// Write is [WriteAs] with the zero Output.
func Write(ctx context.Context, dir string, v *ct.Volume, t *Truth) error {
	return WriteAs(ctx, dir, v, t, Output{})
}

// WriteAs writes a phantom to the folder dir, which must exist: each slice as a
// CT Image Storage object, or all as one Enhanced CT or NIfTI volume; and the truth as JSON.
func WriteAs(ctx context.Context, dir string, v *ct.Volume, t *Truth, o Output) error {
	write := writeDICOM
	if o.NIfTI {
		write = func(_ context.Context, dir string, v *ct.Volume, _ *Truth, o Output) error {
			return ct.CreateNIfTI(filepath.Join(dir, o.Prefix+VolumeFile), v)
		}
	}
	if err := write(ctx, dir, v, t, o); err != nil {
		return fmt.Errorf("write phantom: %w", err)
	}
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("write phantom's truth: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, o.Prefix+TruthFile), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write phantom's truth: %w", err)
	}
	return nil
}

// PreviewFile is the name of the picture beside the masks.
const PreviewFile = "preview.png"

// WriteMasks writes the labels of lungs and lesions as NIfTI volumes, lungs.nii.gz
// and lesions.nii.gz, and a preview to the folder dir, which must exist.
func WriteMasks(dir string, v *ct.Volume, t *Truth) error {
	for name, labels := range map[string][]uint8{"lungs.nii.gz": t.Lung, "lesions.nii.gz": t.Lesion} {
		if err := ct.CreateNIfTIMask(filepath.Join(dir, name), v, labels); err != nil {
			return fmt.Errorf("write phantom's masks: %w", err)
		}
	}
	var picture bytes.Buffer
	err := WritePreview(&picture, v)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, PreviewFile), picture.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write phantom's preview: %w", err)
	}
	return nil
}

func writeDICOM(ctx context.Context, dir string, v *ct.Volume, t *Truth, o Output) error {
	child, err := dcmtk.Start(ctx, o.limits(v))
	if err != nil {
		return err
	}
	defer child.Close()
	w := writer{child, dir, v, t, o}
	if o.Enhanced {
		if err := w.enhanced(); err != nil {
			return err
		}
		return w.beside()
	}
	for k := range v.Slices {
		if slices.Contains(o.Faults.Missing, k) {
			continue
		}
		file, err := w.slice(k)
		if err != nil {
			return fmt.Errorf("slice %d: %w", k+1, err)
		}
		names := []string{o.Prefix + v.Sources[w.fileOf(k)].File}
		if slices.Contains(o.Faults.Duplicate, k) {
			names = append(names, strings.TrimSuffix(names[0], ".dcm")+"_again.dcm")
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), file, 0o644); err != nil {
				return err
			}
		}
	}
	return w.beside()
}

// limits are what a child needs: of an enhanced CT it holds all frames, several
// times over while it encodes them.
func (o Output) limits(v *ct.Volume) dcmtk.Limits {
	if !o.Enhanced {
		return dcmtk.Limits{}
	}
	return dcmtk.Limits{Memory: 768<<20 + 12*int64(len(v.HU)), Wall: 10 * time.Minute}
}

// enhanced writes all slices as frames of one file.
func (w *writer) enhanced() error {
	v, faults := w.volume, w.output.Faults
	if len(faults.Halved) > 0 {
		return errors.New("frames of an enhanced CT cannot be of another size")
	}
	order := make([]int, v.Slices) // of the frames
	for k := range order {
		order[w.fileOf(k)] = k
	}
	e := &dcmtk.EnhancedCT{InstanceUID: dcmtk.UID("enhanced", v.SeriesUID)}
	for _, k := range order {
		if slices.Contains(faults.Missing, k) {
			continue
		}
		im := w.image(k)
		e.Frames = append(e.Frames, im)
		if slices.Contains(faults.Duplicate, k) {
			e.Frames = append(e.Frames, im)
		}
	}
	file, err := w.child.WriteEnhancedCT(e)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, w.output.Prefix+EnhancedFile), file, 0o644)
}

// writer writes one phantom as DICOM.
type writer struct {
	child  *dcmtk.Child
	dir    string
	volume *ct.Volume
	truth  *Truth
	output Output
}

// fileOf is the slice whose file name slice k gets: shuffled by a step that has
// no divisor in common with the number of slices.
func (w *writer) fileOf(k int) int {
	n := w.volume.Slices
	if !w.output.Order.Shuffled || n < 3 {
		return k
	}
	step := n*5/8 + 1
	for common(step, n) != 1 {
		step++
	}
	return (k*step + n/2) % n
}

func common(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (w *writer) slice(k int) ([]byte, error) {
	im := w.image(k)
	if slices.Contains(w.output.Faults.Halved, k) {
		halve(im)
	}
	samples, err := im.Samples()
	if err != nil {
		return nil, err
	}
	attributes := im.Attributes()
	if w.output.Order.NoNumber {
		attributes = slices.DeleteFunc(attributes, func(a dcmtk.Attribute) bool { return a.Tag == instanceNumber })
	}
	return w.child.WriteAs(im.TransferSyntax, attributes, samples)
}

var (
	imageType      = dcmtk.Tag{Group: 0x0008, Element: 0x0008}
	sopClass       = dcmtk.Tag{Group: 0x0008, Element: 0x0016}
	instanceNumber = dcmtk.Tag{Group: 0x0020, Element: 0x0013}
)

// image is slice k as it is written.
func (w *writer) image(k int) *dcmtk.CTImage {
	v, c := w.volume, w.truth.config
	x, y, z, _ := v.SpacingMM()
	number := k + 1
	if w.output.Order.DescendingNumber {
		number = v.Slices - k
	}
	return &dcmtk.CTImage{
		StudyUID: v.StudyUID, SeriesUID: v.SeriesUID, FrameOfReferenceUID: v.FrameOfReferenceUID,
		InstanceUID: v.Sources[k].InstanceUID,
		PatientName: "Phantom^Chest", PatientID: cmp.Or(w.output.PatientID, "PHANTOM"),
		StudyDescription: "Synthetic chest", SeriesDescription: "Synthetic lung",
		Manufacturer: "jcs", ConvolutionKernel: "NONE", KVP: 120,
		Time:         time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC), // the same bytes every time
		SeriesNumber: 1, InstanceNumber: number,
		Rows: v.Rows, Columns: v.Columns, SpacingX: x, SpacingY: y, SliceThickness: cmp.Or(c.ThicknessMM, z),
		Position: v.Position(0, 0, float64(k)), Orientation: directions(v),
		PatientPosition: string(c.Position), GantryTilt: c.TiltDegrees,
		HU:             v.Slice(k),
		TransferSyntax: cmp.Or(w.output.TransferSyntax, dcmtk.ExplicitLittleEndian),
	}
}

// directions are those of a volume's rows and columns, as Image Orientation.
func directions(v *ct.Volume) [6]float64 {
	x, y := axis(v.Affine, 0), axis(v.Affine, 1)
	x, y = scale(x, 1/norm(x)), scale(y, 1/norm(y))
	return [6]float64{x[0], x[1], x[2], y[0], y[1], y[2]}
}
