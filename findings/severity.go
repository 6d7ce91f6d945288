package findings

import (
	"fmt"
	"math"
)

// Severity says how much of the lungs is affected, by measures and scores that
// have been published. None of them needs lobes. None is a judgement of the
// patient's state, and their thresholds were set for radiologists' eyes or for
// other programs' masks.
type Severity struct {
	Scores []Score `json:"scores"`
	// Absent names the scores that could not be given, and why.
	Absent  []AbsentScore `json:"absent,omitempty"`
	Density DensityRule   `json:"density_rule"`
}

// Score is a published measure with its value.
type Score struct {
	Name   string     `json:"name"`
	Value  float64    `json:"value"`
	Unit   string     `json:"unit"`            // percent, ml, points or grade
	Grade  string     `json:"grade,omitempty"` // the value in the source's words
	Range  [2]float64 `json:"range"`           // of what the value can be; a volume's upper one is the lungs'
	Source string     `json:"source"`
	Method string     `json:"method"`
	// Zones are what a score of zones is the sum of, in the order of
	// LungMeasures.Zones.
	Zones []ZonePoints `json:"zones,omitempty"`
}

// ZonePoints are a zone's points.
type ZonePoints struct {
	Lung   string `json:"lung"`
	Zone   Zone   `json:"zone"`
	Points int    `json:"points"`
}

// AbsentScore is a score that could not be given.
type AbsentScore struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// The scores' names.
const (
	SixZoneScore         = "six_zone_score"
	PercentOfOpacity     = "percentage_of_opacity"
	PercentOfHighOpacity = "percentage_of_high_opacity"
	WellAeratedPercent   = "well_aerated_lung_percent"
	WellAeratedVolume    = "well_aerated_lung_volume"
	CTGrade              = "ct_grade"
	GroundGlassVolume    = "ground_glass_volume"
	ConsolidationVolume  = "consolidation_volume"
)

const (
	sourceOoi      = "Ooi et al., Radiology 2004;230(3):836-844"
	sourceChaganti = "Chaganti et al., Radiology: Artificial Intelligence 2020;2(4):e200048"
	sourceColombi  = "Colombi et al., Radiology 2020;296(2):E86-E96"
	sourceMosMed   = "Morozov et al., MosMedData, medRxiv 2020.05.20.20100362"
)

// SeverityOf scores what was measured by a density rule; nil where there are no
// volumes.
func SeverityOf(m LungMeasures, rule DensityRule) *Severity {
	if m.Both.VolumeML == 0 {
		return nil
	}
	s := &Severity{Density: rule}
	s.opacity(m)
	s.sixZones(m)
	s.grade(m)
	s.density(m, rule)
	s.aerated(m)
	return s
}

// Score finds a score by its name.
func (s *Severity) Score(name string) (Score, bool) {
	if s != nil {
		for _, c := range s.Scores {
			if c.Name == name {
				return c, true
			}
		}
	}
	return Score{}, false
}

func (s *Severity) add(c Score) { s.Scores = append(s.Scores, c) }

func (s *Severity) lacks(reason string, names ...string) {
	for _, n := range names {
		s.Absent = append(s.Absent, AbsentScore{n, reason})
	}
}

// Label is the score's name for people.
func (c Score) Label() string {
	return map[string]string{
		SixZoneScore: "six zones", PercentOfOpacity: "PO", PercentOfHighOpacity: "PHO",
		WellAeratedPercent: "well aerated", WellAeratedVolume: "well aerated", CTGrade: "grade",
		GroundGlassVolume: "ground glass", ConsolidationVolume: "consolidation",
	}[c.Name]
}

// Text is the score's value with its unit.
func (c Score) Text() string {
	switch c.Unit {
	case "percent":
		return fmt.Sprintf("%.1f %%", c.Value)
	case "ml":
		return fmt.Sprintf("%.0f mL", c.Value)
	case "points":
		return fmt.Sprintf("%.0f of %.0f", c.Value, c.Range[1])
	}
	return c.Grade
}

// Citation is the source in two words.
func (c Score) Citation() string {
	switch c.Source {
	case sourceOoi:
		return "Ooi 2004"
	case sourceChaganti:
		return "Chaganti 2020"
	case sourceColombi:
		return "Colombi 2020"
	case sourceMosMed:
		return "MosMed 2020"
	}
	for _, r := range DensityRules() {
		if r.Source == c.Source {
			return "rule " + r.Name
		}
	}
	return c.Source
}

const (
	nothingSegmented = "no slice was segmented, so that nothing is known of opacities"
	noDensities      = "there are no Hounsfield units"
)

