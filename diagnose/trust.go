package diagnose

import "github.com/jcs-ct/jcs/ct"

// doubt says what a warning of the input does to a verdict.
type doubt int

const (
	doubtsAll      doubt = iota + 1 // any answer would be a guess
	doubtsNegative                  // what was found stands, but its absence says nothing
)

// doubts are the warnings of an input that make an answer a guess; the table is
// in docs/verdict.md.
var doubts = map[string]doubt{
	"not_hu":          doubtsAll,
	"no_air":          doubtsAll,
	"no_lungs":        doubtsAll,
	"not_chest":       doubtsAll,
	"window_not_lung": doubtsAll,
	"noise_extreme":   doubtsAll,
	"lungs_cut_off":   doubtsNegative,
	"thick_slices":    doubtsNegative,
	"few_slices":      doubtsNegative,
}

// distrust makes the verdict indeterminate where the warnings of the input leave
// nothing to trust, and returns their codes.
func distrust(v Verdict, warnings []ct.Warning) (Verdict, []string) {
	var codes []string
	for _, w := range warnings {
		d := doubts[w.Code]
		if d == doubtsAll && v != "" || d == doubtsNegative && v == Negative {
			codes = append(codes, w.Code)
		}
	}
	if len(codes) > 0 {
		return Indeterminate, codes
	}
	return v, nil
}
