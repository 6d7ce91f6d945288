package findings

import (
	"context"
	"math"
	"testing"
)

func TestPocketsAtTheWallAreLungAndThoseAtTheMiddleAreNot(t *testing.T) {
	for _, flipped := range []bool{false, true} {
		v := thoraxVolume(flipped, flipped)
		for s := range v.Slices {
			for r := range v.Rows {
				for c := range v.Columns {
					p := v.Position(float64(c), float64(r), float64(s))
					wall := math.Hypot(p[0]+115, p[1]-10) < 40 && math.Abs(p[2]) < 50 // a consolidation at the right lung's side
					heart := math.Hypot(p[0]-20, p[1]+5) < 38 && math.Abs(p[2]) < 50  // into the left lung
					i := (s*v.Rows+r)*v.Columns + c
					if (wall || heart) && v.HU[i] == -800 {
						v.HU[i] = 35
					}
				}
			}
		}
		l, err := LungsOfVolume(context.Background(), v)
		if err != nil {
			t.Fatal(err)
		}
		at := func(x, y float64) Side { return l.At(column(v, x), row(v, y), slice(v, 0)) }
		if got := at(-100, 10); got != Right {
			t.Errorf("flipped %v: the consolidation at the wall counts as %q", flipped, got)
		}
		if got := at(45, -5); got != NoLung {
			t.Errorf("flipped %v: the heart counts as %q", flipped, got)
		}
	}
}

func TestALargeHoleIsNotFilled(t *testing.T) {
	p := plane{w: 100, h: 100, sx: 1, sy: 1, at: make([]uint8, 10000)}
	for y := 10; y < 90; y++ {
		for x := 10; x < 90; x++ {
			large := x >= 20 && x < 70 && y >= 20 && y < 70
			small := x >= 75 && x < 80 && y >= 75 && y < 80
			if !large && !small {
				p.at[y*100+x] = 1
			}
		}
	}
	out := p.fillTo(2000)
	if out.at[40*100+40] != 0 || out.at[77*100+77] != 1 {
		t.Errorf("the large hole %d, the small one %d", out.at[40*100+40], out.at[77*100+77])
	}
}