func (s *Severity) opacity(m LungMeasures) {
	if m.Both.OpacityPercent == nil {
		s.lacks(nothingSegmented, PercentOfOpacity, PercentOfHighOpacity)
		return
	}
	s.add(Score{
		Name: PercentOfOpacity, Value: *m.Both.OpacityPercent, Unit: "percent", Range: [2]float64{0, 100}, Source: sourceChaganti,
		Method: "volume of the opacities by the volume of both lungs; slices that were not segmented count as free of opacity",
	})
	if m.Both.HighOpacityPercent == nil {
		s.lacks(noDensities, PercentOfHighOpacity)
		return
	}
	s.add(Score{
		Name: PercentOfHighOpacity, Value: *m.Both.HighOpacityPercent, Unit: "percent", Range: [2]float64{0, 100}, Source: sourceChaganti,
		Method: fmt.Sprintf("volume of the opacities at %d HU or above by the volume of both lungs", HighOpacityHU),
	})
}

// sixZones are 0 to 4 points for each of six zones: 0 for none, 1 for under a
// quarter, 2 for under a half, 3 for under three quarters, 4 for more.
func (s *Severity) sixZones(m LungMeasures) {
	if m.Both.OpacityPercent == nil {
		s.lacks(nothingSegmented, SixZoneScore)
		return
	}
	c := Score{
		Name: SixZoneScore, Unit: "points", Range: [2]float64{0, 24}, Source: sourceOoi,
		Method: "each zone 0 without opacity, 1 under 25 %, 2 under 50 %, 3 under 75 %, 4 from there on; zones are thirds of each lung's own height, " +
			"since carina and inferior pulmonary veins, the source's bounds, are not looked for",
	}
	for _, z := range m.Zones {
		if z.OpacityPercent == nil {
			s.lacks(fmt.Sprintf("the %s zone of the %s lung was not found", z.Zone, z.Lung), SixZoneScore)
			return
		}
		points := 0
		if p := *z.OpacityPercent; p > 0 {
			points = 1 + int(math.Min(3, math.Floor(p/25)))
		}
		c.Zones = append(c.Zones, ZonePoints{z.Lung, z.Zone, points})
		c.Value += float64(points)
	}
	if len(c.Zones) != 2*len(zones) {
		s.lacks("not both lungs have a known height", SixZoneScore)
		return
	}
	s.add(c)
}

// grade is CT-0 to CT-4 by the lung that is affected more.
func (s *Severity) grade(m LungMeasures) {
	switch {
	case m.Both.OpacityPercent == nil:
		s.lacks(nothingSegmented, CTGrade)
	case m.Left.OpacityPercent == nil || m.Right.OpacityPercent == nil:
		s.lacks("a lung was not found, and may be the one that is affected more", CTGrade)
	default:
		p := math.Max(*m.Left.OpacityPercent, *m.Right.OpacityPercent)
		grade := 0
		for _, above := range []float64{0, 25, 50, 75} {
			if p > above {
				grade++
			}
		}
		s.add(Score{
			Name: CTGrade, Value: float64(grade), Grade: fmt.Sprintf("CT-%d", grade), Unit: "grade", Range: [2]float64{0, 4}, Source: sourceMosMed,
			Method: fmt.Sprintf("by the share of opacities in the lung that is affected more, here %.1f %%: CT-0 none, CT-1 to 25 %%, CT-2 to 50 %%, CT-3 to 75 %%, CT-4 above", p),
		})
	}
}

func (s *Severity) density(m LungMeasures, rule DensityRule) {
	switch {
	case m.Both.OpacityML == nil:
		s.lacks(nothingSegmented, GroundGlassVolume, ConsolidationVolume)
	case m.Both.GroundGlassML == nil:
		s.lacks(noDensities, GroundGlassVolume, ConsolidationVolume)
	default:
		upTo := [2]float64{0, m.Both.VolumeML}
		s.add(Score{Name: GroundGlassVolume, Value: *m.Both.GroundGlassML, Unit: "ml", Range: upTo, Source: rule.Source,
			Method: fmt.Sprintf("opacities below %d HU (rule %s; there is no standard)", rule.HU, rule.Name)})
		s.add(Score{Name: ConsolidationVolume, Value: *m.Both.ConsolidationML, Unit: "ml", Range: upTo, Source: rule.Source,
			Method: fmt.Sprintf("opacities at %d HU or above (rule %s; there is no standard)", rule.HU, rule.Name)})
	}
}

func (s *Severity) aerated(m LungMeasures) {
	if m.Both.WellAeratedPercent == nil {
		s.lacks(noDensities, WellAeratedPercent, WellAeratedVolume)
		return
	}
	method := fmt.Sprintf("lung from %d to %d HU, vessels and opacities counting to the lungs' volume", leastAeratedHU, mostAeratedHU)
	s.add(Score{Name: WellAeratedPercent, Value: *m.Both.WellAeratedPercent, Unit: "percent", Range: [2]float64{0, 100}, Source: sourceColombi, Method: method})
	s.add(Score{Name: WellAeratedVolume, Value: *m.Both.WellAeratedML, Unit: "ml", Range: [2]float64{0, m.Both.VolumeML}, Source: sourceColombi, Method: method})
}
