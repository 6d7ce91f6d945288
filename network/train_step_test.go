package network

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// gradient is what a fixture keeps of a tensor's gradient or later value.
type gradient struct {
	Shape   []int
	L2      float64
	Exact   float64 `json:"l2_f64"` // of the same step in float64; 0: not known
	Absmax  float64
	Samples map[string]float64
}

// bounds are what a gradient may deviate by: its L2 norm, any sample, and nine
// samples in ten, by the tensor's largest magnitude. A ReLU that flips on the
// last bit moves whole entries, so these are no smaller than PyTorch's own
// distance from float64.
type bounds struct{ l2, sample, most float64 }

// far are the tensors whose gradients' norms deviate from a fixture's, and what
// they are.
func far(params []*nn.TrainedParameter, want map[string]gradient, deviates func(norm float64, w gradient) bool) map[string]float64 {
	norms := map[string]float64{}
	for _, p := range params {
		sum := 0.0
		for _, v := range p.Grad {
			sum += float64(v) * float64(v)
		}
		if norm, w := math.Sqrt(sum), want[p.Name]; deviates(norm, w) {
			norms[p.Name] = norm
		}
	}
	return norms
}

// withoutFlips drops from the tensors whose norms are far off those that only a
// ReLU's flip has moved. As a function of the input a gradient has a jump where
// a value before a ReLU is 0, and is smooth between: on the right side of all
// jumps its norm is that of float64 to a few digits more than a flip leaves it.
// Inputs a rounding away lie on either side, which an error of computing does
// not. A gate with one hidden unit has one number as gradient, in which all
// channels' nearly cancel, so that a flip weighs most there.
func withoutFlips(norms map[string]float64, want map[string]gradient, step func(seed uint64) []*nn.TrainedParameter) map[string]float64 {
	const tries, sharp = 6, 2e-4
	for seed := uint64(1); seed <= tries && len(norms) > 0; seed++ {
		still := far(step(seed), want, func(norm float64, w gradient) bool {
			return w.Exact == 0 || !(math.Abs(norm-w.Exact) <= sharp*w.Exact)
		})
		for name := range norms {
			if _, ok := still[name]; !ok {
				delete(norms, name)
			}
		}
	}
	return norms
}

// holdGradients compares the trainer's gradients with a fixture's. step computes
// them anew of an input that is a rounding away.
func holdGradients(t *testing.T, params []*nn.TrainedParameter, want map[string]gradient, b bounds, step func(seed uint64) []*nn.TrainedParameter) {
	t.Helper()
	if len(params) != len(want) {
		t.Errorf("%d tensors are trained, published are %d", len(params), len(want))
	}
	var samples, within int
	for _, p := range params {
		w, ok := want[p.Name]
		if !ok {
			t.Errorf("%s is trained, but not published so", p.Name)
			continue
		}
		for index, v := range w.Samples {
			i, err := strconv.Atoi(index)
			if err != nil {
				t.Fatal(err)
			}
			d := math.Abs(float64(p.Grad[i])-v) / w.Absmax
			if !(d <= b.sample) {
				t.Errorf("the gradient of %s is %g at %d, want %g", p.Name, p.Grad[i], i, v)
			}
			samples++
			if d <= b.most {
				within++
			}
		}
	}
	if 10*within < 9*samples {
		t.Errorf("only %d of %d samples are within %g", within, samples, b.most)
	}
	norms := far(params, want, func(norm float64, w gradient) bool { return !(math.Abs(norm-w.L2) <= b.l2*w.L2) })
	if step != nil {
		norms = withoutFlips(norms, want, step)
	}
	for name, norm := range norms {
		t.Errorf("the gradient of %s has norm %g, want %g", name, norm, want[name].L2)
	}
}

func wantNear(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s is %.9g, want %.9g", what, got, want)
	}
}

