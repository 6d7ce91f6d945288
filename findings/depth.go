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
	deep [][]uint64 // [slice][block / 64]: a bit is set where it is beyond the outer third of its lung
}

const depthsPerMM = 2

// peripheral reports whether a block lies in the outer third of its lung's
// depth. What lies outside the lungs' outline does.
func (l *Lungs) peripheral(slice, block int) bool {
	l.depths.once.Do(l.findDepths)
	deep := l.depths.deep[slice]
	return deep == nil || deep[block/64]>>(block%64)&1 == 0
}

// findDepths looks at every slice twice: first for the greatest depth, then for
// what is beyond a third of it. Only a bit a block is kept. Blocks beyond the
// lungs count to the side of the body that they lie on.
func (l *Lungs) findDepths() {
	greatest := make([][3]uint8, len(l.sides))
	l.eachDepth(func(s int, of []uint8) {
		for i, v := range l.sides[s] {
			greatest[s][v] = max(greatest[s][v], of[i])
		}
	})
	var rim [3]float64
	for _, g := range greatest {
		for side := range rim {
			rim[side] = max(rim[side], float64(g[side])/3)
		}
	}
	l.depths.deep = make([][]uint64, len(l.sides))
	l.eachDepth(func(s int, of []uint8) {
		bits := make([]uint64, (len(of)+63)/64)
		for i, depth := range of {
			side := Side(l.sides[s][i])
			if side == NoLung {
				side = l.sideOf((float64(i%l.w)+0.5)*float64(l.factor) - 0.5)
			}
			if float64(depth) > rim[side] {
				bits[i/64] |= 1 << (i % 64)
			}
		}
		l.depths.deep[s] = bits
	})
}

// eachDepth calls f with the depths of every slice that shows lung, several at a
// time.
func (l *Lungs) eachDepth(f func(slice int, of []uint8)) {
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for s, sides := range l.sides {
		if sides == nil {
			continue
		}
		group.Go(func() error {
			f(s, l.depthsOf(sides))
			return nil
		})
	}
	_ = group.Wait() // there is no error among them
}

// depthsOf is the depth of every block of a slice, in halves of a millimetre and
// at most 255 of them.
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
