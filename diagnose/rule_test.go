package diagnose

import "testing"

// many returns n slices of one probability and the rest of all at 0.1.
func many(n int, p float64, all int) []float64 {
	out := make([]float64, all)
	for i := range out {
		out[i] = 0.1
		if i >= all-n {
			out[i] = p
		}
	}
	return out
}

func TestRulesReachTheirVerdicts(t *testing.T) {
	published := DefaultRule()
	published.Choice = RulePublished
	ml := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name        string
		rule        Rule
		slices      int
		evidence    []float64
		spacing     float64
		opacity     *float64
		want        Verdict
		probability float64 // 0: absent
		by          string
	}{
		{"forty millimetres of positive slices are positive", DefaultRule(), 60, many(8, 0.9, 50), 5, nil, Positive, 0.9, "extent"},
		{"thin slices must be more for the same length", DefaultRule(), 300, many(39, 0.9, 250), 1, nil, Indeterminate, 0.1, "extent"},
		{"half the length is indeterminate", DefaultRule(), 60, many(4, 0.9, 50), 5, nil, Indeterminate, 0.1, "extent"},
		{"less than half the length is negative", DefaultRule(), 60, many(3, 0.9, 50), 5, nil, Negative, 0.1, "extent"},
		{"a short study is positive when all of its slices are", DefaultRule(), 3, many(3, 0.8, 3), 5, nil, Positive, 0.8, "extent"},
		{"positive slices without opacity are indeterminate", DefaultRule(), 60, many(20, 0.9, 50), 5, ml(0.4), Indeterminate, 0.9, "extent"},
		{"positive slices with opacity are positive", DefaultRule(), 60, many(20, 0.9, 50), 5, ml(20), Positive, 0.9, "extent"},
		{"no lung is indeterminate", DefaultRule(), 60, nil, 5, nil, Indeterminate, 0, "extent"},
		{"a stack needs its share", DefaultRule(), 20, many(3, 0.7, 20), 0, nil, Positive, 0.7, "share"},
		{"half the share is indeterminate", DefaultRule(), 20, many(2, 0.7, 20), 0, nil, Indeterminate, 0.1, "share"},
		{"less is negative", DefaultRule(), 20, many(1, 0.7, 20), 0, nil, Negative, 0.1, "share"},
		{"a lone picture over the threshold is positive", DefaultRule(), 1, []float64{0.6}, 0, nil, Positive, 0.6, "single_slice"},
		{"a lone picture near the threshold is indeterminate", DefaultRule(), 1, []float64{0.54}, 0, nil, Indeterminate, 0.54, "single_slice"},
		{"a lone picture below is negative", DefaultRule(), 1, []float64{0.3}, 0, nil, Negative, 0.3, "single_slice"},
		{"eighteen positive slices are negative as published", published, 60, many(18, 0.9, 50), 5, nil, Negative, 0.1, "published"},
		{"nineteen are positive as published", published, 60, many(19, 0.9, 50), 5, ml(0), Positive, 0.9, "published"},
		{"eighteen slices cannot be judged as published", published, 18, many(18, 0.9, 18), 5, nil, Indeterminate, 0, "published"},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, p, j := c.rule.judge(evidence{
				probabilities: c.evidence, slices: c.slices, spacingMM: c.spacing, lungSeen: len(c.evidence) > 0, opacityML: c.opacity,
			})
			if verdict != c.want || j.Name != c.by {
				t.Errorf("%s by %s, want %s by %s", verdict, j.Name, c.want, c.by)
			}
			switch {
			case p == nil && c.probability != 0:
				t.Errorf("no probability, want %g", c.probability)
			case p != nil && *p != c.probability:
				t.Errorf("probability %g, want %g", *p, c.probability)
			}
		})
	}
}

func TestTheProbabilityIsOverTheThresholdExactlyWhereSlicesReachFarEnough(t *testing.T) {
	for n := range 30 {
		verdict, p, _ := DefaultRule().judge(evidence{probabilities: many(n, 0.9, 40), slices: 60, spacingMM: 2.5, lungSeen: true})
		if (verdict == Positive) != (*p > 0.5) {
			t.Errorf("%d positive slices: %s at %g", n, verdict, *p)
		}
	}
}

func TestARuleWithoutSenseIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Rule){
		"unknown":          func(r *Rule) { r.Choice = "majority" },
		"threshold of one": func(r *Rule) { r.SliceThreshold = 1 },
		"no length":        func(r *Rule) { r.LengthMM = 0 },
		"share over one":   func(r *Rule) { r.Share = 1.5 },
		"negative opacity": func(r *Rule) { r.OpacityML = -1 },
		"wide margin":      func(r *Rule) { r.Margin = 0.5 },
	} {
		r := DefaultRule()
		change(&r)
		if r.Check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
