package ct

import "image"

// Kind says what an input came as.
type Kind string

// The kinds of input.
const (
	KindDICOM    Kind = "dicom"
	KindNIfTI    Kind = "nifti"
	KindPictures Kind = "pictures"
)

// Input is an opened CT: exactly one of Volume and Pictures is set.
type Input struct {
	Kind     Kind
	Volume   *Volume
	Pictures []*image.Gray // already windowed; not to be changed
	Sources  []Source      // one a slice or picture, in order
	Warnings []Warning

	// Series are those of the study, of which one was taken; none where the input
	// is no DICOM.
	Series []Series

	// Look is a coarse look at it; nil where it is too small for that.
	Look *Look

	slices []*slice // while a series is read, in order
}

// Len returns the number of slices or pictures.
func (in *Input) Len() int { return len(in.Sources) }

// Picture returns slice i as 8-bit greys: the window applied to its Hounsfield
// units, or the picture itself, for which w does not count. The picture may be
// shared and is not to be changed.
func (in *Input) Picture(i int, w Window) *image.Gray {
	if in.Volume == nil {
		return in.Pictures[i]
	}
	p := image.NewGray(image.Rect(0, 0, in.Volume.Columns, in.Volume.Rows))
	w.apply(p.Pix, in.Volume.Slice(i))
	return p
}

// SpacingMM returns the distances between columns, rows and slices; ok is
// false unless all three are known. Pictures carry no millimetres.
func (in *Input) SpacingMM() (x, y, z float64, ok bool) {
	if in.Volume == nil {
		return 0, 0, 0, false
	}
	return in.Volume.SpacingMM()
}

func (in *Input) warn(code, message string) {
	in.Warnings = append(in.Warnings, Warning{Code: code, Message: message})
}
