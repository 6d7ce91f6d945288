package findings

import (
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// LungMeasures are the measures of both lungs, of each, and of their parts. A
// lung is what the threshold finds and the opacities that lie beyond it.
type LungMeasures struct {
	Both  LungMeasure `json:"both"`
	Left  LungMeasure `json:"left"`
	Right LungMeasure `json:"right"`
	// Zones are the thirds of each lung by its own height, right before left
	// and from above; absent without heights.
	Zones []PartMeasure `json:"zones,omitempty"`
	// Depths are the outer third and the inner two of each lung; there where
	// opacities are known.
	Depths []PartMeasure `json:"depths,omitempty"`
}

// PartMeasure are the measures of a part of a lung.
type PartMeasure struct {
	Lung         string       `json:"lung"`
	Zone         Zone         `json:"zone,omitempty"`
	Distribution Distribution `json:"distribution,omitempty"`
	LungMeasure
}

// LungMeasure are the measures of a lung, of both or of a part. Shares are of
// its own volume (or area) in percent.
type LungMeasure struct {
	VolumeML       float64  `json:"volume_ml,omitempty"`
	AreaMM2        float64  `json:"area_mm2,omitempty"`    // of one slice that has no thickness
	AreaPixels     int      `json:"area_pixels,omitempty"` // of a picture
	MeanHU         *float64 `json:"mean_hu,omitempty"`
	OpacityML      *float64 `json:"opacity_ml,omitempty"`
	OpacityPercent *float64 `json:"opacity_percent,omitempty"`
	// GroundGlassML and ConsolidationML split OpacityML by a DensityRule.
	GroundGlassML   *float64 `json:"ground_glass_ml,omitempty"`
	ConsolidationML *float64 `json:"consolidation_ml,omitempty"`
	// HighOpacityPercent is the share of opacities at HighOpacityHU or above,
	// whatever the rule.
	HighOpacityPercent *float64 `json:"high_opacity_percent,omitempty"`
	WellAeratedML      *float64 `json:"well_aerated_ml,omitempty"`
	WellAeratedPercent *float64 `json:"well_aerated_percent,omitempty"`
}

// The bounds of well-aerated lung, both included: Colombi et al., Well-aerated
// Lung on Admitting Chest CT to Predict Adverse Outcome in COVID-19 Pneumonia,
// Radiology 2020;296(2):E86-E96.
const (
	leastAeratedHU = -950
	mostAeratedHU  = -700
)

// tally counts cells.
type tally struct{ lung, opacity, dense, high, aerated, sum int }

func (t *tally) add(o tally) {
	t.lung += o.lung
	t.opacity += o.opacity
	t.dense += o.dense
	t.high += o.high
	t.aerated += o.aerated
	t.sum += o.sum
}

// cell counts one cell of a lung; hu is nil where not known.
func (t *tally) cell(marked bool, hu *int16, rule DensityRule) {
	t.lung++
	if marked {
		t.opacity++
	}
	if hu == nil {
		return
	}
	v := *hu
	t.sum += int(v)
	if v >= leastAeratedHU && v <= mostAeratedHU {
		t.aerated++
	}
	if marked && v >= rule.HU {
		t.dense++
	}
	if marked && v >= HighOpacityHU {
		t.high++
	}
}

// tallies are counts by side, zone (the last for what has none) and depth.
type tallies [3][len(zones) + 1][2]tally

const (
	outer = 0
	inner = 1
)

func (t *tallies) add(o *tallies) {
	for side := range t {
		for zone := range t[side] {
			for depth := range t[side][zone] {
				t[side][zone][depth].add(o[side][zone][depth])
			}
		}
	}
}

// part sums the counts of a side; a negative zone or depth stands for all.
func (t *tallies) part(side Side, zone, depth int) (sum tally) {
	for z := range t[side] {
		for d := range t[side][z] {
			if (zone < 0 || z == zone) && (depth < 0 || d == depth) {
				sum.add(t[side][z][d])
			}
		}
	}
	return sum
}

// Measure measures the lungs by the default density rule. opacities may be nil:
// then nothing is said of them. hu are the grid's Hounsfield units, or nil.
func (l *Lungs) Measure(hu []int16, opacities Mask) LungMeasures {
	return l.MeasureBy(DefaultDensity(), hu, opacities)
}

// MeasureBy is Measure with a density rule.
func (l *Lungs) MeasureBy(rule DensityRule, hu []int16, opacities Mask) LungMeasures {
	var sum tallies
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
			here := l.tallySlice(s, hu, opaque, opacities != nil, rule)
			mu.Lock()
			defer mu.Unlock()
			sum.add(here)
			return nil
		})
	}
	_ = group.Wait() // there is no error among them
	measure := func(t tally) LungMeasure { return t.measure(g, hu != nil, opacities != nil) }
	right, left := sum.part(Right, -1, -1), sum.part(Left, -1, -1)
	both := right
	both.add(left)
	m := LungMeasures{Both: measure(both), Left: measure(left), Right: measure(right)}
	for _, side := range []Side{Right, Left} {
		for i, zone := range zones {
			if _, ok := l.ZoneBoundsMM(side); ok {
				m.Zones = append(m.Zones, PartMeasure{side.String(), zone, "", measure(sum.part(side, i, -1))})
			}
		}
		for depth, name := range []Distribution{outer: Peripheral, inner: Central} {
			if opacities != nil {
				m.Depths = append(m.Depths, PartMeasure{side.String(), "", name, measure(sum.part(side, -1, depth))})
			}
		}
	}
	return m
}

