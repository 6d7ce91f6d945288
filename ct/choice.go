package ct

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
)

// candidates are the series that may be taken. Those that are no CT slices are
// left for what they are, and with a series asked for so are all others.
func (c *Contents) candidates(groups []*group) []*group {
	var candidates []*group
	for _, g := range groups {
		g.Code, g.Reason = g.barred()
		asked := c.options.SeriesUID != "" && g.SeriesUID == c.options.SeriesUID
		switch {
		case asked && g.kind != notCT, c.options.SeriesUID == "" && c.listing.single && g.kind.usable(true):
			candidates = append(candidates, g)
		case c.options.SeriesUID != "":
			g.Code, g.Reason = "not_asked", "another series was asked for"
		case g.Code == "":
			candidates = append(candidates, g)
		}
	}
	return candidates
}

// doseSheet is what scanners name the pages that list a scan's dose.
var doseSheet = regexp.MustCompile(`(?i)\b(dose (report|info|record|sheet)|patient protocol)\b`)

// barred says why a series is never taken by itself.
func (g *group) barred() (code, reason string) {
	sheet := doseSheet.MatchString(g.Description)
	switch {
	case g.objects[0].class() == classDoseReport, sheet && g.kind <= ctCapture:
		return "dose_sheet", "it is a report of the dose"
	case g.kind == notCT:
		return "not_ct", "it is no CT image: " + modalities(g.objects)
	case g.kind == ctCapture:
		return "secondary_capture", "it is a picture of a screen, without the scanner's values"
	case g.kind == ctScout:
		return "localizer", "it is a localizer"
	case g.kind == ctProjection:
		return "projection", "it is made of many slices: a projection or a rendering"
	}
	return "", ""
}

// probes is how many slices of a series are looked at to see whether it shows
// lungs.
const probes = 7

const (
	// A chest takes at least so many slices and so much length; what has less is
	// taken only if there is nothing else.
	enoughSlices   = 10
	enoughLengthMM = 100
	// lungShareTolerance is how much of a series' looked-at slices may show lung
	// less than another's and still count as much: two of seven.
	lungShareTolerance = 0.3
)

// best returns the best of the candidates that can be read, nil if there is
// none, and tells each why it was taken or left.
func (c *Contents) best(ctx context.Context, candidates []*group) (*group, error) {
	var readable []*group
	for _, g := range candidates {
		if g.refusal != nil {
			g.Code, g.Reason = g.refusal.Code, g.refusal.Sentence
			continue
		}
		readable = append(readable, g)
	}
	if len(readable) == 0 {
		return nil, nil
	}
	if len(readable) > 1 {
		for _, g := range readable {
			if err := g.probe(ctx, c.decoders, c.options.Limits); err != nil {
				return nil, err
			}
		}
	}
	best := readable[0]
	for _, g := range readable[1:] {
		if worse, _, _ := best.compare(g); worse > 0 {
			best = g
		}
	}
	best.Taken = true
	switch {
	case c.options.SeriesUID != "":
		best.Code, best.Reason = "asked", "it was asked for"
	case len(readable) == 1:
		best.Code, best.Reason = "only", "it is the only series of CT slices that can be read"
	default:
		best.Code, best.Reason = "best", "it is the best chest CT of the study"
	}
	for _, g := range readable {
		if g != best {
			_, g.Code, g.Reason = g.compare(best)
		}
	}
	return best, nil
}

