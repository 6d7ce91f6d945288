//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

// allowed says in which types each convolution of a network may be computed at
// a precision. The first ones, which read an input, and the last ones, behind
// which no other stands, are the most sensitive and stay float32. One that is
// too sensitive for 8 bits is computed in bfloat16 where that may be. In training
// all tensors are float32, and what is multiplied may be rounded.
func allowed(s staged, o Options, training bool) func(v *Value) []kinds {
	switch o.Precision {
	case BFloat16, Int8:
	default:
		return func(*Value) []kinds { return []kinds{floats()} }
	}
	inner := innerConvolutions(s)
	return func(v *Value) []kinds {
		all := []kinds{floats()}
		if training {
			if inner[v] && onednn.HasBFloat16() {
				all[0].rounding = o.rounding()
			}
			return all
		}
		if !inner[v] || o.Calibration.keeps(BFloat16, v.name) && (o.Precision == BFloat16 || o.Calibration.keeps(Int8, v.name)) {
			return all
		}
		var reduced []kinds
		if onednn.HasBFloat16() && !o.Calibration.keeps(BFloat16, v.name) {
			rounding := o.rounding()
			reduced = append(reduced, kinds{onednn.BF16, onednn.BF16, rounding}, kinds{onednn.BF16, onednn.F32, rounding})
		}
		if o.Precision == Int8 && !o.Calibration.keeps(Int8, v.name) {
			narrowest := eightBitKinds(v, o)
			if o.Narrowest && len(narrowest) > 0 {
				return narrowest
			}
			reduced = append(reduced, narrowest...)
		}
		if o.Narrowest {
			return reduced
		}
		return append(all, reduced...)
	}
}

// rounding is that of convolutions in bfloat16. A calibration that was made
// without it does not speak for it.
func (o Options) rounding() rounding {
	switch {
	case o.Calibration != nil && !o.Calibration.Rounded:
		return unrounded
	case o.Narrowest:
		return mustRound
	}
	return mayRound
}

// Reduces reports whether convolutions are computed in a reduced precision here,
// should it be allowed; else they stay float32. What is kept from 8 bits wants
// bfloat16.
func Reduces(p Precision) bool {
	switch p {
	case BFloat16:
		return onednn.HasBFloat16()
	case Int8:
		return onednn.HasBFloat16() && onednn.MultipliesEightBits()
	}
	return false
}

// eightBitKinds are those that a convolution's ranges allow. That of a result
// was seen behind all that is fused into the convolution.
func eightBitKinds(v *Value, o Options) []kinds {
	r, ok := o.Calibration.Convolutions[v.name]
	if !ok || !r.In.usable() || !onednn.MultipliesEightBits() {
		return nil
	}
	in := eightBitKind(r.In)
	all := []kinds{{in: in, out: onednn.F32}}
	// A residual's range is not known, and it is added in the result's type.
	if conv, _ := asConv(v); r.Out.usable() && !conv.residual && o.fusesAll() {
		all = append(all, kinds{in: in, out: eightBitKind(r.Out)})
	}
	return all
}

func eightBitKind(r Range) onednn.Type {
	if r.Signed {
		return onednn.S8
	}
	return onednn.U8
}

// innerConvolutions are those with others before and behind them.
func innerConvolutions(s staged) map[*Value]bool {
	before, behind := map[*Value]bool{}, map[*Value]bool{}
	for _, v := range s.nodes {
		for _, in := range v.inputs {
			if _, ok := asConv(in); ok || before[in] {
				before[v] = true
			}
		}
	}
	for i := len(s.nodes) - 1; i >= 0; i-- {
		v := s.nodes[i]
		if _, ok := asConv(v); ok || behind[v] {
			for _, in := range v.inputs {
				behind[in] = true
			}
		}
	}
	inner := map[*Value]bool{}
	for _, v := range s.nodes {
		if _, ok := asConv(v); ok && before[v] && behind[v] {
			inner[v] = true
		}
	}
	return inner
}
