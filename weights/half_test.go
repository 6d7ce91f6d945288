package weights

import (
	"math"
	"testing"
)

func TestEveryHalfComesBackFromFloat(t *testing.T) {
	for h := range 1 << 16 {
		v := halfToFloat(uint16(h))
		if v != v {
			continue
		}
		if got, err := floatToHalf(v); err != nil || got != uint16(h) {
			t.Fatalf("half %#x is %g, which becomes %#x (%v)", h, v, got, err)
		}
	}
}

func TestEveryBfloatComesBackFromFloat(t *testing.T) {
	for b := range 1 << 16 {
		v := bfloatToFloat(uint16(b))
		if v != v {
			continue
		}
		if got, err := floatToBfloat(v); err != nil || got != uint16(b) {
			t.Fatalf("bfloat16 %#x is %g, which becomes %#x (%v)", b, v, got, err)
		}
	}
}

func TestHalvesRoundToNearestAndTiesToEven(t *testing.T) {
	half := func(v float32) float32 {
		h, err := floatToHalf(v)
		if err != nil {
			t.Fatal(err)
		}
		return halfToFloat(h)
	}
	bfloat := func(v float32) float32 {
		b, err := floatToBfloat(v)
		if err != nil {
			t.Fatal(err)
		}
		return bfloatToFloat(b)
	}
	const least = 1.0 / (1 << 24) // of half precision
	cases := []struct {
		narrow    func(float32) float32
		in, wants float32
	}{
		{half, 2049, 2048}, {half, 2051, 2052}, {half, 2049.5, 2050}, {half, -2051, -2052},
		{half, 65519, 65504}, {half, 1.5 * least, 2 * least}, {half, 2.5 * least, 2 * least},
		{half, 0.5 * least, 0}, {half, 0.51 * least, least}, {half, 1e-30, 0},
		{half, 1023.7 * least, 1024 * least},
		{bfloat, 257, 256}, {bfloat, 259, 260}, {bfloat, 257.5, 258}, {bfloat, -259, -260},
	}
	for _, c := range cases {
		if got := c.narrow(c.in); got != c.wants {
			t.Errorf("%g becomes %g, want %g", c.in, got, c.wants)
		}
	}
}

func TestHalvesKeepInfinityAndNaN(t *testing.T) {
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		h, err := floatToHalf(float32(v))
		b, err2 := floatToBfloat(float32(v))
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for _, got := range []float32{halfToFloat(h), bfloatToFloat(b)} {
			if got != float32(v) && v == v || v != v && got == got {
				t.Errorf("%g becomes %g", v, got)
			}
		}
	}
}
