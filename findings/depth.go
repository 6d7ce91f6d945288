package findings

import (
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Distribution says how deep in its lung something lies.
type Distribution string

// The distributions. Peripheral is the outer third of the lung's depth, Central
// the inner two thirds.
//
// That subpleural lesions are those of the peripheral third of the lung is the
// radiologists' convention; how it is measured is ours: depth is the distance,
// within the axial slice, to the convex outline of both lungs together, so that
// it grows from the chest wall to the mediastinum. A third is one of the
// greatest depth that the lung reaches in any slice.
const (
	Peripheral           Distribution = "peripheral"
	Central              Distribution = "central"
	PeripheralAndCentral Distribution = "both" // over a third of it in each
)

// depths are the lungs' depths, found when they are first asked for.
type depths struct {
	once sync.Once
	of   [][]uint8  // [slice][block], in halves of a millimetre, at most 255 of them
	rim  [3]float64 // of each side: the depth to which it is peripheral, in the same unit
}

const depthsPerMM = 2

// peripheral reports whether a block lies in the outer third of a lung's depth.
// What lies outside the outline does.
func (l *Lungs) peripheral(side Side, slice, block int) bool {
	l.depths.once.Do(l.findDepths)
	of := l.depths.of[slice]
	return of == nil || float64(of[block]) <= l.depths.rim[side]
}

func (l *Lungs) findDepths() {
	d := &l.depths
	d.of = make([][]uint8, len(l.sides))
	greatest := make([][3]uint8, len(l.sides))
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for s, sides := range l.sides {
		if sides == nil {
			continue
		}
		group.Go(func() error {
			d.of[s] = l.depthsOf(sides)
			for i, v := range sides {
				greatest[s][v] = max(greatest[s][v], d.of[s][i])
			}
			return nil
		})
	}
	_ = group.Wait() // there is no error among them
	for side := range d.rim {
		for _, g := range greatest {
			d.rim[side] = max(d.rim[side], float64(g[side])/3)
		}
	}
}

// depthsOf is the depth of every block of a slice.
func (l *Lungs) depthsOf(sides []uint8) []uint8 {
	outline := l.blocks()
	fillPolygon(outline, convexHull(l.ends(sides, func(v Side) bool { return v != NoLung })))
	out := make([]uint8, len(sides))
	half := math.Min(outline.sx, outline.sy) / 2 // from a block's middle to its edge
	for i, d2 := range squaredDistance(outline, 0) {
		if d2 > 0 && d2 < far {
			out[i] = uint8(min(255, depthsPerMM*(math.Sqrt(float64(d2))-half)))
		}
	}
	return out
}

// ends are the first and the last block of each row that counts: only these can
// be corners of the convex hull.
func (l *Lungs) ends(sides []uint8, counts func(Side) bool) []point2 {
	var corners []point2
	for y := 0; sides != nil && y < l.h; y++ {
		line := sides[y*l.w:][:l.w]
		first, last := 0, l.w-1
		for first < l.w && !counts(Side(line[first])) {
			first++
		}
		if first == l.w {
			continue
		}
		for !counts(Side(line[last])) {
			last--
		}
		corners = append(corners, point2{float64(first), float64(y)}, point2{float64(last), float64(y)})
	}
	return corners
}

// distributionOf names a share of cells in the outer third.
func distributionOf(peripheral float64) Distribution {
	switch {
	case peripheral > 2.0/3:
		return Peripheral
	case peripheral < 1.0/3:
		return Central
	}
	return PeripheralAndCentral
}
