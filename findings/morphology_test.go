package findings

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSquaredDistanceAgreesWithLookingAtEveryPixel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		p := plane{w: 1 + rng.IntN(12), h: 1 + rng.IntN(12), sx: 0.4 + rng.Float64(), sy: 0.4 + rng.Float64()}
		p.at = make([]uint8, p.w*p.h)
		for i := range p.at {
			if rng.IntN(6) == 0 {
				p.at[i] = 1
			}
		}
		for _, want := range []uint8{0, 1} {
			got := squaredDistance(p, want)
			for i := range got {
				best := math.Inf(1)
				for j, v := range p.at {
					if v == want {
						dx, dy := float64(i%p.w-j%p.w)*p.sx, float64(i/p.w-j/p.w)*p.sy
						best = min(best, dx*dx+dy*dy)
					}
				}
				if math.IsInf(best, 1) {
					if got[i] < far {
						t.Fatalf("distance %g to nothing", got[i])
					}
				} else if math.Abs(float64(got[i])-best) > 1e-4*(1+best) {
					t.Fatalf("squared distance %g, want %g", got[i], best)
				}
			}
		}
	}
}

func TestClosingFillsANotchAndOpeningDropsASpur(t *testing.T) {
	p := plane{w: 40, h: 40, sx: 1, sy: 1, at: make([]uint8, 1600)}
	set := func(x0, x1, y0, y1 int, v uint8) {
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				p.at[y*40+x] = v
			}
		}
	}
	set(8, 32, 8, 32, 1)
	set(18, 22, 8, 16, 0)  // a notch 4 wide
	set(32, 38, 20, 22, 1) // a spur 2 wide
	if closed := p.close(4); closed.at[12*40+20] == 0 {
		t.Error("the notch is still open")
	}
	opened := p.open(2)
	if opened.at[21*40+36] != 0 {
		t.Error("the spur is still there")
	}
	if opened.at[25*40+10] == 0 {
		t.Error("opening took the body")
	}
	set(12, 15, 20, 23, 0) // a hole
	if filled := p.fill(); filled.at[21*40+13] == 0 || filled.at[2*40+2] != 0 {
		t.Error("fill marks holes and nothing else")
	}
}
