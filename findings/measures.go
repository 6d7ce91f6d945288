package findings

// LungMeasures are the measures of both lungs and of each. A lung is what the
// threshold finds and the opacities that lie beyond it.
type LungMeasures struct {
	Both  LungMeasure `json:"both"`
	Left  LungMeasure `json:"left"`
	Right LungMeasure `json:"right"`
}

// LungMeasure are the measures of a lung or of both.
type LungMeasure struct {
	VolumeML       float64  `json:"volume_ml,omitempty"`
	AreaMM2        float64  `json:"area_mm2,omitempty"`    // of one slice that has no thickness
	AreaPixels     int      `json:"area_pixels,omitempty"` // of a picture
	MeanHU         *float64 `json:"mean_hu,omitempty"`
	OpacityML      *float64 `json:"opacity_ml,omitempty"`
	OpacityPercent *float64 `json:"opacity_percent,omitempty"`
}

type tally struct{ lung, opacity, sum int }

// Measure measures the lungs. opacities may be nil: then nothing is said of
// them. hu are the grid's Hounsfield units, or nil.
func (l *Lungs) Measure(hu []int16, opacities Mask) LungMeasures {
	var t [3]tally
	g := l.grid
	for s := range g.Slices {
		if l.sides[s] == nil && (opacities == nil || opacities[s] == nil) {
			continue
		}
		for r := range g.Rows {
			for c := range g.Columns {
				i := r*g.Columns + c
				opaque := opacities != nil && opacities[s] != nil && opacities[s][i] != 0
				side := l.At(c, r, s)
				if side == NoLung && opaque {
					side = l.sideOf(float64(c))
				}
				if side == NoLung {
					continue
				}
				t[side].lung++
				if opaque {
					t[side].opacity++
				}
				if hu != nil {
					t[side].sum += int(hu[s*g.Rows*g.Columns+i])
				}
			}
		}
	}
	both := tally{t[Right].lung + t[Left].lung, t[Right].opacity + t[Left].opacity, t[Right].sum + t[Left].sum}
	known := opacities != nil
	return LungMeasures{
		Both:  both.measure(g, hu != nil, known),
		Left:  t[Left].measure(g, hu != nil, known),
		Right: t[Right].measure(g, hu != nil, known),
	}
}

func (t tally) measure(g Grid, dense, opacities bool) LungMeasure {
	var m LungMeasure
	switch {
	case g.VoxelML() > 0:
		m.VolumeML = float64(t.lung) * g.VoxelML()
	case g.PixelMM2() > 0 && g.Slices == 1:
		m.AreaMM2 = float64(t.lung) * g.PixelMM2()
	case g.Slices == 1:
		m.AreaPixels = t.lung
	}
	if t.lung == 0 {
		return m
	}
	if dense {
		mean := float64(t.sum) / float64(t.lung)
		m.MeanHU = &mean
	}
	if opacities {
		percent := 100 * float64(t.opacity) / float64(t.lung)
		m.OpacityPercent = &percent
		if ml := g.VoxelML(); ml > 0 {
			volume := float64(t.opacity) * ml
			m.OpacityML = &volume
		}
	}
	return m
}
