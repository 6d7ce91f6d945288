package findings

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// grid returns a grid of the given spacing without rotation.
func grid(columns, rows, slices int, sx, sy, sz float64) Grid {
	return Grid{Columns: columns, Rows: rows, Slices: slices, Affine: [4][4]float64{
		{sx, 0, 0, -100}, {0, sy, 0, -120}, {0, 0, sz, 40}, {0, 0, 0, 1}}}
}

// draw marks the cells for which inside holds.
func draw(g Grid, inside func(c, r, s int) bool) Mask {
	m := make(Mask, g.Slices)
	for s := range m {
		for r := range g.Rows {
			for c := range g.Columns {
				if inside(c, r, s) {
					if m[s] == nil {
						m[s] = make([]uint8, g.Columns*g.Rows)
					}
					m[s][r*g.Columns+c] = 1
				}
			}
		}
	}
	return m
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %g, want %g within %g", what, got, want, tolerance)
	}
}

func TestABoxHasItsVolumeAreaDiameterAndCentreAtAnySpacing(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 60 {
		sx, sy, sz := 0.4+rng.Float64(), 0.4+rng.Float64(), 0.5+6*rng.Float64()
		g := grid(40, 36, 12, sx, sy, sz)
		w, h, d := 8+rng.IntN(20), 8+rng.IntN(20), 2+rng.IntN(8)
		x, y, z := rng.IntN(40-w), rng.IntN(36-h), rng.IntN(12-d)
		m := draw(g, func(c, r, s int) bool {
			return c >= x && c < x+w && r >= y && r < y+h && s >= z && s < z+d
		})
		hu := make([]int16, 40*36*12)
		for k := range hu {
			hu[k] = -500
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			found := Lesions(m, g, hu, nil)
			if len(found) != 1 {
				t.Fatalf("%d lesions, want 1", len(found))
			}
			l := found[0]
			a, b, e := float64(w)*sx, float64(h)*sy, float64(d-1)*sz
			near(t, "volume", l.VolumeML, a*b*float64(d)*sz/1000, 1e-9)
			near(t, "area", l.AreaMM2, a*b, 1e-9)
			near(t, "diameter", l.LargestDiameterMM, math.Sqrt(a*a+b*b+e*e), 1e-9)
			near(t, "centre x", l.CentreMM[0], -100+(float64(x)+float64(w-1)/2)*sx, 1e-9)
			near(t, "centre y", l.CentreMM[1], -120+(float64(y)+float64(h-1)/2)*sy, 1e-9)
			near(t, "centre z", l.CentreMM[2], 40+(float64(z)+float64(d-1)/2)*sz, 1e-9)
			near(t, "mean HU", *l.MeanHU, -500, 0)
			if l.Slices != [2]int{z, z + d - 1} || l.Kind != GroundGlass {
				t.Errorf("slices %v, kind %s", l.Slices, l.Kind)
			}
		})
	}
}

func TestABallHasItsVolumeAndDiameterInAnyOrientation(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		g := grid(64, 64, 48, 0.6+0.3*rng.Float64(), 0.6+0.3*rng.Float64(), 0.8+0.4*rng.Float64())
		g.Affine = rotated(g.Affine, rng)
		radius := 8 + 6*rng.Float64()
		centre := g.Point(31+rng.Float64(), 31+rng.Float64(), 23+rng.Float64())
		m := draw(g, func(c, r, s int) bool {
			p := g.Point(float64(c), float64(r), float64(s))
			d := [3]float64{p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]}
			return dot(d, d) <= radius*radius
		})
		found := Lesions(m, g, nil, nil)
		if len(found) != 1 {
			t.Fatalf("%d lesions, want 1", len(found))
		}
		l := found[0]
		want := 4.0 / 3 * math.Pi * radius * radius * radius / 1000
		near(t, "volume", l.VolumeML, want, 0.02*want)
		near(t, "diameter", l.LargestDiameterMM, 2*radius, 1.3)
		for i := range centre {
			near(t, "centre", l.CentreMM[i], centre[i], 0.1)
		}
		if l.MeanHU != nil || l.Kind != "" {
			t.Error("a density without Hounsfield units")
		}
	}
}

