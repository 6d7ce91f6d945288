package phantom

import (
	"context"
	"math"

	"github.com/jcs-ct/jcs/ct"
)

// field is what of the patient lies in a volume.
type field struct {
	origin, columns, rows, slices vec // the duals of the voxels' steps
	counts                        vec
}

func newField(v *ct.Volume) field {
	a, b, c := axis(v.Affine, 0), axis(v.Affine, 1), axis(v.Affine, 2)
	det := dot(a, cross(b, c))
	return field{
		origin:  axis(v.Affine, 3),
		columns: scale(cross(b, c), 1/det), rows: scale(cross(c, a), 1/det), slices: scale(cross(a, b), 1/det),
		counts: vec{float64(v.Columns), float64(v.Rows), float64(v.Slices)},
	}
}

func (f field) holds(p vec) bool {
	p = sub(p, f.origin)
	for i, d := range [3]vec{f.columns, f.rows, f.slices} {
		if x := dot(p, d); x < -0.5 || x >= f.counts[i]-0.5 {
			return false
		}
	}
	return true
}

// box bounds the volume.
func (f field) box(v *ct.Volume) box {
	inf := math.Inf(1)
	b := box{vec{inf, inf, inf}, vec{-inf, -inf, -inf}}
	for corner := range 8 {
		q := vec{-0.5, -0.5, -0.5}
		for k := range q {
			if corner>>k&1 != 0 {
				q[k] += f.counts[k]
			}
		}
		p := v.Position(q[0], q[1], q[2])
		for k := range p {
			b.low[k], b.high[k] = min(b.low[k], p[k]), max(b.high[k], p[k])
		}
	}
	return b
}

// measure fills in what follows from the formulas and from the labels.
func (t *Truth) measure(ctx context.Context, a *anatomy, v *ct.Volume) error {
	f := newField(v)
	if err := t.measureLungs(ctx, a, f, f.box(v)); err != nil {
		return err
	}
	t.Lesions = make([]LesionTruth, len(a.lesions))
	err := sideBySide(ctx, len(a.lesions), func() func(int) {
		return func(i int) { t.Lesions[i] = a.lesionTruth(i, f) }
	})
	if err != nil {
		return err
	}
	t.measureSlices(v)
	for i := range t.Lesions {
		l := &t.Lesions[i]
		h := t.heights[a.lesions[i].side]
		l.Zone = zoneNames[zoneIndex(l.CentreMM[2], h[0], h[1])]
	}
	kept := t.Lesions[:0]
	for _, l := range t.Lesions {
		if l.VolumeML > 0 && l.Slices[0] >= 0 { // the others lie outside the volume
			kept = append(kept, l)
		}
	}
	t.Lesions = kept
	t.score()
	return nil
}

// measureSlices sums the labels up.
func (t *Truth) measureSlices(v *ct.Volume) {
	x, y, _, _ := v.SpacingMM()
	plane := v.Columns * v.Rows
	t.Slices = make([]SliceTruth, v.Slices)
	for i := range t.Lesions {
		t.Lesions[i].Slices = [2]int{-1, -1}
	}
	for i, label := range t.Lesion {
		if label == 0 {
			continue
		}
		k := i / plane
		t.Slices[k].OpacityPixels++
		l := &t.Lesions[label-1]
		if l.Slices[0] < 0 {
			l.Slices[0] = k
		}
		l.Slices[1] = k
	}
	for k := range t.Slices {
		t.Slices[k].Index = k
		t.Slices[k].OpacityAreaMM2 = float64(t.Slices[k].OpacityPixels) * x * y
	}
}

// The lattice that lungs are measured on, in mm.
const (
	latticeMM      = 1.75
	latticeSliceMM = 2
)

// lungTally counts a lattice's points.
type lungTally struct{ all, opacity, high, aerated int }

func (t *lungTally) add(o lungTally) {
	t.all += o.all
	t.opacity += o.opacity
	t.high += o.high
	t.aerated += o.aerated
}

func (t lungTally) truth() LungTruth {
	const ml = latticeMM * latticeMM * latticeSliceMM / 1000
	l := LungTruth{VolumeML: float64(t.all) * ml, OpacityML: float64(t.opacity) * ml}
	if t.all > 0 {
		percent := 100 / float64(t.all)
		l.OpacityPercent = float64(t.opacity) * percent
		l.HighOpacityPercent = float64(t.high) * percent
		l.WellAeratedPercent = float64(t.aerated) * percent
	}
	return l
}

