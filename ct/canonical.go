package ct

import "math"

// canonical brings a volume that is in the order of its input into the one that
// the rest of jcs expects, whatever it was: axial slices, columns to the
// patient's left, rows to the back, slices to the head, as nearly as the stored
// axes allow. Voxels are moved and none is made: the affine stays true, and
// [Volume.Order] leads back.
//
// Every reader ends here: a reader of slices by way of [Input.finish] and
// [Input.readPixels], a reader of a whole grid by [newGrid]. directions are
// those of the stored axes, which may be known where the affine is not.
func (v *Volume) canonical(directions [3][3]float64) error {
	o := orient(directions)
	if err := checkAxial(o, directions); err != nil {
		return err
	}
	stored := [3]int{v.Columns, v.Rows, v.Slices}
	size := o.size(stored)
	v.Columns, v.Rows, v.Slices = size[0], size[1], size[2]
	v.Affine = o.apply(v.Affine, stored)
	v.Order = o
	v.Sources = o.sources(v)
	if v.HU != nil && !o.AsStored() {
		v.HU = turned(o, stored, v.HU)
	}
	return v.checkPixels()
}

// sources returns the sources of the volume's slices. Where the input is stored
// as slices along another axis, each of the volume's lies in all of them: it has
// a place and no file.
func (o Order) sources(v *Volume) []Source {
	s, reversed := o.axis(2)
	if s == 2 && len(v.Sources) == v.Slices {
		if !reversed {
			return v.Sources
		}
		turned := make([]Source, v.Slices)
		for i, source := range v.Sources {
			source.PositionMM = -source.PositionMM // along the normal, which is turned too
			turned[v.Slices-1-i] = source
		}
		return turned
	}
	placed := make([]Source, v.Slices)
	n := unit(cross(v.axis(0), v.axis(1)))
	for k := range placed {
		if norm(n) > 0 {
			placed[k] = Source{PositionMM: dot(v.Position(0, 0, float64(k)), n), HasPosition: true}
		}
	}
	return placed
}

// checkAxial refuses grids that no order of axes makes axial.
func checkAxial(o Order, directions [3][3]float64) error {
	c, _ := o.axis(0)
	r, _ := o.axis(1)
	n := unit(cross(directions[c], directions[r]))
	if norm(n) > 0 && math.Abs(n[2]) < axialCosine {
		return refuse("oblique", "the slices lie obliquely, %.0f degrees from axial, and up to %.0f are read: give the axial series",
			degrees(math.Abs(n[2])), degrees(axialCosine))
	}
	return nil
}

func degrees(cosine float64) float64 { return math.Acos(min(cosine, 1)) * 180 / math.Pi }

// leastSide is how many columns and rows the axial slices of a volume that is
// stored as coronal or sagittal ones must have.
const leastSide = 32

// mostStretched is how many times longer than wide a pixel of an axial slice may
// be. Beyond it there is no lung to be seen in the slice.
const mostStretched = 3

// checkPixels refuses volumes whose axial slices have strips for pixels, as
// thick coronal or sagittal slices leave them.
func (v *Volume) checkPixels() error {
	x, y, _, _ := v.SpacingMM()
	if s, _ := v.Order.axis(2); s != 2 && min(v.Columns, v.Rows) < leastSide {
		return refuse("not_axial", "the series is %s and has %d slices, too few to be looked at as axial ones: give the axial series", v.Order.plane(), min(v.Columns, v.Rows))
	}
	if x == 0 || y == 0 || max(x, y) <= mostStretched*min(x, y) {
		return nil
	}
	what := "its pixels"
	if s, _ := v.Order.axis(2); s != 2 {
		what = "it is stored as " + v.Order.plane() + " slices, so that the pixels of its axial slices"
	}
	return refuse("stretched_pixels", "the series cannot be looked at slice by slice: %s are %.2f x %.2f mm; give the axial series", what, x, y)
}

// plane names the plane that the input's slices lie in.
func (o Order) plane() string {
	for a, name := range [3]string{"sagittal", "coronal", "axial"} {
		if s, _ := o.axis(a); s == 2 {
			return name
		}
	}
	return "axial"
}

// newGrid makes an input of a whole grid of Hounsfield units: size and hu with
// the fastest axis first, in whatever order of axes and directions; affine takes
// (first, second, third index, 1) to millimetres in the LPS frame, as
// [Volume.Affine] does (NIfTI's RAS has its first two rows negated). It takes hu
// over. Its errors are refusals.
func newGrid(kind Kind, size [3]int, hu []int16, affine [4][4]float64, limits Limits) (*Input, error) {
	if err := checkGrid(size, affine, limits); err != nil {
		return nil, err
	}
	v := &Volume{Columns: size[0], Rows: size[1], Slices: size[2], HU: hu, Affine: affine}
	if err := v.canonical([3][3]float64{v.axis(0), v.axis(1), v.axis(2)}); err != nil {
		return nil, err
	}
	in := &Input{Kind: kind, Volume: v, Sources: v.Sources}
	in.warnGrid()
	in.warnVolume()
	return in, nil
}

// checkGrid refuses sizes that are too large and affines that are no frame.
func checkGrid(size [3]int, affine [4][4]float64, limits Limits) error {
	limits = limits.orDefaults()
	n := int64(1)
	for _, s := range size {
		if s < 1 || s > math.MaxUint16 {
			return refuse("bad_geometry", "the volume is %d x %d x %d voxels, which is no CT: export it again", size[0], size[1], size[2])
		}
		n *= int64(s)
	}
	if n > limits.Voxels {
		return refuse("too_large", "the volume has %d million voxels, more than the %d million that are read: give a part of it", n/1_000_000, limits.Voxels/1_000_000)
	}
	var axes [3][3]float64
	for i := range 3 {
		for j := range 4 {
			if x := affine[i][j]; math.IsNaN(x) || math.Abs(x) > 1e6 {
				return refuse("bad_geometry", "the volume's affine holds numbers out of range: export it again")
			}
		}
		axes[i] = [3]float64{affine[0][i], affine[1][i], affine[2][i]}
		if l := norm(axes[i]); l < 1e-3 || l > 1000 {
			return refuse("bad_geometry", "the volume's voxels are %.4g mm long along axis %d, which is no CT: export it again", l, i+1)
		}
	}
	for i := range 3 {
		axes[i] = unit(axes[i])
	}
	if volume := math.Abs(dot(axes[0], cross(axes[1], axes[2]))); volume < 0.5 {
		return refuse("bad_geometry", "the volume's axes lie nearly in one plane, which is no CT: export it again")
	}
	return nil
}
