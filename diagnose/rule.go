package diagnose

import (
	"fmt"
	"math"
	"slices"
)

// RuleChoice says by which rule a patient is judged.
type RuleChoice string

// The rules. RuleAuto takes the one that fits the input.
const (
	RuleAuto RuleChoice = "auto"
	// RulePublished: more than 18 positive slices, whatever their spacing (Wu
	// and others, IEEE TIP 2021).
	RulePublished RuleChoice = "published"
)

// Rule holds the numbers of the patient's rules.
//
// A study is positive where its positive slices reach far enough: over LengthMM
// of lung where the spacing is known ("extent"), over Share of the pictures of
// a stack where it is not ("share"), and a lone slice or picture by its own
// probability ("single_slice"). With at least half of that the study is
// indeterminate, with less it is negative. A positive study whose segmented
// slices show less than OpacityML of opacity inside the lungs is indeterminate
// too, for then the two networks contradict each other.
//
// The study's probability is the one that so many slices reach or exceed as the
// rule asks for, so that it is over SliceThreshold exactly where the slices
// reach far enough.
type Rule struct {
	Choice         RuleChoice
	SliceThreshold float64 // a slice is positive above it
	LengthMM       float64
	Share          float64
	OpacityML      float64
	Margin         float64 // of a single slice's probability around SliceThreshold, within which it is indeterminate
}

// DefaultRule returns the default numbers.
func DefaultRule() Rule {
	return Rule{Choice: RuleAuto, SliceThreshold: 0.5, LengthMM: 40, Share: 0.15, OpacityML: 1, Margin: 0.05}
}

// Check says what keeps the rule from making sense, if anything.
func (r Rule) Check() error {
	switch {
	case r.Choice != RuleAuto && r.Choice != RulePublished:
		return fmt.Errorf("there is no rule %q: auto and published are", r.Choice)
	case !(r.SliceThreshold > 0 && r.SliceThreshold < 1):
		return fmt.Errorf("a slice's threshold of %g is not between 0 and 1", r.SliceThreshold)
	case !(r.LengthMM > 0) || math.IsInf(r.LengthMM, 0):
		return fmt.Errorf("a length of %g mm is not over 0", r.LengthMM)
	case !(r.Share > 0 && r.Share <= 1):
		return fmt.Errorf("a share of %g is not within 0 to 1", r.Share)
	case !(r.OpacityML >= 0):
		return fmt.Errorf("an opacity of %g mL is below 0", r.OpacityML)
	case !(r.Margin >= 0 && r.Margin < 0.5):
		return fmt.Errorf("a margin of %g is not within 0 to 0.5", r.Margin)
	}
	return nil
}

// publishedSlices is what the published rule asks to be exceeded.
const publishedSlices = 18

// Judgement says how the verdict was reached.
type Judgement struct {
	Name           string  `json:"name"`
	Threshold      float64 `json:"threshold"`
	Unit           string  `json:"unit"` // of Threshold: mm, slices, share or probability
	SliceThreshold float64 `json:"slice_threshold"`
	PositiveSlices int     `json:"positive_slices"`
	// PositiveLengthMM is the thickness of the positive slices together, where
	// the spacing is known.
	PositiveLengthMM *float64 `json:"positive_length_mm,omitempty"`
	MinimumOpacityML *float64 `json:"minimum_opacity_ml,omitempty"`
	Text             string   `json:"text"`
	// Doubts are the codes of warnings for which alone the verdict is
	// indeterminate.
	Doubts []string `json:"doubts,omitempty"`
}

// evidence is what a rule looks at.
type evidence struct {
	probabilities []float64 // of the slices that show lung
	slices        int       // of the study
	spacingMM     float64   // between slices, 0 where not known
	lungSeen      bool
	opacityML     *float64
}

// judge turns the slices into one verdict.
func (r Rule) judge(e evidence) (Verdict, *float64, *Judgement) {
	sorted := slices.Clone(e.probabilities)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	positive := 0
	for _, p := range sorted {
		if p > r.SliceThreshold {
			positive++
		}
	}
	j := &Judgement{SliceThreshold: r.SliceThreshold, PositiveSlices: positive}
	if e.spacingMM > 0 && e.slices > 1 {
		j.PositiveLengthMM = pointer(float64(positive) * e.spacingMM)
	}
	verdict, needed := Negative, 1
	switch {
	case r.Choice == RulePublished:
		needed = publishedSlices + 1
		j.Name, j.Threshold, j.Unit = "published", publishedSlices, "slices"
		j.Text = "positive with more than 18 positive slices (Wu et al. 2021)"
		verdict = verdictOf(positive >= needed, false)
	case e.slices == 1:
		j.Name, j.Threshold, j.Unit = "single_slice", r.SliceThreshold, "probability"
		j.Text = fmt.Sprintf("positive by the slice's own probability; indeterminate within %g of the threshold", r.Margin)
		if len(sorted) == 1 {
			near := math.Abs(sorted[0]-r.SliceThreshold) <= r.Margin
			verdict = verdictOf(positive == 1 && !near, near)
		}
	case e.spacingMM > 0:
		needed = reach(r.LengthMM/e.spacingMM, len(sorted))
		j.Name, j.Threshold, j.Unit = "extent", r.LengthMM, "mm"
		j.MinimumOpacityML = pointer(r.OpacityML)
		j.Text = fmt.Sprintf("positive where the positive slices together are at least %g mm thick (or all slices with lung are positive) "+
			"and, if segmented, show at least %g mL of opacity in the lungs; indeterminate from half that length", r.LengthMM, r.OpacityML)
		verdict = verdictOf(positive >= needed, 2*positive >= needed)
	default:
		needed = reach(r.Share*float64(len(sorted)), len(sorted))
		j.Name, j.Threshold, j.Unit = "share", r.Share, "share"
		j.Text = fmt.Sprintf("positive where at least %g of the pictures with lung are positive; indeterminate from half of that", r.Share)
		verdict = verdictOf(positive >= needed, 2*positive >= needed)
	}
	var probability *float64
	if needed <= len(sorted) {
		probability = pointer(sorted[needed-1])
	}
	switch {
	case !e.lungSeen, r.Choice == RulePublished && e.slices <= publishedSlices:
		verdict = Indeterminate
	case verdict == Positive && j.MinimumOpacityML != nil && e.opacityML != nil && *e.opacityML < r.OpacityML:
		verdict = Indeterminate
	}
	return verdict, probability, j
}

func verdictOf(positive, doubtful bool) Verdict {
	switch {
	case positive:
		return Positive
	case doubtful:
		return Indeterminate
	}
	return Negative
}

// reach is how many slices a rule needs, at least one and at most all.
func reach(want float64, all int) int {
	return max(1, min(int(math.Ceil(want-1e-9)), all))
}
