package findings

import (
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

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

func (t *tally) add(o tally) {
	t.lung += o.lung
	t.opacity += o.opacity
	t.sum += o.sum
}

// tallySlice counts a slice's cells by their side; opaque may be nil.
func (l *Lungs) tallySlice(s int, hu []int16, opaque []uint8) (t [3]tally) {
	g := l.grid
	for r := range g.Rows {
		at := r * g.Columns
		var sides []uint8
		if l.sides[s] != nil {
			sides = l.sides[s][r/l.factor*l.w:][:l.w]
		}
		for block := range l.w {
			from, to := block*l.factor, min((block+1)*l.factor, g.Columns)
			blockSide := NoLung
			if sides != nil {
				blockSide = Side(sides[block])
			}
			if blockSide == NoLung && opaque == nil {
				continue
			}
			for c := from; c < to; c++ {
				marked := opaque != nil && opaque[at+c] != 0
				side := blockSide
				if side == NoLung {
					if !marked {
						continue
					}
					side = l.sideOf(float64(c))
				}
				t[side].lung++
				if marked {
					t[side].opacity++
				}
				if hu != nil {
					t[side].sum += int(hu[s*g.Rows*g.Columns+at+c])
				}
			}
		}
	}
	return t
}

// Measure measures the lungs. opacities may be nil: then nothing is said of
// them. hu are the grid's Hounsfield units, or nil.
func (l *Lungs) Measure(hu []int16, opacities Mask) LungMeasures {
	var t [3]tally
	g := l.grid
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for s := range g.Slices {
		var opaque []uint8
		if opacities != nil {
			opaque = opacities[s]
		}
		if l.sides[s] == nil && opaque == nil {
			continue
		}
		group.Go(func() error {
			here := l.tallySlice(s, hu, opaque)
			mu.Lock()
			defer mu.Unlock()
			for side := range t {
				t[side].add(here[side])
			}
			return nil
		})
	}
	_ = group.Wait() // there is no error among them
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
