package train

import (
	"maps"
	"slices"

	"github.com/jcs-ct/jcs/nn"
)

// optimiser builds what the configuration names.
func (c Config) optimiser() nn.Optimiser {
	o := c.Optimise
	var rules []nn.Rule
	if !o.DecayAll {
		rules = append(rules, nn.NoDecayOfVectors)
	}
	for _, prefix := range slices.Sorted(maps.Keys(o.Rates)) {
		rules = append(rules, nn.RateUnder(prefix, o.Rates[prefix]))
	}
	var rule nn.Rule
	if len(rules) > 0 {
		rule = nn.Rules(rules...)
	}
	switch o.Method {
	case "sgd":
		return nn.NewSGD(nn.SGDOptions{Momentum: o.Momentum, WeightDecay: o.WeightDecay, Rule: rule})
	case "adam":
		return nn.NewAdam(nn.AdamOptions{WeightDecay: o.WeightDecay, Rule: rule})
	}
	return nn.NewAdamW(nn.AdamOptions{WeightDecay: o.WeightDecay, Rule: rule})
}

// schedule is the learning rate of each step. An epoch, which only the
// published schedule knows, is as many batches as hold all pictures once.
func (c Config) schedule(batches int) nn.Schedule {
	o := c.Optimise
	var s nn.Schedule
	switch o.Schedule {
	case "published":
		return nn.PublishedPoly(o.Rate, max(1, c.Steps/max(batches, 1)), batches)
	case "poly":
		s = nn.Poly(o.Rate, c.Steps, 0.9)
	case "constant":
		s = nn.Constant(o.Rate)
	default:
		s = nn.Cosine(o.Rate, 0, c.Steps)
	}
	return nn.WarmUp(s, int(o.WarmUp*float64(c.Steps)), 0)
}
