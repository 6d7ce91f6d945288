package findings

import "fmt"

// DensityKind is what a lesion looks like in the lung window.
type DensityKind string

// The kinds.
const (
	GroundGlass   DensityKind = "ground_glass"
	Consolidation DensityKind = "consolidation"
	Mixed         DensityKind = "mixed"
)

// DensityRule splits opacities by their density: a voxel at HU or above counts
// as consolidation, one below as ground glass. There is no standard for the
// bound, so a rule has a name and is printed with the results.
type DensityRule struct {
	Name   string `json:"name"`
	HU     int16  `json:"threshold_hu"`
	Source string `json:"source"`
}

// DensityRules lists the rules, the default first.
func DensityRules() []DensityRule {
	return []DensityRule{
		{"chaganti2020", HighOpacityHU, "high opacity of Chaganti et al., Radiology: Artificial Intelligence 2020;2(4):e200048"},
		{"bmcid2021", -300, "the best of eight bounds in Quantitative CT for detecting COVID-19 pneumonia in suspected cases, BMC Infectious Diseases 2021, s12879-021-06556-z"},
		{"nonaerated", -100, "non-aerated lung of quantitative CT in ARDS: Gattinoni et al., Am J Respir Crit Care Med 2001;164:1701-1711"},
	}
}

// DefaultDensity is the rule that is taken where none is named.
func DefaultDensity() DensityRule { return DensityRules()[0] }

// DensityRuleNamed finds a rule. The error lists the names.
func DensityRuleNamed(name string) (DensityRule, error) {
	names := ""
	for _, r := range DensityRules() {
		if r.Name == name {
			return r, nil
		}
		names += " " + r.Name
	}
	return DensityRule{}, fmt.Errorf("there is no density rule %q; there are:%s", name, names)
}

// HighOpacityHU is the bound from which an opacity counts as high: Chaganti et
// al., Automated Quantification of CT Patterns Associated with COVID-19 from
// Chest CT, Radiology: Artificial Intelligence 2020;2(4):e200048.
const HighOpacityHU = -200

// Text says how a lesion's kind follows from the rule.
func (r DensityRule) Text() string {
	return fmt.Sprintf("%s: a voxel at %d HU or above is consolidation (%s); a lesion is consolidation where over 2/3 of its voxels are, "+
		"ground_glass where under 1/3 are, mixed between; there is no standard for either", r.Name, r.HU, r.Source)
}

func kindOf(dense float64) DensityKind {
	switch {
	case dense > 2.0/3:
		return Consolidation
	case dense < 1.0/3:
		return GroundGlass
	}
	return Mixed
}
