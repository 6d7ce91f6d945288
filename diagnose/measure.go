package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jcs-ct/jcs/findings"
)

// measure finds the lesions in the masks and measures them and the lungs.
func (s *study) measure(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	segmented := s.options.Segment != SegmentNone
	if s.in.Volume != nil {
		s.measureVolume(segmented)
	} else {
		s.measurePictures()
	}
	if !segmented {
		return nil
	}
	if s.Lesions == nil {
		s.Lesions = []findings.Lesion{}
	}
	s.Methods["lesions"] = fmt.Sprintf("connected components of the opacities (by face, edge or corner) of at least %g mL, or of %.4f %% of the slice where there are no millimetres; areas and diameters within a slice along the pixels' edges",
		findings.LeastLesionML, 100*findings.LeastLesionShare)
	if s.in.Volume != nil {
		s.Methods["kind"] = s.options.density().Text()
		s.Methods["zone"] = "thirds of each lung's own height"
	}
	s.Methods["distribution"] = "peripheral: the outer third of a lung's depth, which is the distance within the slice to the convex outline of both lungs; central: the rest; both: over a third of the lesion in each"
	s.measureSlices()
	return nil
}

func (s *study) measureVolume(segmented bool) {
	v, lungs := s.in.Volume, s.lungs[0].lungs
	var opacities findings.Mask
	if segmented {
		s.Lesions = findings.LesionsBy(s.options.density(), s.masks, findings.Of(v), v.HU, lungs)
	}
	for _, d := range s.Slices {
		if d.Segmented { // otherwise nothing is known of opacities
			opacities = s.masks
		}
	}
	if lungs.Seen() {
		s.Lungs = pointer(lungs.MeasureBy(s.options.density(), v.HU, opacities))
		s.Severity = findings.SeverityOf(*s.Lungs, s.options.density())
	}
}

// measurePictures measures each picture by itself: what lies between two of
// them is not known.
func (s *study) measurePictures() {
	for i, p := range s.in.Pictures {
		g := findings.Grid{Columns: p.Rect.Dx(), Rows: p.Rect.Dy(), Slices: 1}
		lungs := s.lungs[i].lungs
		var opacities findings.Mask
		if s.Slices[i].Segmented {
			opacities = findings.Mask{s.masks[i]}
			for _, l := range findings.Lesions(opacities, g, nil, lungs) {
				l.Slices = [2]int{i, i}
				s.Lesions = append(s.Lesions, l)
			}
		}
		if len(s.in.Pictures) == 1 && lungs.Seen() {
			s.Lungs = pointer(lungs.Measure(nil, opacities))
		}
	}
	slices.SortStableFunc(s.Lesions, func(a, b findings.Lesion) int { return cmp.Compare(b.AreaPixels, a.AreaPixels) })
	for i := range s.Lesions {
		s.Lesions[i].ID = i + 1
	}
}

// measureSlices sums each segmented slice up.
func (s *study) measureSlices() {
	area := 0.0
	if s.in.Volume != nil {
		area = findings.Of(s.in.Volume).PixelMM2()
	}
	for i := range s.Slices {
		d := &s.Slices[i]
		if !d.Segmented {
			continue
		}
		pixels, lesions := 0, 0
		for _, v := range s.masks[i] {
			if v != 0 {
				pixels++
			}
		}
		for _, l := range s.Lesions {
			if l.Slices[0] <= i && i <= l.Slices[1] {
				lesions++
			}
		}
		d.OpacityPixels, d.Lesions = &pixels, &lesions
		if area > 0 {
			d.OpacityAreaMM2 = pointer(float64(pixels) * area)
		}
		if pixels == 0 {
			s.masks[i] = nil
		}
	}
}
