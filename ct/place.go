package ct

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// samePlaceMM is the distance below which two slices lie in one place.
const samePlaceMM = 0.01

// onePlaceEach leaves one slice in each place. Slices with the same pixels are
// copies, and one is kept. Of several scans or reconstructions of the places one
// is kept where the headers tell them apart; else it is a refusal. s is sorted.
func (in *Input) onePlaceEach(ctx context.Context, d *decoders, s []*slice, limits Limits) ([]*slice, error) {
	s, err := in.dropCopies(ctx, d, s, limits)
	if err != nil {
		return nil, err
	}
	a, b := clash(s)
	if a == nil {
		return s, nil
	}
	for _, by := range []struct {
		name string
		of   func(*slice) string
	}{
		{"TemporalPositionIdentifier", func(x *slice) string { return x.time }},
		{"AcquisitionNumber", func(x *slice) string { return x.acquisition }},
		{"ConvolutionKernel", func(x *slice) string { return x.kernel }},
		{"ImageType", func(x *slice) string { return x.imageType }},
		{"SliceThickness", func(x *slice) string { return fmt.Sprint(x.thickness) }},
	} {
		if kept, scans := oneScan(s, by.of); kept != nil {
			in.warn("repeated_scan", fmt.Sprintf("the series holds %d pictures of each place, told apart by %s; the %s of %s was taken",
				scans, by.name, count(len(kept), "slice"), printableOr(by.of(kept[0]), "the first")))
			return kept, nil
		}
	}
	return nil, refuse("same_place", "%s and %s lie in the same place (%.2f mm along the normal) and differ, so that the series holds more than one picture of it: give one scan or one reconstruction",
		a.entry.name, b.entry.name, a.along)
}

// clash returns two neighbours that lie in one place; nil if there are none.
func clash(s []*slice) (a, b *slice) {
	for i := 1; i < len(s); i++ {
		if s[i].along-s[i-1].along <= samePlaceMM {
			return s[i-1], s[i]
		}
	}
	return nil, nil
}

// oneScan parts slices by a word of their headers. If each part has every place
// once and reaches as far as the whole, it returns the best: that with the lung
// kernel, with thin slices, with most slices, with the lowest number.
func oneScan(s []*slice, word func(*slice) string) (kept []*slice, scans int) {
	parts := map[string][]*slice{}
	for _, x := range s {
		parts[word(x)] = append(parts[word(x)], x)
	}
	if len(parts) < 2 || len(parts[""]) > 0 {
		return nil, 0
	}
	length := s[len(s)-1].along - s[0].along
	var words []string
	for w, part := range parts {
		if a, _ := clash(part); a != nil || part[len(part)-1].along-part[0].along < 0.9*length {
			return nil, 0
		}
		words = append(words, w)
	}
	slices.SortFunc(words, func(a, b string) int {
		x, y := parts[a][0], parts[b][0]
		return cmp.Or(compareKernels(kernelKind(x.kernel), kernelKind(y.kernel)), cmp.Compare(x.thickness, y.thickness),
			cmp.Compare(len(parts[b]), len(parts[a])), compareNatural(a, b))
	})
	return parts[words[0]], len(parts)
}

// dropCopies leaves out slices that are there twice, pixel by pixel.
func (in *Input) dropCopies(ctx context.Context, d *decoders, s []*slice, limits Limits) ([]*slice, error) {
	var kept []*slice
	for _, x := range s {
		var original *slice
		for i := len(kept) - 1; i >= 0 && x.along-kept[i].along <= samePlaceMM; i-- {
			same, err := alike(ctx, d, kept[i], x, limits)
			if err != nil {
				return nil, err
			}
			if same {
				original = kept[i]
				break
			}
		}
		if original == nil {
			kept = append(kept, x)
			continue
		}
		in.warn("duplicate_file", fmt.Sprintf("%s is a copy of %s and was left out", x.entry.name, original.entry.name))
	}
	return kept, nil
}

