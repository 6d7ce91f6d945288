package diagnose

import (
	"fmt"

	"github.com/jcs-ct/jcs/ct"
)

// judge reaches the verdict, where there was a classifier.
func (s *study) judge() error {
	if s.models.Classifier == nil {
		return nil
	}
	e := evidence{slices: len(s.Slices)}
	if _, _, z, ok := s.in.SpacingMM(); ok {
		e.spacingMM = z
	}
	for i, d := range s.Slices {
		if s.showsLung(i) {
			e.lungSeen = true
			e.probabilities = append(e.probabilities, *d.Probability)
		}
	}
	if ml, ok := s.OpacityML(); ok {
		e.opacityML = &ml
	}
	s.Verdict, s.Probability, s.Rule = s.options.Rule.judge(e)
	s.Verdict, s.Rule.Doubts = distrust(s.Verdict, s.in.Warnings)
	if len(s.Slices) == 1 && s.Probability == nil {
		s.Probability = s.Slices[0].Probability
	}
	s.Methods["probability"] = "the probability that as many slices with lung reach as the rule asks for; calibrated has it calibrated"
	return s.calibrate()
}

const (
	fewSlices      = 10
	opacityOutside = 0.2 // share of the opaque pixels that lay away from the lungs
)

// warn says what a reader should know of the result.
func (s *study) warn() {
	add := func(code, format string, args ...any) {
		s.Warnings = append(s.Warnings, ct.Warning{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	lung, segmented, positive, inLung, inView := 0, 0, 0, 0.0, 0.0
	for i, d := range s.Slices {
		if s.showsLung(i) {
			lung++
			if d.Segmented {
				segmented++
			}
		}
		if d.Positive && d.ActivationInLung != nil && d.LungInView != nil {
			positive++
			inLung += *d.ActivationInLung
			inView += *d.LungInView
		}
	}
	s.warnSquare()
	if s.in.Volume == nil && len(s.Lesions) > 0 {
		add("orientation_assumed", "pictures do not say which side is which: the patient's right is taken to be on the picture's left")
	}
	switch {
	case lung == 0:
		add("no_lung_seen", "no lung was found: the input may not show a chest, or the lungs hold hardly any air")
	case s.in.Volume != nil && len(s.Slices) > 1 && lung < fewSlices:
		add("few_lung_slices", "only %d slices show lung", lung)
	}
	if positive > 0 {
		n := float64(positive)
		s.ActivationInLung, s.LungInView = pointer(inLung/n), pointer(inView/n)
	}
	if inLung < inView { // no more than by chance
		add("activation_outside_lungs", "only %.0f %% of what made the classifier call slices positive lies in the lungs, which take %.0f %% of what it saw: do not trust it without a look at the activation maps",
			100**s.ActivationInLung, 100**s.LungInView)
	}
	dropped := float64(s.dropped.Load())
	if marked := dropped + float64(s.masks.Count()); dropped > 0 && dropped > opacityOutside*marked {
		add("opacity_outside_lungs", "%.0f %% of the pixels that the segmenter marked lay away from the lungs and were dropped", 100*dropped/marked)
	}
	if s.in.Volume != nil && segmented > 0 && segmented < lung {
		add("partly_segmented", "%d of %d slices with lung were called negative and not segmented: volumes, shares and scores of opacities are lower bounds; --segment all measures the rest", lung-segmented, lung)
	}
	if s.PositiveSlices() > 0 && s.options.Segment != SegmentNone && len(s.Lesions) == 0 {
		add("no_opacity_found", "slices were called positive, but no opacity was found in them")
	}
	if s.Rule != nil && s.Rule.Name == "published" && len(s.Slices) <= publishedSlices {
		add("too_few_slices_for_rule", "the published rule asks for more than %d positive slices and the study has %d", publishedSlices, len(s.Slices))
	}
}
