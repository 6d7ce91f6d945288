package diagnose

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/network"
)

// classifier answers every slice alike: logit 1 is over logit 0 by what the
// head's weights say.
func classifier(t *testing.T, weight float32) *network.Model {
	t.Helper()
	p := network.CompactClassifier()
	p.Height, p.Width, p.MobileNet.Width = 64, 64, 0.125
	w, err := p.Initial(1)
	if err != nil {
		t.Fatal(err)
	}
	head := w["fc.weight"]
	for i := range head.Data {
		head.Data[i] = 0
		if i >= head.Shape[1] {
			head.Data[i] = weight
		}
	}
	return &network.Model{Plan: p, Weights: w, SHA256: "c1"}
}

// segmenter marks everything.
func segmenter(t *testing.T) *network.Model {
	t.Helper()
	p := network.CompactJoint()
	p.Height, p.Width, p.MobileNet.Width, p.Decoder.Widths = 64, 64, 0.125, [5]int{4, 4, 8, 8, 8}
	w, err := p.Initial(1)
	if err != nil {
		t.Fatal(err)
	}
	clear(w["cls1.weight"].Data)
	w["cls1.bias"].Data[0] = 5
	return &network.Model{Plan: p, Weights: w, SHA256: "5e"}
}

func models(t *testing.T, weight float32) Models {
	return Models{Name: "tiny", Classifier: classifier(t, weight), Segmenter: segmenter(t)}
}

// chest is a volume of two round lungs in a round body; the first and the last
// four slices show none.
func chest() *ct.Input {
	const n, slices = 96, 20
	v := &ct.Volume{Columns: n, Rows: n, Slices: slices, HU: make([]int16, n*n*slices), SeriesUID: "1.2.3"}
	v.Affine = [4][4]float64{{3.5, 0, 0, -166}, {0, 3.5, 0, -166}, {0, 0, 5, 0}, {0, 0, 0, 1}}
	for s := range slices {
		for r := range n {
			for c := range n {
				p := v.Position(float64(c), float64(r), float64(s))
				hu := int16(-1000)
				if math.Hypot(p[0], p[1]) < 150 {
					hu = 40
				}
				if s >= 4 && s < 16 && math.Hypot(math.Abs(p[0])-65, p[1]) < 50 {
					hu = -800
				}
				v.HU[(s*n+r)*n+c] = hu
			}
		}
		v.Sources = append(v.Sources, ct.Source{File: "a.dcm", InstanceUID: "1.2.3.4", PositionMM: float64(5 * s), HasPosition: true})
	}
	return &ct.Input{Kind: ct.KindDICOM, Volume: v, Sources: v.Sources}
}

func pictures(n int) *ct.Input {
	volume := chest()
	in := &ct.Input{Kind: ct.KindPictures}
	for i := range n {
		in.Pictures = append(in.Pictures, volume.Picture(8, ct.LungWindow()))
		in.Sources = append(in.Sources, ct.Source{File: string(rune('a'+i)) + ".png"})
	}
	return in
}

func run(t *testing.T, in *ct.Input, m Models, o Options) *Result {
	t.Helper()
	r, err := Run(context.Background(), in, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAPositiveVolumeIsMeasuredWhereItWasCalledPositive(t *testing.T) {
	in := chest()
	r := run(t, in, models(t, 1), DefaultOptions())
	d := r.Diagnosis
	if d.Verdict != Positive || d.PositiveSlices() != 12 || *d.Rule.PositiveLengthMM != 60 {
		t.Errorf("%s, %d positive slices, %g mm", d.Verdict, d.PositiveSlices(), *d.Rule.PositiveLengthMM)
	}
	sum := 0.0
	for i, s := range d.Slices {
		lung := i >= 4 && i < 16
		if s.Segmented != lung || (s.Probability != nil) != lung || (s.OpacityAreaMM2 != nil) != lung || (s.ActivationInLung != nil) != lung {
			t.Errorf("slice %d: %+v", i, s)
		}
		if lung {
			sum += *s.OpacityAreaMM2 * 5 / 1000
		}
	}
	volume := 0.0
	for _, l := range d.Lesions {
		volume += l.VolumeML
	}
	if ml, _ := d.OpacityML(); math.Abs(ml-volume) > 1e-6 || math.Abs(ml-sum) > 1e-6 {
		t.Errorf("opacities of %g mL, lesions of %g, slices of %g", ml, volume, sum)
	}
	// The segmenter marks all of the twelve slices that were called positive.
	want := 96 * 96 * 12 * 3.5 * 3.5 * 5 / 1000
	if len(d.Lesions) != 1 || math.Abs(volume-want) > 1e-6 || d.Lesions[0].Slices != [2]int{4, 15} {
		t.Errorf("%d lesions of %g mL, want one of %g", len(d.Lesions), volume, want)
	}
}

func TestANegativeVolumeIsNotSegmented(t *testing.T) {
	d := run(t, chest(), models(t, -1), DefaultOptions()).Diagnosis
	if d.Verdict != Negative || d.PositiveSlices() != 0 || *d.Probability >= 0.5 {
		t.Errorf("%s at %g", d.Verdict, *d.Probability)
	}
	if text, err := json.Marshal(d); err != nil || !strings.Contains(string(text), `"lesions":[]`) || strings.Contains(string(text), `"opacity_ml"`) {
		t.Errorf("no empty list of lesions, or opacities that nobody looked for: %s, %v", text, err)
	}
	o := DefaultOptions()
	o.Segment = SegmentAll
	d = run(t, chest(), models(t, -1), o).Diagnosis
	if d.Verdict != Negative || len(d.Lesions) != 1 {
		t.Errorf("segmented throughout: %s with %d lesions", d.Verdict, len(d.Lesions))
	}
	o.Segment = SegmentNone
	d = run(t, chest(), models(t, 1), o).Diagnosis
	if d.Verdict != Positive || d.Lesions != nil || d.Slices[8].Segmented || d.Model.SegmenterSHA256 != "" {
		t.Errorf("not segmented: %s, %v", d.Verdict, d.Lesions)
	}
}

func TestPicturesHaveNeitherMillimetresNorHounsfieldUnits(t *testing.T) {
	for _, n := range []int{1, 3} {
		text, err := json.Marshal(run(t, pictures(n), models(t, 1), DefaultOptions()).Diagnosis)
		if err != nil {
			t.Fatal(err)
		}
		var d map[string]any
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		noKeys(t, d, "spacing_mm", "volume_ml", "opacity_ml", "area_mm2", "opacity_area_mm2", "largest_diameter_mm", "centre_mm",
			"mean_hu", "zone", "position_mm", "positive_length_mm", "minimum_opacity_ml", "instance_uid", "series_uid")
		if d["verdict"] != "positive" || len(d["lesions"].([]any)) != n {
			t.Errorf("%d pictures: %v with lesions %v", n, d["verdict"], d["lesions"])
		}
		if d["lesions"].([]any)[0].(map[string]any)["kind"] != nil {
			t.Error("a kind by density without Hounsfield units")
		}
	}
}

// noKeys fails for each key that stands anywhere in a JSON value.
func noKeys(t *testing.T, v any, keys ...string) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for _, k := range keys {
			if _, ok := v[k]; ok {
				t.Errorf("%q is there", k)
			}
		}
		for _, w := range v {
			noKeys(t, w, keys...)
		}
	case []any:
		for _, w := range v {
			noKeys(t, w, keys...)
		}
	}
}

