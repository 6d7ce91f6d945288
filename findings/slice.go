package findings

// SideOfSlice is what one lung shows in one slice.
type SideOfSlice struct {
	Lesions        int      `json:"lesions"` // of this lung that reach into the slice
	OpacityPixels  int      `json:"opacity_pixels"`
	OpacityAreaMM2 float64  `json:"opacity_area_mm2,omitempty"`
	OpacityPercent *float64 `json:"opacity_percent,omitempty"` // of the lung's cells in the slice
}

// Slice measures the opacities of one slice, opaque or nil, in the right and in
// the left lung. Opacities beyond the lungs belong to the side of the body that
// they lie on. number is the slice's in the lesions.
func (l *Lungs) Slice(slice, number int, opaque []uint8, lesions []Lesion) (right, left SideOfSlice) {
	t := l.tallySlice(slice, nil, opaque, false, DefaultDensity())
	of := func(side Side) SideOfSlice {
		n := t.part(side, -1, -1)
		s := SideOfSlice{OpacityPixels: n.opacity, OpacityAreaMM2: float64(n.opacity) * l.grid.PixelMM2()}
		if n.lung > 0 {
			s.OpacityPercent = pointer(100 * float64(n.opacity) / float64(n.lung))
		}
		for _, k := range lesions {
			if k.Lung == side.String() && k.Slices[0] <= number && number <= k.Slices[1] {
				s.Lesions++
			}
		}
		return s
	}
	return of(Right), of(Left)
}

// Regions is the number of connected regions of one slice's mask, by face, edge
// or corner.
func (g Grid) Regions(opaque []uint8) int {
	if opaque == nil {
		return 0
	}
	_, n := components(Mask{opaque}, g.Columns, g.Rows, byCorners)
	return n
}