// compare is over 0 where b is the better series to look for pneumonia in, by
// the first rule that tells them apart; code and reason say why g is left.
func (g *group) compare(b *group) (worse int, code, reason string) {
	for _, rule := range []struct {
		worse  int
		code   string
		reason string
	}{
		{cmp.Compare(g.offAxis(), b.offAxis()), "not_axial", fmt.Sprintf("its slices are %s, those of the series taken axial", g.Plane)},
		{cmp.Compare(g.tooShort(), b.tooShort()), "too_few_slices", fmt.Sprintf("it has %s over %.0f mm, and a chest has at least %d over %d mm", count(g.Slices, "slice"), g.LengthMM, enoughSlices, enoughLengthMM)},
		{g.lessLung(b), "less_lung", fmt.Sprintf("%s of the slices looked at show lung, %s of the series taken", percent(g.LungShare), percent(b.LungShare))},
		{cmp.Compare(one(g.Derived), one(b.Derived)), "derived", "it is derived from other images, the series taken is original"},
		{cmp.Compare(thicknessClass(g.step()), thicknessClass(b.step())), "thicker", fmt.Sprintf("its slices are %.4g mm apart, those of the series taken %.4g mm", g.step(), b.step())},
		{compareKernels(g.KernelKind, b.KernelKind), "softer_kernel", fmt.Sprintf("its kernel is %s, that of the series taken %s", g.kernel(), b.kernel())},
		{cmp.Compare(g.step(), b.step()), "thicker", fmt.Sprintf("its slices are %.4g mm apart, those of the series taken %.4g mm", g.step(), b.step())},
		{cmp.Compare(b.Slices, g.Slices), "fewer_slices", fmt.Sprintf("it has %s, the series taken %d", count(g.Slices, "slice"), b.Slices)},
		{cmp.Compare(g.number(), b.number()), "later", "it is as good as the series taken and has a higher number"},
		{cmp.Compare(g.SeriesUID, b.SeriesUID), "later", "it is as good as the series taken and comes after it"},
	} {
		if rule.worse != 0 {
			return rule.worse, rule.code, rule.reason
		}
	}
	return 0, "later", "it is as good as the series taken and comes after it"
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (g *group) offAxis() int { return one(g.Plane != "axial" && g.Plane != "") }

func (g *group) tooShort() int {
	return one(g.Slices < enoughSlices || g.LengthMM > 0 && g.LengthMM < enoughLengthMM)
}

func (g *group) lessLung(b *group) int {
	if g.LungShare == nil || b.LungShare == nil {
		return 0
	}
	d := *b.LungShare - *g.LungShare
	none := one(*g.LungShare == 0) - one(*b.LungShare == 0)
	switch {
	case none != 0:
		return none
	case d > lungShareTolerance:
		return 1
	case d < -lungShareTolerance:
		return -1
	}
	return 0
}

func percent(share *float64) string {
	if share == nil {
		return "an unknown part"
	}
	return fmt.Sprintf("%.0f %%", 100**share)
}

func (g *group) step() float64 { return cmp.Or(g.SpacingMM, g.ThicknessMM) }

// thicknessClass puts distances of slices into classes, within which the kernel
// counts for more.
func thicknessClass(mm float64) int {
	for i, most := range []float64{1.6, 3.1, 5.1, 8.1} {
		if mm > 0 && mm <= most {
			return i
		}
	}
	return 4 // thick, or not known
}

func (g *group) kernel() string {
	switch {
	case g.Kernel == "":
		return "not known"
	case g.KernelKind == "":
		return g.Kernel
	}
	return fmt.Sprintf("%s (%s)", g.Kernel, g.KernelKind)
}

// probe looks at a few slices. One that cannot be read counts as without lung:
// opening the series will say so.
func (g *group) probe(ctx context.Context, d *decoders, limits Limits) error {
	v := g.in.Volume
	picked := spread(v.Slices, probes)
	shows := make([]bool, len(picked))
	err := d.eachOf(ctx, len(picked), func(worker, i int) error {
		s := g.in.slices[picked[i]]
		if s.missing {
			return nil
		}
		hu := make([]int16, v.Columns*v.Rows)
		if err := s.read(d.children[worker], hu, limits); err != nil {
			if isRefusal(err) {
				return d.reviveOne(ctx, worker)
			}
			return err
		}
		share, _ := newLungField(hu, v.Columns, v.Rows).share()
		shows[i] = share >= showsLung
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for lungs: %w", err)
	}
	n := 0
	for _, s := range shows {
		n += one(s)
	}
	share := float64(n) / float64(len(picked))
	g.LungShare = &share
	return nil
}