// singleStep is one published training step: loss at five heads, Adam.
func singleStep(t *testing.T, input, target nn.Tensor, lossBefore, lossAfter float64, heads []float64, want map[string]gradient, b bounds) {
	t.Helper()
	ctx := context.Background()
	plan := FullSegmenter()
	g, err := plan.Graph(input.Shape[0], input.Shape[2], input.Shape[3])
	if err != nil {
		t.Fatal(err)
	}
	w, err := ruleWeights(plan)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := nn.NewTrainer(g, w, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	out := trainer.NewOutputs()
	grads := []nn.Tensor{nn.NewTensor(out[0].Shape...)}
	forward := func() float64 {
		if err := trainer.Forward(ctx, []nn.Tensor{input}, out); err != nil {
			t.Fatal(err)
		}
		loss, err := nn.BCEDice(out[0], target, grads[0], nn.BCEDiceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return loss
	}
	wantNear(t, "the loss", forward(), lossBefore, 2e-6)
	for head, loss := range heads {
		only := make([]float64, len(heads))
		only[head] = 1
		scratch := nn.NewTensor(out[0].Shape...)
		got, err := nn.BCEDice(out[0], target, scratch, nn.BCEDiceOptions{HeadWeights: only})
		if err != nil {
			t.Fatal(err)
		}
		wantNear(t, "a head's loss", got, loss, 4e-6)
	}
	backward := func() {
		if err := trainer.Backward(ctx, grads, nil); err != nil {
			t.Fatal(err)
		}
	}
	backward()
	given := input
	holdGradients(t, trainer.Parameters(), want, b, func(seed uint64) []*nn.TrainedParameter {
		input = nn.NewTensor(given.Shape...)
		for i, v := range given.Data {
			input.Data[i] = v + float32(1e-6*uniform(seed, i)) // eight times float32's step at 1
		}
		forward()
		backward()
		return trainer.Parameters()
	})
	input = given
	forward()
	backward()
	nn.NewAdam(nn.AdamOptions{WeightDecay: 1e-4}).Step(trainer.Parameters(), 1e-4)
	wantNear(t, "the loss after the step", forward(), lossAfter, 5e-5)
}

func TestTrainingStepOfTheSegmenterEqualsThePublishedOne(t *testing.T) {
	if testing.Short() || !hasOneDNN() && !long {
		t.Skip("takes a minute without oneDNN: run with -tags long")
	}
	var f struct {
		HeadLoss  []float64 `json:"head_loss"`
		Loss      float64   `json:"loss_f64"`
		LossAfter float64   `json:"loss_after_step_f64"`
		Grads     map[string]gradient
	}
	readJSON(t, "testdata/portable/single_step.json", &f)
	input := ruleInput("input.train", 2, 2, 3, 96, 96)
	target := ruleInput("target.train", 1, 2, 1, 96, 96)
	for i, v := range target.Data {
		target.Data[i] = 0
		if v > 0.5 {
			target.Data[i] = 1
		}
	}
	singleStep(t, input, target, f.Loss, f.LossAfter, f.HeadLoss, f.Grads, bounds{l2: 1e-3, sample: 5e-3, most: 1e-3})
}

func TestTrainingStepOnRealSlicesEqualsThePublishedOne(t *testing.T) {
	if testing.Short() || !long {
		t.Skip("a second step of the same network: run with -tags long")
	}
	var f struct {
		HeadLoss  []float64 `json:"head_loss"`
		Loss      float64   `json:"loss_f64"`
		LossAfter float64   `json:"loss_after_step_f64"`
		Grads     map[string]gradient
	}
	readJSON(t, reference+"train/single_step.json", &f)
	input := nn.Tensor{Shape: nn.Shape{2, 3, 192, 192}, Data: readFloats(t, reference+"train_single.input.npy")}
	target := nn.NewTensor(2, 1, 192, 192)
	for i, v := range readBytes(t, reference+"train_single.target_u8.npy") {
		target.Data[i] = float32(v)
	}
	singleStep(t, input, target, f.Loss, f.LossAfter, f.HeadLoss, f.Grads, bounds{l2: 1e-3, sample: 5e-3, most: 1e-3})
}

// The classifier with live batch norms, images mixed by 0.6 and 0.4.
func TestTrainingStepOfTheClassifierEqualsTheReferences(t *testing.T) {
	if testing.Short() || !hasOneDNN() && !long {
		t.Skip("takes a minute without oneDNN: run with -tags long")
	}
	var f struct {
		Input, Logits summary
		Loss          float64              `json:"loss_f64"`
		TrainLoss     float64              `json:"loss_after_step_train_mode_f64"`
		EvalLoss      float64              `json:"loss_after_step_eval_mode_f64"`
		Taps          map[string]summary   `json:"taps"`
		Running       map[string]runningOf `json:"running_after_first_forward"`
		Grads         map[string]gradient
		ParamsAfter   map[string]gradient `json:"params_after"`
		Target        struct{ Data []float32 }
	}
	readJSON(t, reference+"train/cls50_live_bn_step.json", &f)
	ctx := context.Background()
	plan := FullClassifier50()
	plan.Res2Net.LiveNorm = true
	input := mixedBatch(t)
	f.Input.hold(t, "input", input.Data, 1e-6)
	target := nn.Tensor{Shape: nn.Shape{4, 2}, Data: f.Target.Data}
	g, err := plan.Graph(4, 160, 160)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ruleWeights(plan)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := nn.NewTrainer(g, w, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	out := trainer.NewOutputs()
	grads := []nn.Tensor{nn.NewTensor(4, 2)}
	forward := func() float64 {
		if err := trainer.Forward(ctx, []nn.Tensor{input}, out); err != nil {
			t.Fatal(err)
		}
		loss, err := nn.CrossEntropy(out[0], target, grads[0], nn.CrossEntropyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return loss
	}
	wantNear(t, "the loss", forward(), f.Loss, 2e-6)
	f.Logits.hold(t, "logits", out[0].Data, tolerance)
	after := trainer.Weights()
	for name, r := range f.Running {
		r.Mean.hold(t, name+".running_mean", after[name+".running_mean"].Data, 1e-5)
		r.Var.hold(t, name+".running_var", after[name+".running_var"].Data, 1e-5)
	}
	if err := trainer.Backward(ctx, grads, nil); err != nil {
		t.Fatal(err)
	}
	holdGradients(t, trainer.Parameters(), f.Grads, bounds{l2: 5e-3, sample: 5e-2, most: 5e-3}, nil)
	nn.NewSGD(nn.SGDOptions{Momentum: 0.9, WeightDecay: 1e-4}).Step(trainer.Parameters(), 0.01)
	after = trainer.Weights()
	for name, p := range f.ParamsAfter {
		p.hold(t, name, after[name].Data, 1e-4)
	}
	wantNear(t, "the loss after the step in inference", inferenceLoss(t, g, after, input, target), f.EvalLoss, 2e-5)
	wantNear(t, "the loss after the step", forward(), f.TrainLoss, 2e-5)
}

type runningOf struct{ Mean, Var gradient }

// hold compares values with their L2 norm and samples.
func (g gradient) hold(t *testing.T, name string, data []float32, tolerance float64) {
	t.Helper()
	sum := 0.0
	for _, v := range data {
		sum += float64(v) * float64(v)
	}
	wantNear(t, "the norm of "+name, math.Sqrt(sum), g.L2, tolerance)
	for index, v := range g.Samples {
		i, err := strconv.Atoi(index)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(float64(data[i])-v) <= tolerance*g.Absmax) {
			t.Errorf("%s is %g at %d, want %g", name, data[i], i, v)
		}
	}
}

func inferenceLoss(t *testing.T, g *nn.Graph, w nn.Weights, input, target nn.Tensor) float64 {
	t.Helper()
	program, err := nn.Compile(g, w, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	out := program.NewOutputs()
	if err := program.Run(context.Background(), []nn.Tensor{input}, out); err != nil {
		t.Fatal(err)
	}
	loss, err := nn.CrossEntropy(out[0], target, nn.NewTensor(out[0].Shape...), nn.CrossEntropyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

// mixedBatch is [0.6 a + 0.4 c, 0.6 d + 0.4 b, b, c] of the reference's slices.
func mixedBatch(t *testing.T) nn.Tensor {
	t.Helper()
	plan := FullClassifier()
	plan.Height, plan.Width = 160, 160
	plan.Preparation.Resize, plan.Preparation.ShorterSide = PillowStretch, 0
	slices := map[byte][]float32{}
	for _, s := range []byte("abcd") {
		x, err := plan.Prepare(openReference(t, "images/pre/mix_"+string(s)+"_160x160.png"))
		if err != nil {
			t.Fatal(err)
		}
		slices[s] = x.Data
	}
	batch := nn.NewTensor(4, 3, 160, 160)
	n := len(slices['a'])
	for i := range n {
		batch.Data[i] = float32(0.6*slices['a'][i]) + float32(0.4*slices['c'][i])
		batch.Data[n+i] = float32(0.6*slices['d'][i]) + float32(0.4*slices['b'][i])
	}
	copy(batch.Data[2*n:], slices['b'])
	copy(batch.Data[3*n:], slices['c'])
	return batch
}

// A decoder's squeeze with one unit must not be dead in first weights: every
// trained tensor gets a gradient.
func TestFirstWeightsTrainEverywhere(t *testing.T) {
	plan := CompactJoint()
	plan.MobileNet.Width = 0.25
	plan.Decoder.Widths = [5]int{8, 8, 16, 16, 16}
	plan.SharedHead, plan.Classes, plan.Positive = true, classes(), 1
	w, err := plan.Initial(1)
	if err != nil {
		t.Fatal(err)
	}
	g, err := plan.Graph(2, 96, 96)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := nn.NewTrainer(g, w, nn.Options{Executor: nn.Reference})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	out := trainer.NewOutputs()
	if err := trainer.Forward(context.Background(), []nn.Tensor{ruleInput("x", 1, 2, 3, 96, 96)}, out); err != nil {
		t.Fatal(err)
	}
	grads := trainer.NewOutputs()
	for _, o := range grads {
		for i := range o.Data {
			o.Data[i] = float32(i%7) - 2.5
		}
	}
	if err := trainer.Backward(context.Background(), grads, nil); err != nil {
		t.Fatal(err)
	}
	for _, p := range trainer.Parameters() {
		sum := 0.0
		for _, v := range p.Grad {
			sum += math.Abs(float64(v))
		}
		if !(sum > 0) || math.IsInf(sum, 0) {
			t.Errorf("%s gets a gradient of %g", p.Name, sum)
		}
	}
	if n := len(trainer.Parameters()); n != countTrained(t, plan) {
		t.Errorf("%d tensors are trained of %d", n, countTrained(t, plan))
	}
}

func countTrained(t *testing.T, plan Plan) int {
	t.Helper()
	all, err := plan.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range all {
		if p.Trained && !strings.HasSuffix(p.Name, batchCounter) {
			n++
		}
	}
	return n
}
