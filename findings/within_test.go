package findings

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestWithinMarksWhatTheDistancesSay(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	fast := 0
	for range 400 {
		p := plane{w: 1 + rng.IntN(300), h: 1 + rng.IntN(60), sx: 0.2 + 2*rng.Float64(), sy: 0.2 + 2*rng.Float64()}
		if rng.IntN(3) == 0 { // distances that equal the radius
			p.sx, p.sy = 1.5, 1.5
		}
		p.at = make([]uint8, p.w*p.h)
		share := rng.Float64()
		for i := range p.at {
			if rng.Float64() < share*share*share {
				p.at[i] = 1
			}
		}
		radius := float64(rng.IntN(40)) * 1.5
		if p.reach(radius) != nil {
			fast++
		}
		for _, want := range []uint8{0, 1} {
			if !bytes.Equal(p.within(radius, want), p.withinAny(radius, want)) {
				t.Fatalf("%d x %d pixels of %g x %g, radius %g, want %d: another plane", p.w, p.h, p.sx, p.sy, radius, want)
			}
		}
	}
	if fast < 100 || fast == 400 {
		t.Errorf("%d of 400 were done the fast way: both must be tried", fast)
	}
}

func BenchmarkOpening(b *testing.B) {
	p := plane{w: 256, h: 256, sx: 1.4, sy: 1.4, at: make([]uint8, 1<<16)}
	for i := range p.at {
		p.at[i] = uint8(i >> 5 & 1)
	}
	for b.Loop() {
		p.open(3)
	}
}
