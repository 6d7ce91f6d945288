package network

import (
	"context"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// realTaps holds every tap against the reference folder, from a real slice.
func realTaps(t *testing.T, name, size string, plan Plan, w nn.Weights) {
	if size == "224x224" && !long {
		t.Skip("the other size was tried: run with -tags long")
	}
	var f tapFixture
	readJSON(t, reference+"infer/"+name+"_"+size+".json", &f)
	source := "seg_a_" + size
	if !plan.segments() {
		source = map[string]string{"187x250": "cls_a_187x250", "224x224": "cls_a_224"}[size]
	}
	input := prepared(t, source)
	f.Taps["input"].hold(t, "input", input.Data, 1e-7)
	g, err := plan.Graph(1, input.Shape[2], input.Shape[3])
	if err != nil {
		t.Fatal(err)
	}
	compareTaps(t, g, w, []nn.Tensor{input}, f, isMapOrInput)
}

// featureTaps begins the joint network with the features of its first stages.
func featureTaps(t *testing.T, plan Plan, w nn.Weights) {
	var f tapFixture
	readJSON(t, reference+"infer/joint_features_64x80.json", &f)
	g, err := plan.GraphWith(GraphOptions{InputFeatures: true}, 1, 64, 80)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []nn.Tensor{nn.NewTensor(1, 64, 64, 80), nn.NewTensor(1, 64, 32, 40)}
	for i, name := range []string{"vgg", "res2net"} {
		codes := make([]uint8, len(inputs[i].Data))
		for k := range codes {
			codes[k] = uint8((u("feats."+name, k) + 1) * 32)
		}
		DecodeFeatures(inputs[i].Data, codes)
		f.Taps["input."+name].hold(t, name, inputs[i].Data, 1e-7)
	}
	compareTaps(t, g, w, inputs, f, isInput)
}

// sourceSize holds the mask at its picture's size: the published test program
// resizes the first channel's probability to the size of the label.
func sourceSize(t *testing.T, name string, plan Plan, w nn.Weights) {
	if !long {
		t.Skip("runs the network once more: run with -tags long")
	}
	var f map[string]struct {
		Channels []struct {
			Map512   summary
			Uint8Sum int `json:"uint8_sum"`
		}
	}
	readJSON(t, reference+"infer/test_joint_tail.json", &f)
	plan.Height, plan.Width = 224, 224
	s, err := NewSegmenter(&Model{Plan: plan, Weights: w}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Segment(context.Background(), openReference(t, "images/slice_b.png"))
	if err != nil {
		t.Fatal(err)
	}
	want := f[name].Channels[0]
	want.Map512.hold(t, "mask", got.Probability, tolerance)
	sum := 0
	for _, v := range got.Grey().Pix {
		sum += int(v)
	}
	if d := sum - want.Uint8Sum; d < -300 || d > 300 { // of 24 million: a level flips here and there
		t.Errorf("the grey mask sums up to %d, want %d", sum, want.Uint8Sum)
	}
}

func TestFeaturesReplaceTheFirstStagesOfBothEncoders(t *testing.T) {
	g, err := FullJoint().GraphWith(GraphOptions{InputFeatures: true}, 1, 65, 80)
	if err != nil {
		t.Fatal(err)
	}
	if in := g.Inputs(); len(in) != 2 || in[1].Shape().String() != "1x64x33x40" {
		t.Errorf("inputs %v", in)
	}
	for _, p := range g.Parameters() {
		if strings.HasPrefix(p.Name, "vgg16.conv1_") || strings.HasPrefix(p.Name, "res2net.conv1") {
			t.Errorf("%s is in the network, though its stage is left out", p.Name)
		}
	}
	for _, p := range []Plan{FullSegmenter(), CompactJoint(), FullClassifier()} {
		if _, err := p.GraphWith(GraphOptions{InputFeatures: true}, 1, 64, 64); err == nil {
			t.Errorf("the %s begins with features", p.Name)
		}
	}
}