// alike reports whether two slices are the same, by their Hounsfield units.
func alike(ctx context.Context, d *decoders, a, b *slice, limits Limits) (bool, error) {
	// The frames of two files are alike if the files are, which saves decoding the
	// files for each of them.
	if a.number > 0 && a.file != b.file && a.number == b.number {
		if same, err := d.identical(a, b, limits); same || err != nil {
			return same, err
		}
	}
	if a.acquisition != b.acquisition || a.time != b.time || a.imageType != b.imageType || a.kernel != b.kernel || a.thickness != b.thickness {
		return false, nil // another picture by its own words
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	x, y := make([]int16, a.rows*a.columns), make([]int16, b.rows*b.columns)
	if err := a.read(d.children[0], x, limits); err != nil {
		return false, err
	}
	if err := b.read(d.children[0], y, limits); err != nil {
		return false, err
	}
	return slices.Equal(x, y), nil
}

// identical compares the files of two slices, each pair once.
func (d *decoders) identical(a, b *slice, limits Limits) (bool, error) {
	pair := [2]string{a.file, b.file}
	if same, known := d.same[pair]; known || a.entry.size != b.entry.size {
		return same, nil
	}
	x, err := a.entry.read(limits.FileBytes)
	if err != nil {
		return false, err
	}
	y, err := b.entry.read(limits.FileBytes)
	if err != nil {
		return false, err
	}
	d.same[pair] = bytes.Equal(x, y)
	return d.same[pair], nil
}

// otherPlanes leaves out the few slices of a series that lie across the others,
// as localizers do that do not say so.
func (in *Input) otherPlanes(s []*slice) []*slice {
	counts := map[string]int{}
	for _, x := range s {
		counts[x.plane()]++
	}
	main := ""
	for plane, n := range counts {
		if n > counts[main] {
			main = plane
		}
	}
	n := len(s) - counts[main]
	if n == 0 || main == "" || n > mostScouts || 10*n > len(s) || counts[""] > 0 {
		return s
	}
	in.warn("scouts_ignored", fmt.Sprintf("%s across the other slices, as a localizer lies, not read", were(n, "image")))
	return slices.DeleteFunc(slices.Clone(s), func(x *slice) bool { return x.plane() != main })
}

// mostScouts is how many localizers there may be in a series of slices.
const mostScouts = 4

const (
	// unevenShare is how far a gap between slices may be from the usual one,
	// as a share of it, before that is worth a warning.
	unevenShare = 0.05
	// holeFactor and holeMM are the gap that is no longer a missing slice but
	// a hole in the study: so many usual gaps, and so many millimetres.
	holeFactor = 3.5
	holeMM     = 12
	// mostMissing is the share of slices that may be missing and are made of
	// their neighbours.
	mostMissing = 0.1
	// farOff is how far slices may lie from where the affine has them, as a share
	// of the usual gap.
	farOff = 0.5
)

// even makes the gaps between slices one: those missing are put in, to be made
// of their neighbours. It warns of gaps that are not the usual one, and refuses
// holes and what makes no grid.
func (in *Input) even(s []*slice) ([]*slice, error) {
	if len(s) < 3 {
		return s, nil
	}
	gaps := make([]float64, len(s)-1)
	for i := range gaps {
		gaps[i] = s[i+1].along - s[i].along
	}
	usual := median(gaps)
	uneven, worst, missing, multiples := 0, 0, 0, true
	for i, g := range gaps {
		times := math.Round(g / usual)
		if math.Abs(g-usual) > unevenShare*usual {
			uneven++
			multiples = multiples && times >= 2 && math.Abs(g-times*usual) <= unevenShare*usual
		}
		missing += max(0, int(times)-1)
		if math.Abs(g-usual) > math.Abs(gaps[worst]-usual) {
			worst = i
		}
	}
	if uneven == 0 {
		return s, nil
	}
	a, b, gap := s[worst], s[worst+1], gaps[worst]
	where := fmt.Sprintf("%s at %.2f mm and %s at %.2f mm (%.2f mm)", a.entry.name, a.along, b.entry.name, b.along, gap)
	switch {
	case gap > holeFactor*usual && gap > holeMM:
		return nil, refuse("hole", "the series has a hole: %s lies at %.2f mm and the next slice, %s, at %.2f mm, %.2f mm further where %.2f mm is usual; give the whole series",
			a.entry.name, a.along, b.entry.name, b.along, gap, usual)
	case multiples && float64(missing) <= max(1, mostMissing*float64(len(s))):
		in.warn("missing_slices", fmt.Sprintf("%s missing where slices lie %.2f mm apart, the widest gap between %s: made of the slices beside them", were(missing, "slice"), usual, where))
		return filled(s, gaps, usual), nil
	case strays(s) > farOff*usual:
		return nil, refuse("uneven_spacing", "the slices lie too unevenly for a volume: %.2f mm is usual, and most of all %s differ; give the whole series of one reconstruction", usual, where)
	}
	in.warn("uneven_spacing", fmt.Sprintf("%s between slices differ from the usual %.2f mm, most of all between %s: slices may be missing, and volumes are less exact",
		count(uneven, "gap"), usual, where))
	return s, nil
}

// filled puts in the slices that gaps lack.
func filled(s []*slice, gaps []float64, usual float64) []*slice {
	full := s[:1:1]
	for i, g := range gaps {
		n := int(math.Round(g / usual))
		for k := 1; k < n; k++ {
			t := float64(k) / float64(n)
			between := *s[i]
			between.missing, between.entry, between.file, between.number, between.instance = true, entry{}, "", 0, ""
			between.along += t * g
			between.position = add(s[i].position, scale(sub(s[i+1].position, s[i].position), t))
			full = append(full, &between)
		}
		full = append(full, s[i+1])
	}
	return full
}

// fillMissing makes the missing slices, now that the others are there: of the
// slices before and after, by their distance.
func (in *Input) fillMissing(l lattice) {
	hu, n := in.Volume.HU, l.size[0]*l.size[1]
	var before, after, made []int16
	for i := 0; i < len(in.slices); i++ {
		if !in.slices[i].missing {
			continue
		}
		if made == nil {
			before, after, made = make([]int16, n), make([]int16, n), make([]int16, n)
		}
		count := 1 // missing in a row; the first and the last slice never are
		for in.slices[i+count].missing {
			count++
		}
		l.get(before, hu, i-1)
		l.get(after, hu, i+count)
		for k := range count {
			t := float64(k+1) / float64(count+1)
			for p := range made {
				made[p] = int16(math.Round((1-t)*float64(before[p]) + t*float64(after[p])))
			}
			l.put(hu, made, i+k)
		}
		i += count
	}
}

// strays is how far a slice lies at most from where an even grid has it.
func strays(s []*slice) float64 {
	first, last := s[0].along, s[len(s)-1].along
	most := 0.0
	for i, x := range s {
		even := first + (last-first)*float64(i)/float64(len(s)-1)
		most = max(most, math.Abs(x.along-even))
	}
	return most
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
