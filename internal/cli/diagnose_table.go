package cli

import (
	"fmt"
	"sort"
	"strings"

	"github.com/jcs-ct/jcs/diagnose"
	"github.com/jcs-ct/jcs/findings"
)

const researchOnly = "For research. Not a medical device, not for diagnosis."

// printDiagnosis prints the short table for people.
func printDiagnosis(t *terminal, d *diagnose.Diagnosis, out string) error {
	rows := [][]string{{"verdict", verdictText(t, d)}}
	rows = append(rows, []string{"positive slices", positiveText(d)})
	if c := d.Calibrated; c != nil {
		rows = append(rows, []string{"calibrated", fmt.Sprintf("%.2f where %.0f %% of studies are positive, see docs/verdict.md", c.Probability, 100*c.Prevalence)})
	}
	if a := d.ActivationInLung; a != nil {
		rows = append(rows, []string{"activation in lungs", fmt.Sprintf("%.0f %%, by chance %.0f %%", 100**a, 100**d.LungInView)})
	}
	if d.Lesions != nil {
		rows = append(rows, []string{"lesions", fmt.Sprint(len(d.Lesions))})
		if len(d.Lesions) > 0 {
			rows = append(rows, []string{"opacity", opacityText(d)}, []string{"where", whereText(d.Lesions)})
		}
	}
	rows = append(rows, severityRows(d.Severity)...)
	rows = append(rows, []string{"time", timeText(d.TimingMS)})
	rows = append(rows, seriesRows(d.Input.Series)...)
	for _, w := range d.Warnings {
		rows = append(rows, []string{"warning", w.Message})
	}
	rows = append(rows, []string{"written to", out})
	if err := t.table(rows); err != nil {
		return err
	}
	fmt.Fprintln(t.err, researchOnly)
	return nil
}

func verdictText(t *terminal, d *diagnose.Diagnosis) string {
	code := map[diagnose.Verdict]string{diagnose.Positive: "1;33", diagnose.Negative: "1;36", diagnose.Indeterminate: "1"}[d.Verdict]
	text := t.colour(code, string(d.Verdict))
	if d.Probability != nil {
		text += fmt.Sprintf(", probability %.2f", *d.Probability)
	}
	return text
}

func positiveText(d *diagnose.Diagnosis) string {
	text := fmt.Sprintf("%d of %d", d.PositiveSlices(), len(d.Slices))
	if d.Rule == nil {
		return text
	}
	if mm := d.Rule.PositiveLengthMM; mm != nil {
		text += fmt.Sprintf(", %.0f mm", *mm)
	}
	return text + fmt.Sprintf(" (rule %s, %g %s)", d.Rule.Name, d.Rule.Threshold, d.Rule.Unit)
}

// opacityText is the volume of the opacities or, where there is none, their
// area.
func opacityText(d *diagnose.Diagnosis) string {
	var text string
	if ml, ok := d.OpacityML(); ok {
		text = fmt.Sprintf("%.1f mL", ml)
	} else {
		area, pixels := 0.0, 0
		for _, s := range d.Slices {
			if s.OpacityAreaMM2 != nil {
				area += *s.OpacityAreaMM2
			}
			if s.OpacityPixels != nil {
				pixels += *s.OpacityPixels
			}
		}
		text = fmt.Sprintf("%d pixels", pixels)
		if area > 0 {
			text = fmt.Sprintf("%.1f cm²", area/100)
		}
	}
	if d.Lungs != nil && d.Lungs.Both.OpacityPercent != nil {
		text += fmt.Sprintf(", %.1f %% of the lungs", *d.Lungs.Both.OpacityPercent)
	}
	return text
}

// severityRows names each score with its source.
func severityRows(s *findings.Severity) [][]string {
	if s == nil {
		return nil
	}
	var rows [][]string
	for _, c := range s.Scores {
		rows = append(rows, []string{c.Label(), c.Text() + " (" + c.Citation() + ")"})
	}
	for i := 0; i < len(s.Absent); {
		var names []string
		reason := s.Absent[i].Reason
		for ; i < len(s.Absent) && s.Absent[i].Reason == reason; i++ {
			names = append(names, strings.ReplaceAll(s.Absent[i].Name, "_", " "))
		}
		rows = append(rows, []string{"not scored", strings.Join(names, ", ") + ": " + reason})
	}
	return rows
}

// whereText counts the lesions of each lung and zone.
func whereText(lesions []findings.Lesion) string {
	count := map[string]int{}
	for _, l := range lesions {
		place := strings.TrimSpace(l.Lung + " " + string(l.Zone))
		if place == "" {
			place = "not known"
		}
		count[place]++
	}
	places := make([]string, 0, len(count))
	for p := range count {
		places = append(places, p)
	}
	sort.Slice(places, func(i, j int) bool {
		a, b := places[i], places[j]
		return count[a] > count[b] || count[a] == count[b] && a < b
	})
	for i, p := range places {
		places[i] = fmt.Sprintf("%s %d", p, count[p])
	}
	return strings.Join(places, ", ")
}

// timeText is the whole time and that of the stages.
func timeText(ms map[string]float64) string {
	var parts []string
	for _, stage := range []string{"read", "lungs", "classify", "segment", "measure", "write"} {
		if v, ok := ms[stage]; ok {
			parts = append(parts, fmt.Sprintf("%s %.1f", stage, v/1000))
		}
	}
	return fmt.Sprintf("%.1f s (%s)", ms["total"]/1000, strings.Join(parts, ", "))
}
