package ct

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestQuaternionsGiveTheirRotationsBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	check := func(m [4][4]float64) {
		t.Helper()
		q, ok := quaternionOf(m)
		if !ok {
			t.Fatalf("%v is no rotation", m)
		}
		// As a file holds them.
		q.b, q.c, q.d = float64(float32(q.b)), float64(float32(q.c)), float64(float32(q.d))
		columns, ok := q.rotation()
		if !ok {
			t.Fatalf("%+v of %v is no rotation", q, m)
		}
		for j := range 3 {
			want := [3]float64{m[0][j], m[1][j], m[2][j]}
			if d := norm(sub(columns[j], scale(want, 1/norm(want)))); !(d < 1e-3) {
				t.Fatalf("axis %d of %v comes back as %v, %v away", j, m, columns[j], d)
			}
		}
	}
	for _, axes := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for flips := range 8 {
			var m [4][4]float64
			for j, i := range axes {
				m[i][j] = float64(j) + 0.5
				if flips>>j&1 == 1 {
					m[i][j] *= -1
				}
			}
			check(m)
		}
	}
	for range 2000 {
		a := [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		b := [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		c := cross(a, b)
		b = cross(c, a)
		if rng.IntN(2) == 0 {
			c = scale(c, -1)
		}
		var m [4][4]float64
		for i := range 3 {
			m[i] = [4]float64{a[i], b[i], c[i], 0}
		}
		check(m)
	}
}

func TestShearedAffinesHaveNoQuaternion(t *testing.T) {
	m := [4][4]float64{{1, 0, 0, 0}, {0, 1, math.Sin(0.3), 0}, {0, 0, math.Cos(0.3), 0}}
	if q, ok := quaternionOf(m); ok {
		t.Errorf("a tilted gantry gives %+v", q)
	}
}
