package train

import (
	"context"
	"slices"
	"testing"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
)

func TestATrialMakesStepsOfItsParts(t *testing.T) {
	classifier, joint := network.CompactClassifier(), network.CompactJoint()
	classifier.MobileNet.Width, joint.MobileNet.Width = 0.125, 0.125
	joint.Decoder.Widths = [5]int{4, 4, 8, 8, 8}
	for _, plan := range []network.Plan{classifier, joint} {
		trial, err := NewPlanTrial(plan, TrialOptions{Batch: 2, Height: 64, Width: 96})
		if err != nil {
			t.Fatal(err)
		}
		defer trial.Close()
		parts, err := trial.Step(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{ForwardPart, LossPart, BackwardPart, UpdatePart} {
			if parts[part] <= 0 {
				t.Errorf("%s: the %s part took %v", plan.Name, part, parts[part])
			}
		}
		for _, p := range trial.run.trainer.Parameters() {
			if !slices.ContainsFunc(p.Grad, func(g float32) bool { return g != 0 }) {
				t.Errorf("%s: %s gets no gradient", plan.Name, p.Name)
			}
		}
		if got := trial.Graph().Inputs()[0].Shape(); !got.Equal(nn.Shape{2, 3, 64, 96}) {
			t.Errorf("%s: the input is %v", plan.Name, got)
		}
	}
}

// The step of a configuration has its batch, size, masks and outputs.
func TestATrialIsThatOfItsConfiguration(t *testing.T) {
	c, err := ReadConfig("../configs/compact-joint.toml")
	if err != nil {
		t.Fatal(err)
	}
	c.Plan.Multiplier, c.Plan.Widths = 0.125, []int{4, 4, 8, 8, 8}
	trial, err := NewTrial(c, TrialOptions{Engine: nn.Options{Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer trial.Close()
	total, masked := 0, 0
	for _, s := range c.Sources {
		total += s.PerBatch
		if s.Masks != "" || s.Mask != "" {
			masked += s.PerBatch
		}
	}
	if got := trial.Graph().Inputs()[0].Shape(); !got.Equal(nn.Shape{total, 3, c.Augment.Height, c.Augment.Width}) {
		t.Errorf("the input is %v", got)
	}
	if trial.run.batch.masked != masked || masked == 0 || masked == total {
		t.Errorf("%d of %d slices have masks, want %d", trial.run.batch.masked, total, masked)
	}
	if n := len(trial.Graph().Outputs()); n != 6 {
		t.Errorf("%d outputs, want five heads and the classes", n)
	}
}