// tallySlice counts a slice's cells; opaque may be nil. Depths are looked at
// where they are wanted only.
func (l *Lungs) tallySlice(s int, hu []int16, opaque []uint8, deep bool, rule DensityRule) *tallies {
	t := &tallies{}
	g := l.grid
	for r := range g.Rows {
		at := r * g.Columns
		row := r / l.factor * l.w
		for x := range l.w {
			side := NoLung
			if l.sides[s] != nil {
				side = Side(l.sides[s][row+x])
			}
			if side == NoLung && opaque == nil {
				continue
			}
			from, to := x*l.factor, min((x+1)*l.factor, g.Columns)
			var here *tally // of the block's side
			for c := from; c < to; c++ {
				marked := opaque != nil && opaque[at+c] != 0
				if side == NoLung && !marked {
					continue
				}
				if here == nil {
					of := side
					if of == NoLung {
						of = l.sideOf(float64(c))
					}
					here = &t[of][l.zoneAt(of, c, r, s)][l.depthAt(s, row+x, deep)]
				}
				var v *int16
				if hu != nil {
					v = &hu[s*g.Rows*g.Columns+at+c]
				}
				here.cell(marked, v, rule)
			}
		}
	}
	return t
}

func (l *Lungs) zoneAt(side Side, column, row, slice int) int {
	if !l.zoned {
		return len(zones)
	}
	if i := l.zoneIndex(side, l.grid.Point(float64(column), float64(row), float64(slice))[2]); i >= 0 {
		return i
	}
	return len(zones)
}

func (l *Lungs) depthAt(slice, block int, deep bool) int {
	if deep && !l.peripheral(slice, block) {
		return inner
	}
	return outer
}

func (t tally) measure(g Grid, dense, opacities bool) LungMeasure {
	var m LungMeasure
	ml := g.VoxelML()
	switch {
	case ml > 0:
		m.VolumeML = float64(t.lung) * ml
	case g.PixelMM2() > 0 && g.Slices == 1:
		m.AreaMM2 = float64(t.lung) * g.PixelMM2()
	case g.Slices == 1:
		m.AreaPixels = t.lung
	}
	if t.lung == 0 {
		return m
	}
	percent := func(n int) *float64 { return pointer(100 * float64(n) / float64(t.lung)) }
	volume := func(n int) *float64 {
		if ml == 0 {
			return nil
		}
		return pointer(float64(n) * ml)
	}
	if dense {
		m.MeanHU = pointer(float64(t.sum) / float64(t.lung))
		m.WellAeratedPercent, m.WellAeratedML = percent(t.aerated), volume(t.aerated)
	}
	if opacities {
		m.OpacityPercent, m.OpacityML = percent(t.opacity), volume(t.opacity)
	}
	if opacities && dense {
		m.GroundGlassML, m.ConsolidationML = volume(t.opacity-t.dense), volume(t.dense)
		m.HighOpacityPercent = percent(t.high)
	}
	return m
}

func pointer[T any](v T) *T { return &v }
