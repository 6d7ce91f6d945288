package ct

import (
	"fmt"
	"math"
)

// Volume is a CT series: Hounsfield units on a regular grid.
type Volume struct {
	Columns, Rows, Slices int

	// HU holds Columns*Rows*Slices values, columns fastest, slices slowest.
	// The lowest value is [Air]: pixel padding and anything below become air.
	HU []int16

	// Affine takes (column, row, slice, 1), counted from 0 at voxel centres,
	// to millimetres in the patient's LPS frame (DICOM PS3.3 C.7.6.2.1.1).
	// The slice column is the step from one slice to the next, which under
	// gantry tilt is not parallel to the normal. Columns of the matrix that
	// are not known are zero; nothing is guessed.
	Affine [4][4]float64

	// Order leads back to the grid that the input stores. Readers give axial
	// slices, whatever they read: columns run to the patient's left, rows to the
	// back and slices to the head, as nearly as the stored axes allow.
	Order Order

	// Sources has one entry a slice, in the same order.
	Sources []Source

	SeriesUID           string
	StudyUID            string
	FrameOfReferenceUID string
}

// Source says where a slice came from.
type Source struct {
	File        string // path below the input, with forward slashes
	Frame       int    // of a file of several, counted from 1; 0 in others
	InstanceUID string // SOP Instance UID; empty for pictures

	// PositionMM is the slice's place along the normal, from the patient
	// frame's origin; valid when HasPosition is set.
	PositionMM  float64
	HasPosition bool
}

// Air is the Hounsfield value given to pixels outside the field of view and
// the lowest that a [Volume] holds.
const Air = -1024

// Slice returns the Hounsfield units of slice i, row by row, without copying.
func (v *Volume) Slice(i int) []int16 {
	n := v.Columns * v.Rows
	return v.HU[i*n : (i+1)*n : (i+1)*n]
}

// SpacingMM returns the distances between neighbouring columns, rows and
// slices, the last measured along the normal. ok is false unless all three
// are known; those that are known are set all the same, the others 0.
func (v *Volume) SpacingMM() (x, y, z float64, ok bool) {
	col, row, step := v.axis(0), v.axis(1), v.axis(2)
	x, y = norm(col), norm(row)
	if x > 0 && y > 0 {
		z = math.Abs(dot(step, cross(col, row))) / (x * y)
	}
	return x, y, z, x > 0 && y > 0 && z > 0
}

// Position returns the place of a voxel in the patient's LPS frame in
// millimetres. The voxel need not be whole.
func (v *Volume) Position(column, row, slice float64) [3]float64 {
	var p [3]float64
	for i := range p {
		a := v.Affine[i]
		p[i] = a[0]*column + a[1]*row + a[2]*slice + a[3]
	}
	return p
}

// Check says whether the volume's parts agree with each other.
func (v *Volume) Check() error {
	if v.Columns <= 0 || v.Rows <= 0 || v.Slices <= 0 {
		return fmt.Errorf("ct: volume of %d x %d x %d voxels", v.Columns, v.Rows, v.Slices)
	}
	if n := v.Columns * v.Rows * v.Slices; len(v.HU) != n {
		return fmt.Errorf("ct: volume of %d voxels holds %d values", n, len(v.HU))
	}
	if len(v.Sources) != 0 && len(v.Sources) != v.Slices {
		return fmt.Errorf("ct: volume of %d slices names %d sources", v.Slices, len(v.Sources))
	}
	return nil
}

func (v *Volume) axis(i int) [3]float64 {
	return [3]float64{v.Affine[0][i], v.Affine[1][i], v.Affine[2][i]}
}
