package findings

import (
	"math"

	"github.com/jcs-ct/jcs/ct"
)

// Grid is the lattice that a mask lives on: Columns x Rows x Slices cells and
// the affine from (column, row, slice) to LPS millimetres: x grows to the
// patient's left, y to the back, z to the head. What is not known of the affine
// is zero.
type Grid struct {
	Columns, Rows, Slices int
	Affine                [4][4]float64
}

// Of returns the grid of a volume.
func Of(v *ct.Volume) Grid {
	return Grid{Columns: v.Columns, Rows: v.Rows, Slices: v.Slices, Affine: v.Affine}
}

// Placed reports whether cells have a place in the patient.
func (g Grid) Placed() bool {
	return g.PixelMM2() > 0 && (g.Slices == 1 || g.VoxelML() > 0)
}

// Point is the place in LPS millimetres of a cell's coordinates; the centre of
// a cell has whole ones.
func (g Grid) Point(column, row, slice float64) [3]float64 {
	var p [3]float64
	for i := range p {
		a := g.Affine[i]
		p[i] = a[0]*column + a[1]*row + a[2]*slice + a[3]
	}
	return p
}

// PixelMM2 is the area of a cell within its slice, 0 where not known.
func (g Grid) PixelMM2() float64 {
	return norm(cross(g.axis(0), g.axis(1)))
}

// VoxelML is the volume of a cell in millilitres, 0 where not known.
func (g Grid) VoxelML() float64 {
	return math.Abs(dot(cross(g.axis(0), g.axis(1)), g.axis(2))) / 1000
}

func (g Grid) axis(i int) [3]float64 {
	return [3]float64{g.Affine[0][i], g.Affine[1][i], g.Affine[2][i]}
}

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func norm(a [3]float64) float64 { return math.Sqrt(dot(a, a)) }
