package ct

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// arrange sorts the slices along their normal, checks that they make one grid,
// and sets up the volume, of which only the Hounsfield units are wanting.
func (in *Input) arrange(ctx context.Context, d *decoders, s []*slice, limits Limits) error {
	s = in.otherPlanes(s)
	if err := checkAlike(s); err != nil {
		return err
	}
	slices.SortStableFunc(s, func(a, b *slice) int { return cmp.Compare(a.along, b.along) })
	s, err := in.onePlaceEach(ctx, d, s, limits)
	if err != nil {
		return err
	}
	if err := checkLine(s); err != nil {
		return err
	}
	if s, err = in.even(s); err != nil {
		return err
	}
	first := s[0]
	if n := int64(first.columns) * int64(first.rows) * int64(len(s)); n > limits.Voxels {
		return refuse("too_large", "the series has %d million voxels, more than the %d million that are read: give a part of it", n/1_000_000, limits.Voxels/1_000_000)
	}
	in.slices = s
	in.Volume = &Volume{
		Columns: first.columns, Rows: first.rows, Slices: len(s),
		Affine:    affine(s),
		SeriesUID: first.series, StudyUID: first.study, FrameOfReferenceUID: first.frame,
	}
	for _, x := range s {
		in.Sources = append(in.Sources, Source{
			File: x.file, Frame: x.number, InstanceUID: x.instance, PositionMM: x.along, HasPosition: x.placed,
		})
	}
	in.Volume.Sources = in.Sources
	if x := first.plane(); len(s) == 1 && x != "" && x != "axial" {
		return first.refuse("bad_geometry", "it is not an axial slice, but "+article(x), "give the axial series")
	}
	// What cannot be brought in order is refused before its pixels are read.
	trial := *in.Volume
	if err := trial.canonical(first.directions()); err != nil {
		return err
	}
	in.warnGeometry()
	return nil
}

func article(plane string) string {
	if plane == "oblique" {
		return "an oblique one"
	}
	return "a " + plane + " one"
}

// directions are those of a volume of slices like this one.
func (s *slice) directions() [3][3]float64 {
	if !s.placed {
		return [3][3]float64{{1}, {0, 1}, {0, 0, 1}}
	}
	return [3][3]float64{s.rowDirection, s.columnDirection, s.normal()}
}

// finish gives the volume, whose Hounsfield units are still wanting, the order that
// the rest of jcs expects.
func (in *Input) finish() error {
	if err := in.Volume.canonical(in.slices[0].directions()); err != nil {
		return err
	}
	in.Sources = in.Volume.Sources
	in.warnGrid()
	return nil
}

// checkAlike refuses slices that cannot lie in one grid.
func checkAlike(s []*slice) error {
	first := s[0]
	for _, x := range s[1:] {
		switch {
		case x.rows != first.rows || x.columns != first.columns:
			return refuse("mixed_series", "the series mixes sizes: %s has %d x %d pixels and %s has %d x %d; give slices of one reconstruction",
				first.named(), first.columns, first.rows, x.named(), x.columns, x.rows)
		case !x.placed || !first.placed:
			name := x.entry.name
			if !first.placed {
				name = first.entry.name
			}
			return refuse("no_position", "%s does not say where it lies, so that the slices cannot be put in order: export the original series, or give this slice alone", name)
		case !near(x.rowDirection, first.rowDirection) || !near(x.columnDirection, first.columnDirection):
			return refuse("mixed_series", "the series mixes orientations: %s and %s lie in different planes; give slices of one reconstruction", first.named(), x.named())
		case math.Abs(x.spacingX-first.spacingX) > 1e-3*first.spacingX || math.Abs(x.spacingY-first.spacingY) > 1e-3*first.spacingY:
			return refuse("mixed_series", "the series mixes pixel sizes: %s has pixels of %.4g x %.4g mm and %s of %.4g x %.4g mm; give slices of one reconstruction",
				first.named(), first.spacingX, first.spacingY, x.named(), x.spacingX, x.spacingY)
		case x.frame != first.frame:
			return refuse("mixed_series", "%s and %s lie in different frames of reference, so that they cannot be put in order: give slices of one scan", first.entry.name, x.entry.name)
		}
	}
	return nil
}

