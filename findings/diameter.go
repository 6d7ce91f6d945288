package findings

import (
	"cmp"
	"math"
	"slices"
)

// largestDistance is the length in millimetres between the two points of a
// component's outline that are farthest apart. Within a slice the outline runs
// along the cells' edges, between slices along the slices' centres: so a
// component of one slice has the diameter that is measured in that slice.
func largestDistance(g Grid, runs []run) float64 {
	var hull []point2
	var ends [][3]float64
	flush := func(slice int32) {
		for _, p := range convexHull(hull) {
			ends = append(ends, g.Point(p.x-0.5, p.y-0.5, float64(slice)))
		}
		hull = hull[:0]
	}
	for i, r := range runs {
		if i > 0 && r.slice != runs[i-1].slice {
			flush(runs[i-1].slice)
		}
		for _, x := range [2]int32{r.from, r.to} {
			hull = append(hull, point2{float64(x), float64(r.row)}, point2{float64(x), float64(r.row + 1)})
		}
	}
	if len(runs) > 0 {
		flush(runs[len(runs)-1].slice)
	}
	return farthest(ends)
}

// perimeterPoints bounds the pairs that farthest looks at.
const perimeterPoints = 4000

func farthest(points [][3]float64) float64 {
	// Of a component with very many corners every k-th is taken: the corners of
	// one slice's hull lie close together, so little is lost.
	step := len(points)/perimeterPoints + 1
	best := 0.0
	for i := 0; i < len(points); i += step {
		for j := i + step; j < len(points); j += step {
			a, b := points[i], points[j]
			d := [3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]}
			best = max(best, dot(d, d))
		}
	}
	return math.Sqrt(best)
}

type point2 struct{ x, y float64 }

// convexHull is Andrew's monotone chain (1979). It reorders its argument.
func convexHull(ps []point2) []point2 {
	slices.SortFunc(ps, func(a, b point2) int {
		return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y))
	})
	ps = slices.Compact(ps)
	if len(ps) < 3 {
		return slices.Clone(ps)
	}
	hull := make([]point2, 0, 64)
	grow := func(p point2, base int) {
		for len(hull) >= base+2 && turn(hull[len(hull)-2], hull[len(hull)-1], p) <= 0 {
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, p)
	}
	for _, p := range ps {
		grow(p, 0)
	}
	lower := len(hull) - 1
	for i := len(ps) - 2; i >= 0; i-- {
		grow(ps[i], lower)
	}
	return hull[:len(hull)-1]
}

func turn(a, b, c point2) float64 {
	return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x)
}