// rotated turns an affine about a random axis.
func rotated(a [4][4]float64, rng *rand.Rand) [4][4]float64 {
	alpha, beta := 2*math.Pi*rng.Float64(), 2*math.Pi*rng.Float64()
	for _, turn := range []struct {
		i, j int
		by   float64
	}{{0, 1, alpha}, {1, 2, beta}} {
		c, s := math.Cos(turn.by), math.Sin(turn.by)
		for k := range 4 {
			x, y := a[turn.i][k], a[turn.j][k]
			a[turn.i][k], a[turn.j][k] = c*x-s*y, s*x+c*y
		}
	}
	return a
}

func TestLesionsAreParted(t *testing.T) {
	g := grid(30, 30, 6, 1, 1, 5)
	big := func(c, r, s int) bool { return c < 10 && r < 10 && s < 3 }
	corner := func(c, r, s int) bool { return c >= 10 && c < 15 && r >= 10 && r < 15 && s == 3 }
	apart := func(c, r, s int) bool { return c >= 20 && c < 26 && r < 6 && s >= 4 }
	speck := func(c, r, s int) bool { return c == 28 && r == 28 && s == 0 }
	m := draw(g, func(c, r, s int) bool { return big(c, r, s) || corner(c, r, s) || apart(c, r, s) || speck(c, r, s) })
	found := Lesions(m, g, nil, nil)
	if len(found) != 2 {
		t.Fatalf("%d lesions, want 2: cells that touch by a corner belong together, specks are dropped", len(found))
	}
	near(t, "first volume", found[0].VolumeML, (300+25)*5/1000.0, 1e-9)
	near(t, "second volume", found[1].VolumeML, 72*5/1000.0, 1e-9)
	if found[0].ID != 1 || found[1].ID != 2 || found[0].Slices != [2]int{0, 3} {
		t.Errorf("ids %d, %d; slices %v", found[0].ID, found[1].ID, found[0].Slices)
	}
	if m[0][28*30+28] != 0 {
		t.Error("the speck is still in the mask")
	}
}

func TestWithoutMillimetresThereArePixelsOnly(t *testing.T) {
	g := Grid{Columns: 64, Rows: 64, Slices: 1}
	m := draw(g, func(c, r, _ int) bool { return c >= 10 && c < 20 && r >= 30 && r < 35 })
	l := Lesions(m, g, nil, nil)[0]
	if l.VolumeML != 0 || l.AreaMM2 != 0 || l.LargestDiameterMM != 0 || l.CentreMM != nil {
		t.Errorf("%+v tells millimetres", l)
	}
	if l.AreaPixels != 50 || *l.CentrePixels != [2]float64{14.5, 32} {
		t.Errorf("%d pixels at %v", l.AreaPixels, *l.CentrePixels)
	}
}

func TestDensityTellsGroundGlassFromConsolidation(t *testing.T) {
	g := grid(20, 20, 1, 1, 1, 5)
	for _, c := range []struct {
		dense int // of 20 columns at +20 HU, the others at -600
		want  DensityKind
	}{{0, GroundGlass}, {6, GroundGlass}, {8, Mixed}, {13, Mixed}, {14, Consolidation}, {20, Consolidation}} {
		hu := make([]int16, 400)
		for i := range hu {
			hu[i] = -600
			if i%20 < c.dense {
				hu[i] = 20
			}
		}
		m := draw(g, func(int, int, int) bool { return true })
		if got := Lesions(m, g, hu, nil)[0].Kind; got != c.want {
			t.Errorf("%d of 20 columns dense is %s, want %s", c.dense, got, c.want)
		}
	}
}

func TestFarthestOfAHullIsThatOfItsPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		ps := make([]point2, 1+rng.IntN(40))
		for i := range ps {
			ps[i] = point2{float64(rng.IntN(12)), float64(rng.IntN(12))}
		}
		span := func(ps []point2) (best float64) {
			for _, a := range ps {
				for _, b := range ps {
					best = max(best, math.Hypot(a.x-b.x, a.y-b.y))
				}
			}
			return best
		}
		want := span(ps)
		if got := span(convexHull(ps)); math.Abs(got-want) > 1e-12 {
			t.Fatalf("hull spans %g, its points %g", got, want)
		}
	}
}