func TestWithoutLungThereIsNoGuess(t *testing.T) {
	in := chest()
	for i, hu := range in.Volume.HU {
		if hu == -800 {
			in.Volume.HU[i] = 40
		}
	}
	d := run(t, in, models(t, 1), DefaultOptions()).Diagnosis
	if d.Verdict != Indeterminate || d.Probability != nil || d.PositiveSlices() != 0 || !warned(d, "no_lung_seen") {
		t.Errorf("volume: %s, %v", d.Verdict, d.Warnings)
	}
	black := &ct.Input{Kind: ct.KindPictures, Pictures: []*image.Gray{image.NewGray(image.Rect(0, 0, 80, 80))}, Sources: []ct.Source{{File: "a.png"}}}
	d = run(t, black, models(t, 1), DefaultOptions()).Diagnosis
	if d.Verdict != Indeterminate || d.Slices[0].Positive || !warned(d, "no_lung_seen") {
		t.Errorf("picture: %s, %v", d.Verdict, d.Warnings)
	}
}

func warned(d *Diagnosis, code string) bool {
	for _, w := range d.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}

func TestDoubtfulResultsAreWarnedOf(t *testing.T) {
	s := newStudy(pictures(1), models(t, 1), DefaultOptions())
	if err := s.findLungs(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Slices[0].Positive, s.Slices[0].ActivationInLung, s.Slices[0].LungInView = true, pointer(0.2), pointer(0.3)
	s.masks[0] = []uint8{1, 1}
	s.dropped.Add(1)
	s.warn()
	for _, code := range []string{"activation_outside_lungs", "opacity_outside_lungs", "no_opacity_found"} {
		if !warned(s.Diagnosis, code) {
			t.Errorf("no warning %s among %v", code, s.Warnings)
		}
	}
}

func TestActivationMoreInTheLungsThanByChanceIsNotWarnedOf(t *testing.T) {
	s := newStudy(pictures(2), models(t, 1), DefaultOptions())
	if err := s.findLungs(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i, in := range []float64{0.2, 0.45} { // one below, but not their mean
		s.Slices[i].Positive, s.Slices[i].ActivationInLung, s.Slices[i].LungInView = true, pointer(in), pointer(0.3)
	}
	s.warn()
	if warned(s.Diagnosis, "activation_outside_lungs") || math.Abs(*s.ActivationInLung-0.325) > 1e-12 || math.Abs(*s.LungInView-0.3) > 1e-12 {
		t.Errorf("%v, %g in the lungs, which are %g", s.Warnings, *s.ActivationInLung, *s.LungInView)
	}
}

func TestASeverityOfAPartIsALowerBound(t *testing.T) {
	s := newStudy(chest(), models(t, 1), DefaultOptions())
	if err := s.findLungs(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Slices[6].Segmented = true
	s.warn()
	if !warned(s.Diagnosis, "partly_segmented") {
		t.Errorf("no warning among %v", s.Warnings)
	}
}

func TestACancelledRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := DefaultOptions()
	o.Progress = func(stage Stage, done, _ int) {
		if stage == StageSegment && done == 2 {
			cancel()
		}
	}
	_, err := Run(ctx, chest(), models(t, 1), o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestModelsAndOptionsMustFit(t *testing.T) {
	full := models(t, 1)
	for name, c := range map[string]struct {
		m Models
		o func(*Options)
	}{
		"no model":      {Models{}, func(*Options) {}},
		"no segmenter":  {Models{Classifier: full.Classifier}, func(*Options) {}},
		"no classifier": {Models{Segmenter: full.Segmenter}, func(*Options) {}},
		"bad choice":    {full, func(o *Options) { o.Segment = "some" }},
		"bad threshold": {full, func(o *Options) { o.MaskThreshold = 0 }},
		"swapped":       {Models{Classifier: full.Segmenter, Segmenter: full.Classifier}, func(*Options) {}},
	} {
		o := DefaultOptions()
		c.o(&o)
		if _, err := Run(context.Background(), pictures(1), c.m, o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
