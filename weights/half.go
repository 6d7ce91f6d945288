package weights

import (
	"fmt"
	"math"
)

// halfToFloat widens an IEEE 754 binary16 value, exactly.
func halfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exponent == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent == 0: // subnormal: fraction * 2^-24
		v := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// floatToHalf narrows to binary16, to nearest, ties to even. A finite value
// beyond its range is an error.
func floatToHalf(v float32) (uint16, error) {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	exponent, fraction := int(bits>>23&0xff), bits&0x7fffff
	switch {
	case exponent == 0xff && fraction != 0:
		return sign | 0x7e00, nil
	case exponent == 0xff:
		return sign | 0x7c00, nil
	case exponent < 102: // below half of the least subnormal
		return sign, nil
	case exponent < 113: // subnormal
		fraction |= 0x800000
		shift := uint(126 - exponent)
		return sign | uint16(roundShift(fraction, shift)), nil
	}
	h := roundShift(uint32(exponent-112)<<23|fraction, 13)
	if h >= 0x7c00 {
		return 0, fmt.Errorf("%g is beyond half precision (at most 65504)", v)
	}
	return sign | uint16(h), nil
}

// roundShift is v / 2^shift to nearest, ties to even.
func roundShift(v uint32, shift uint) uint32 {
	half := uint32(1) << (shift - 1)
	rest := v & (half<<1 - 1)
	v >>= shift
	if rest > half || rest == half && v&1 == 1 {
		v++
	}
	return v
}

// bfloatToFloat widens a bfloat16 value, exactly.
func bfloatToFloat(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// floatToBfloat narrows to bfloat16, to nearest, ties to even. A finite value
// that would become infinite is an error.
func floatToBfloat(v float32) (uint16, error) {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40, nil
	}
	b := roundShift(bits, 16)
	if b&0x7fff == 0x7f80 && !math.IsInf(float64(v), 0) {
		return 0, fmt.Errorf("%g is beyond bfloat16", v)
	}
	return uint16(b), nil
}