// The bounds of high opacity (Chaganti 2020) and of well-aerated lung (Colombi
// 2020).
const (
	highOpacityHU                 = -200
	leastAeratedHU, mostAeratedHU = -950, -700
)

// measureLungs paints thin axial sections of the lungs, without blur and noise,
// and counts.
func (t *Truth) measureLungs(ctx context.Context, a *anatomy, f field, seen box) error {
	b := box{right.box().low, left.box().high}
	steps := [3]float64{latticeMM, latticeMM, latticeSliceMM}
	for k, step := range steps {
		b.low[k] += step * max(0, math.Floor((seen.low[k]-b.low[k])/step)) // the same lattice, less what is not seen
		b.high[k] = max(b.low[k], min(b.high[k], seen.high[k]))
	}
	t.heights = map[side][2]float64{}
	size := sub(b.high, b.low)
	columns, rows, n := int(size[0]/latticeMM)+1, int(size[1]/latticeMM)+1, int(size[2]/latticeSliceMM)+1
	tallies := make([][3]lungTally, n) // of each height and lung
	zOf := func(k int) float64 { return b.low[2] + (float64(k)+0.5)*latticeSliceMM }
	err := sideBySide(ctx, n, func() func(int) {
		s := newSection(columns, rows, vec{latticeMM, 0, 0}, vec{0, latticeMM, 0})
		return func(k int) {
			s.origin = vec{b.low[0], b.low[1], zOf(k)}
			a.paintLungs(s)
			for i, label := range s.lung {
				if label == 0 || !f.holds(s.at(float64(i%columns), float64(i/columns))) {
					continue
				}
				t := &tallies[k][label]
				t.all++
				if h := s.hu[i]; h >= leastAeratedHU && h <= mostAeratedHU {
					t.aerated++
				}
				if s.lesion[i] != 0 {
					t.opacity++
					if s.hu[i] >= highOpacityHU {
						t.high++
					}
				}
			}
		}
	})
	if err != nil {
		return err
	}
	var lungs [3]lungTally
	for _, label := range []uint8{rightLung, leftLung} {
		for k := range tallies {
			lungs[label].add(tallies[k][label])
		}
	}
	both := lungs[rightLung]
	both.add(lungs[leftLung])
	t.Lungs = LungsTruth{Both: both.truth(), Right: lungs[rightLung].truth(), Left: lungs[leftLung].truth()}
	for _, side := range []side{right, left} {
		low, high, ok := heightsIn(tallies, side.label())
		var zones [3]lungTally
		for k := range tallies {
			if ok {
				zones[zoneIndex(zOf(k), zOf(low)-latticeSliceMM/2, zOf(high)+latticeSliceMM/2)].add(tallies[k][side.label()])
			}
		}
		t.heights[side] = [2]float64{zOf(low) - latticeSliceMM/2, zOf(high) + latticeSliceMM/2}
		h := t.heights[side]
		third := (h[1] - h[0]) / 3
		for i, name := range zoneNames {
			bounds := [2]float64{h[1] - float64(i+1)*third, h[1] - float64(i)*third}
			t.Lungs.Zones = append(t.Lungs.Zones, ZoneTruth{side.String(), name, bounds, zones[i].truth()})
		}
	}
	return nil
}

// zoneNames are the thirds of a lung's height from above.
var zoneNames = [3]string{"upper", "middle", "lower"}

func zoneIndex(z, low, high float64) int {
	return max(0, min(2, int(3*(high-z)/(high-low))))
}

// heightsIn are the first and the last height at which a lung is in the volume.
func heightsIn(tallies [][3]lungTally, label uint8) (low, high int, ok bool) {
	for k := range tallies {
		if tallies[k][label].all == 0 {
			continue
		}
		if !ok {
			low = k
		}
		high, ok = k, true
	}
	return low, high, ok
}

// score gives the published scores.
func (t *Truth) score() {
	s := &t.Severity
	s.PercentageOfOpacity = t.Lungs.Both.OpacityPercent
	s.PercentageOfHighOpacity = t.Lungs.Both.HighOpacityPercent
	s.WellAeratedPercent = t.Lungs.Both.WellAeratedPercent
	for i, z := range t.Lungs.Zones {
		if z.OpacityPercent > 0 {
			s.SixZones[i] = 1 + min(3, int(z.OpacityPercent/25))
		}
		s.SixZoneScore += s.SixZones[i]
	}
	more := math.Max(t.Lungs.Right.OpacityPercent, t.Lungs.Left.OpacityPercent)
	for _, above := range []float64{0, 25, 50, 75} {
		if more > above {
			s.CTGrade++
		}
	}
}
