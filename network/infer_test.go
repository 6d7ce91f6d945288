package network

import (
	"context"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// The tests of this file hold every tap against the reference folder, from
// real slices. Without that folder the portable fixtures remain.

func TestEveryTapOfRealSlicesEqualsThePublishedOne(t *testing.T) {
	inputs := map[string]string{"joint": "seg_a_", "single": "seg_a_", "cls101": "cls_a_", "cls50": "cls_a_"}
	for _, size := range []string{"187x250", "224x224"} {
		for name, prefix := range inputs {
			t.Run(name+" "+size, func(t *testing.T) {
				if testing.Short() || !hasOneDNN() && !long {
					t.Skip("takes minutes without oneDNN: run with -tags long")
				}
				var f tapFixture
				readJSON(t, reference+"infer/"+name+"_"+size+".json", &f)
				source := prefix + size
				if source == "cls_a_224x224" {
					source = "cls_a_224"
				}
				input := prepared(t, source)
				f.Taps["input"].hold(t, "input", input.Data, 1e-7)
				plan := published()[name]
				w, err := ruleWeights(plan)
				if err != nil {
					t.Fatal(err)
				}
				g, err := plan.Graph(1, input.Shape[2], input.Shape[3])
				if err != nil {
					t.Fatal(err)
				}
				compareTaps(t, g, w, []nn.Tensor{input}, f, isMapOrInput)
			})
		}
	}
}

func TestJointNetworkBeginsWithFeatures(t *testing.T) {
	if testing.Short() || !hasOneDNN() && !long {
		t.Skip("takes minutes without oneDNN: run with -tags long")
	}
	var f tapFixture
	readJSON(t, reference+"infer/joint_features_64x80.json", &f)
	plan := FullJoint()
	g, err := plan.GraphWith(GraphOptions{InputFeatures: true}, 1, 64, 80)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range g.Parameters() {
		if strings.HasPrefix(p.Name, "vgg16.conv1_") || strings.HasPrefix(p.Name, "res2net.conv1") {
			t.Errorf("%s is in the network, though its stage is left out", p.Name)
		}
	}
	w, err := ruleWeights(plan)
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

// The published test program resizes the first channel's probability to the
// size of the label.
func TestSegmentationAtTheSourcesSizeEqualsThePublishedOne(t *testing.T) {
	if testing.Short() || !hasOneDNN() && !long {
		t.Skip("takes minutes without oneDNN: run with -tags long")
	}
	var f map[string]struct {
		Channels []struct {
			Channel  int
			Map512   summary
			Uint8Sum int `json:"uint8_sum"`
		}
	}
	readJSON(t, reference+"infer/test_joint_tail.json", &f)
	for _, name := range []string{"single", "joint"} {
		t.Run(name, func(t *testing.T) {
			plan := published()[name]
			plan.Height, plan.Width = 224, 224
			w, err := ruleWeights(plan)
			if err != nil {
				t.Fatal(err)
			}
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
		})
	}
}
