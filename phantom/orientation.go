package phantom

import (
	"fmt"
	"math"
	"slices"
)

// Orientation says to where columns, rows and slices grow, a letter each: to
// the patient's (L)eft or (R)ight, (P)osterior or (A)nterior, (S)uperior or
// (I)nferior. There are 48. Those of which columns, rows and slices are not
// right-handed can be written as NIfTI, and as DICOM where a reader turns the
// order of the slices round.
type Orientation string

// The three usual ones.
const (
	Axial    Orientation = "LPS"
	Coronal  Orientation = "LIP"
	Sagittal Orientation = "PIL"
)

// Orientations returns all 48.
func Orientations() []Orientation {
	var all []Orientation
	for _, order := range [][3]string{{"LR", "PA", "SI"}, {"LR", "SI", "PA"}, {"PA", "LR", "SI"}, {"PA", "SI", "LR"}, {"SI", "LR", "PA"}, {"SI", "PA", "LR"}} {
		for flips := range 8 {
			code := []byte{order[0][flips&1], order[1][flips>>1&1], order[2][flips>>2&1]}
			all = append(all, Orientation(code))
		}
	}
	return all
}

// direction is the unit vector to where axis i grows.
func (o Orientation) direction(i int) vec {
	switch o[i] {
	case 'L':
		return vec{1, 0, 0}
	case 'R':
		return vec{-1, 0, 0}
	case 'P':
		return vec{0, 1, 0}
	case 'A':
		return vec{0, -1, 0}
	case 'S':
		return vec{0, 0, 1}
	default:
		return vec{0, 0, -1}
	}
}

// axis is the patient's axis, 0 to 2, that axis i of the volume runs along.
func (o Orientation) axis(i int) int {
	d := o.direction(i)
	return slices.IndexFunc(d[:], func(v float64) bool { return v != 0 })
}

func (o Orientation) check() error {
	if !slices.Contains(Orientations(), o) {
		return fmt.Errorf("phantom: orientation %q: three letters, one each of L or R, P or A, S or I, such as LPS", string(o))
	}
	return nil
}

// Position is how the patient lies on the table (DICOM's Patient Position). It
// decides on which side the table is, and the orientation where none is given.
type Position string

// The positions: head or feet first, supine or prone.
const (
	HeadFirstSupine Position = "HFS"
	HeadFirstProne  Position = "HFP"
	FeetFirstSupine Position = "FFS"
	FeetFirstProne  Position = "FFP"
)

// orientation is that of a scanner whose pictures are seen from the table's
// foot, with the table at the bottom.
func (p Position) orientation() (Orientation, error) {
	switch p {
	case HeadFirstSupine:
		return Axial, nil
	case HeadFirstProne:
		return "RAS", nil
	case FeetFirstSupine:
		return "RPI", nil
	case FeetFirstProne:
		return "LAI", nil
	}
	return "", fmt.Errorf("phantom: patient position %q: HFS, HFP, FFS or FFP", string(p))
}

// down is 1 where the back lies on the table, -1 where the front does.
func (p Position) down() float64 {
	if p == HeadFirstProne || p == FeetFirstProne {
		return -1
	}
	return 1
}

// affine takes voxels to the patient's frame. The gantry tilts the slices about
// their rows' direction while the table moves on as before.
func (c Config) affine() [4][4]float64 {
	axes := [3]vec{c.Orientation.direction(0), c.Orientation.direction(1), c.Orientation.direction(2)}
	tilt := c.TiltDegrees * math.Pi / 180
	axes[1] = add(scale(axes[1], math.Cos(tilt)), scale(axes[2], math.Sin(tilt)))
	steps := [3]float64{c.PixelMM[0], c.PixelMM[1], c.SliceMM / math.Cos(tilt)}
	counts := [3]int{c.Columns, c.Rows, c.Slices}
	origin := c.CentreMM
	for i := range axes {
		for k, degrees := range c.TurnDegrees {
			axes[i] = turn(axes[i], (k+1)%3, (k+2)%3, degrees*math.Pi/180)
		}
		axes[i] = scale(axes[i], steps[i])
		origin = along(origin, axes[i], -float64(counts[i]-1)/2)
	}
	var m [4][4]float64
	for i := range 3 {
		m[i] = [4]float64{axes[0][i], axes[1][i], axes[2][i], origin[i]}
	}
	m[3][3] = 1
	return m
}