// mostShiftMM is how far a slice may lie beside the line through the first and
// the last one's corners, besides a pixel.
const mostShiftMM = 1

// checkLine refuses slices that are shifted against each other unevenly; evenly
// they are under a tilted gantry. s is sorted.
func checkLine(s []*slice) error {
	first, last := s[0], s[len(s)-1]
	if last.along-first.along <= 0 {
		return nil
	}
	way := sub(last.position, first.position)
	for _, x := range s {
		t := (x.along - first.along) / (last.along - first.along)
		off := norm(sub(x.position, add(first.position, scale(way, t))))
		if off > mostShiftMM+max(x.spacingX, x.spacingY) {
			return refuse("mixed_series", "the slices do not lie one behind the other: %s is shifted sideways by %.2f mm against %s and %s; give slices of one reconstruction",
				x.named(), off, first.named(), last.named())
		}
	}
	return nil
}

// named is the slice's file with its place, for a sentence.
func (s *slice) named() string {
	if !s.placed {
		return s.entry.name
	}
	return fmt.Sprintf("%s (at %.2f mm)", s.entry.name, s.along)
}

func near(a, b [3]float64) bool { return norm(sub(a, b)) < 1e-3 }

// affine takes voxel indices to the patient (PS3.3 C.7.6.2.1.1, equation
// C.7.6.2.1-1), with the mean step between slices in its third column. A single
// slice is as far from a next one as it is thick.
func affine(s []*slice) [4][4]float64 {
	var m [4][4]float64
	first, last := s[0], s[len(s)-1]
	column, row := scale(first.rowDirection, first.spacingX), scale(first.columnDirection, first.spacingY)
	step := scale(first.normal(), first.thickness)
	if !first.placed {
		// Sizes are known without a place: the slice lies in a frame of its own.
		column, row, step = [3]float64{first.spacingX}, [3]float64{0, first.spacingY}, [3]float64{0, 0, first.thickness}
	}
	if len(s) > 1 {
		step = scale(sub(last.position, first.position), 1/float64(len(s)-1))
	}
	for i := range 3 {
		m[i] = [4]float64{column[i], row[i], step[i], first.position[i]}
	}
	m[3][3] = 1
	return m
}

// tiltCosine is the cosine of the largest gantry tilt not worth a warning: two
// degrees.
const tiltCosine = 0.9994

// warnGeometry says what is odd about the volume's place and size.
func (in *Input) warnGeometry() {
	s, v := in.slices, in.Volume
	first := s[0]
	if !first.placed {
		in.warn("no_position", fmt.Sprintf("%s does not say where it lies in the patient", first.entry.name))
	}
	if first.spacingX == 0 {
		in.warn("no_spacing", "the size of a pixel is not known, so that areas and volumes are not measured")
	} else if _, _, z, _ := v.SpacingMM(); z == 0 {
		in.warn("no_spacing", "the thickness of the slice is not known, so that volumes are not measured")
	}
}

// warnGrid says what is odd about the volume's axes.
func (in *Input) warnGrid() {
	v := in.Volume
	step, n := v.axis(2), unit(cross(v.axis(0), v.axis(1)))
	if along := math.Abs(dot(step, n)); v.Slices > 1 && along < tiltCosine*norm(step) {
		in.warn("gantry_tilt", fmt.Sprintf("the slices are shifted against each other by %.1f degrees, as with a tilted gantry; places account for it, pictures do not", degrees(along/norm(step))))
	}
	if stored, _ := v.Order.axis(2); stored != 2 {
		in.warn("not_axial", fmt.Sprintf("the series is stored as %s slices and was read as axial ones, without resampling", v.Order.plane()))
	} else if !v.Order.AsStored() && in.Kind == KindDICOM { // NIfTI has no usual direction
		in.warn("turned", "the slices are stored in another direction than usual and were turned: columns run to the patient's left, rows to the back, slices to the head")
	}
}
