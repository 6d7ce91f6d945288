package network

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

func TestPlansComeBackFromJSON(t *testing.T) {
	for _, p := range plans() {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParsePlan(text)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("%s comes back as %+v", p.Name, got)
		}
	}
}

func TestPlansThatMakeNoNetworkAreRefused(t *testing.T) {
	cases := map[string]func(*Plan){
		"no kind":             func(p *Plan) { p.Kind = "oracle" },
		"height":              func(p *Plan) { p.Height = 0 },
		"width 100000":        func(p *Plan) { p.Width = 100000 },
		"number of classes":   func(p *Plan) { p.Classes = p.Classes[:1] },
		"positive class":      func(p *Plan) { p.Positive = 2 },
		"encoders":            func(p *Plan) { p.MobileNet = &MobileNet{Width: 1} },
		"decoder":             func(p *Plan) { p.Decoder = publishedDecoder([5]int{2, 2, 2, 2, 2}) },
		"share":               func(p *Plan) { p.SharedHead = true },
		"no resize":           func(p *Plan) { p.Preparation.Resize = "guess" },
		"shorter side":        func(p *Plan) { p.Preparation.ShorterSide = 0 },
		"belongs to":          func(p *Plan) { p.Preparation.Resize = PillowStretch },
		"divided":             func(p *Plan) { p.Preparation.Deviation[1] = 0 },
		"blocks of":           func(p *Plan) { p.Res2Net.Blocks[2] = 0 },
		"Res2Net's scale":     func(p *Plan) { p.Res2Net.Scale = 1 },
		"Res2Net's stem":      func(p *Plan) { p.Res2Net.Stem = 1 << 20 },
		"Res2Net's group":     func(p *Plan) { p.Res2Net.BaseWidth, p.Res2Net.Planes = 1, 1 },
		"Res2Net's widest":    func(p *Plan) { p.Res2Net.BaseWidth, p.Res2Net.Scale = 512, 64 },
		"MobileNet's width":   func(p *Plan) { p.Res2Net, p.MobileNet = nil, &MobileNet{Width: math.NaN()} },
		"depth of a VGG":      func(p *Plan) { *p = FullSegmenter(); p.VGG.Depths[4] = 0 },
		"is odd":              func(p *Plan) { *p = FullSegmenter(); p.Decoder.Widths[0] = 33 },
		"decoder's width":     func(p *Plan) { *p = FullSegmenter(); p.Decoder.Widths[0] = 1 << 20 },
		"dilation":            func(p *Plan) { *p = FullSegmenter(); p.Decoder.LastDilations[0] = 0 },
		"no head":             func(p *Plan) { *p = FullSegmenter(); p.Classes = classes() },
		"of the encoders":     func(p *Plan) { *p = FullJoint(); p.VGG = nil },
		"index of":            func(p *Plan) { *p = CompactJoint(); p.SharedHead, p.Classes, p.Positive = true, classes(), -1 },
		"network, and only":   func(p *Plan) { *p = CompactJoint(); p.Decoder = nil },
		"a joint cannot":      func(p *Plan) { *p = CompactJoint(); p.Res2Net = publishedRes2Net(1) },
		"a segmenter cannot":  func(p *Plan) { *p = FullSegmenter(); p.VGG = nil },
		"a classifier cannot": func(p *Plan) { p.Res2Net = nil },
	}
	for want, change := range cases {
		p := FullClassifier()
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
		if _, err := p.Graph(1, 64, 64); err == nil {
			t.Errorf("%s: a graph is built", want)
		}
	}
}

func TestPlansAreReadStrictly(t *testing.T) {
	text, err := json.Marshal(CompactClassifier())
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"unknown field": strings.Replace(string(text), `"height"`, `"tallness"`, 1),
		"after its end": string(text) + "{}",
		"unexpected":    string(text[:len(text)-3]),
	}
	for want, text := range cases {
		if _, err := ParsePlan([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

// The number of classes and all widths are the plan's.
func TestPlansCanBeOfAnySize(t *testing.T) {
	p := FullJoint()
	p.Res2Net = &Res2Net{Blocks: [4]int{1, 2, 1, 1}, Stem: 4, Planes: 8, BaseWidth: 16, Scale: 3}
	p.VGG.Depths = [5]int{1, 1, 1, 2, 1}
	p.Decoder.Widths = [5]int{4, 6, 8, 10, 12}
	p.Height, p.Width = 64, 64
	c := FullClassifier()
	c.Res2Net, c.Classes, c.Positive = p.Res2Net, []string{"a", "b", "c", "d"}, 3
	for _, p := range []Plan{p, c} {
		all, err := p.Parameters()
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range all {
			if q.Name == "fc.weight" && q.Shape.String() != "4x256" {
				t.Errorf("the head is %v", q.Shape)
			}
			if q.Name == "fpn.fuse.4.se2.linear2.weight" && q.Shape.String() != "18x1" {
				t.Errorf("the fifth fusion is %v", q.Shape)
			}
		}
	}
}

func FuzzParsePlan(f *testing.F) {
	for _, p := range plans() {
		text, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsetest.Hold(t, len(text), func() {
			p, err := ParsePlan(text)
			if err != nil || p.Height*p.Width > 1<<16 {
				return
			}
			// Building may fail, as where the input is too small, but not panic.
			_, _ = p.Parameters()
		})
	})
}
