package train

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/evaluate"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/picture"
)

// Figures are what one validation found for one source. Absent ones are nil.
type Figures struct {
	Source      string   `json:"source"`
	Slices      int      `json:"slices"`
	Dice        *float64 `json:"dice,omitempty"`        // mean of the slices
	DicePooled  *float64 `json:"dice_pooled,omitempty"` // over all pixels together
	AUC         *float64 `json:"auc,omitempty"`
	Sensitivity *float64 `json:"sensitivity_at_specificity_0.93,omitempty"`
	// Positive is the share called positive at 0.5.
	Positive *float64 `json:"positive,omitempty"`
}

// validator predicts the validation pictures at their own sizes.
type validator struct {
	plan     network.Plan
	config   ValidateConfig
	options  Options
	sources  []string
	pictures map[string][]*dataset.Picture
}

func newValidator(plan network.Plan, c Config, o Options, st *dataset.Store) *validator {
	v := &validator{plan: plan, config: c.Validate, options: o, pictures: map[string][]*dataset.Picture{}}
	for _, s := range c.Sources {
		var of []*dataset.Picture
		for _, p := range st.Pictures {
			if p.Item.Source == s.Name {
				of = append(of, p)
			}
		}
		if len(of) > 0 {
			v.sources = append(v.sources, s.Name)
			v.pictures[s.Name] = spread(of, c.Validate.Limit)
		}
	}
	return v
}

// spread picks at most limit of a list, evenly.
func spread[T any](all []T, limit int) []T {
	if limit <= 0 || len(all) <= limit {
		return all
	}
	out := make([]T, limit)
	for i := range out {
		out[i] = all[i*len(all)/limit]
	}
	return out
}

// predicted is what the network says of one picture.
type predicted struct {
	picture     *dataset.Picture
	probability []float32 // of a lesion, at the picture's size; nil of a classifier
	positive    float64   // probability of the positive class; NaN without one
}

// run predicts all pictures with some weights. each is told every prediction.
func (v *validator) run(ctx context.Context, w nn.Weights, each func(predicted) error) error {
	n := v.config.Batch
	segments, classifies := v.plan.Kind != network.ClassifierKind, v.plan.Kind == network.ClassifierKind || v.plan.SharedHead
	var outputs []string
	if segments {
		outputs = append(outputs, network.HeadOutputs()[0])
	}
	if classifies {
		name := "softmax"
		if segments {
			name = "class.softmax"
		}
		outputs = append(outputs, name)
	}
	g, err := v.plan.GraphWith(network.GraphOptions{Outputs: outputs}, n, v.plan.Height, v.plan.Width)
	if err != nil {
		return err
	}
	program, err := nn.Compile(g, w, nn.Options{Precision: nn.Exact, Executor: v.options.Executor, Threads: v.options.Threads})
	if err != nil {
		return fmt.Errorf("compiling for validation: %w", err)
	}
	defer program.Close()
	r := &runner{validator: v, program: program, input: nn.NewTensor(n, 3, v.plan.Height, v.plan.Width), outputs: program.NewOutputs()}
	for _, s := range v.sources {
		all := v.pictures[s]
		for from := 0; from < len(all); from += n {
			predictions, err := r.predict(ctx, all[from:min(from+n, len(all))])
			if err != nil {
				return err
			}
			for _, p := range predictions {
				if err := each(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// runner is a compiled program with its tensors.
type runner struct {
	*validator
	program *nn.Program
	input   nn.Tensor
	outputs []nn.Tensor
}

func (r *runner) predict(ctx context.Context, pictures []*dataset.Picture) ([]predicted, error) {
	out := make([]predicted, len(pictures))
	for i, p := range pictures {
		out[i] = predicted{picture: p, positive: math.NaN()}
	}
	if err := r.pass(ctx, out, false, 1); err != nil {
		return nil, err
	}
	if r.config.Flip {
		return out, r.pass(ctx, out, true, 0.5)
	}
	return out, nil
}

// pass runs the pictures, mirrored or not, and blends what comes out into the
// predictions by share.
func (r *runner) pass(ctx context.Context, out []predicted, mirrored bool, share float64) error {
	size := 3 * r.plan.Height * r.plan.Width
	for i, p := range out {
		img := p.picture.Image
		if mirrored {
			img = mirror(img)
		}
		if err := r.plan.PrepareInto(r.input.Data[i*size:(i+1)*size], img); err != nil {
			return fmt.Errorf("%s: %w", p.picture.Item.Image, err)
		}
	}
	if err := r.program.Run(ctx, []nn.Tensor{r.input}, r.outputs); err != nil {
		return fmt.Errorf("validating: %w", err)
	}
	k := 0
	if r.plan.Kind != network.ClassifierKind {
		for i := range out {
			r.blendMap(&out[i], r.outputs[0].Data[i*size/3:(i+1)*size/3], mirrored, float32(share))
		}
		k = 1
	}
	if k < len(r.outputs) {
		classes := r.outputs[k].Shape[1]
		for i := range out {
			p := float64(r.outputs[k].Data[i*classes+r.plan.Positive])
			if mirrored {
				p = share*p + (1-share)*out[i].positive
			}
			out[i].positive = p
		}
	}
	return nil
}

func (r *runner) blendMap(p *predicted, plane []float32, mirrored bool, share float32) {
	w, h := p.picture.Image.Rect.Dx(), p.picture.Image.Rect.Dy()
	at := picture.ResizeOpenCVFloat(plane, r.plan.Width, r.plan.Height, w, h)
	if !mirrored {
		p.probability = at
		return
	}
	for y := range h {
		for x := range w {
			i := y*w + x
			p.probability[i] = share*at[y*w+w-1-x] + (1-share)*p.probability[i]
		}
	}
}

func mirror(src *image.Gray) *image.Gray {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			out.Pix[y*out.Stride+x] = src.Pix[y*src.Stride+w-1-x]
		}
	}
	return out
}

// judge gathers the figures of each source and the score.
func (v *validator) judge(ctx context.Context, w nn.Weights, each func(predicted)) ([]Figures, float64, error) {
	gathered := map[string]*gathered{}
	err := v.run(ctx, w, func(p predicted) error {
		g := gathered[p.picture.Item.Source]
		if g == nil {
			g = newGathered(v.plan.Positive)
			gathered[p.picture.Item.Source] = g
		}
		if each != nil {
			each(p)
		}
		return g.add(p)
	})
	if err != nil {
		return nil, 0, err
	}
	var all []Figures
	for _, s := range v.sources {
		f, err := gathered[s].figures(s)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, f)
	}
	return all, score(all), nil
}

// score is what the best weights are told by: the mean over the sources of
// Dice per slice, or of AUC where no source has masks.
func score(all []Figures) float64 {
	var dice, auc, masked, classed float64
	for _, f := range all {
		if f.Dice != nil {
			dice, masked = dice+*f.Dice, masked+1
		}
		if f.AUC != nil {
			auc, classed = auc+*f.AUC, classed+1
		}
	}
	if masked > 0 {
		return dice / masked
	}
	return auc / max(classed, 1)
}

// gathered are the predictions of one source, as far as figures need them.
type gathered struct {
	class         int // the positive one
	masks         *evaluate.Segmentation
	slices, drawn int
	probabilities []float64
	labels        []int
}

func newGathered(class int) *gathered {
	return &gathered{class: class, masks: evaluate.NewSegmentation(evaluate.SegmentationOptions{Bootstrap: evaluate.Bootstrap{Resamples: -1}})}
}

func (g *gathered) add(p predicted) error {
	g.slices++
	if !math.IsNaN(p.positive) && p.picture.Item.Label >= 0 {
		label := 0
		if p.picture.Item.Label == g.class {
			label = 1
		}
		g.probabilities = append(g.probabilities, p.positive)
		g.labels = append(g.labels, label)
	}
	if p.probability == nil || p.picture.Mask == nil {
		return nil
	}
	g.drawn++
	truth := make([]bool, len(p.probability))
	for i, v := range p.picture.Mask.Pix {
		truth[i] = v > 127
	}
	_, err := g.masks.Add(evaluate.Slice{
		Name: p.picture.Item.Image, Group: p.picture.Item.Group, Probability: p.probability, Truth: truth,
		Width: p.picture.Image.Rect.Dx(), Height: p.picture.Image.Rect.Dy(),
	})
	return err
}

func (g *gathered) figures(source string) (Figures, error) {
	f := Figures{Source: source, Slices: g.slices}
	if g.drawn > 0 {
		r, err := g.masks.Result()
		if err != nil {
			return f, err
		}
		f.Dice, f.DicePooled = &r.Dice, &r.DicePooled
	}
	if len(g.labels) > 0 {
		r, err := evaluate.Classification(g.probabilities, g.labels, nil, evaluate.ClassificationOptions{
			Specificities: []float64{0.93}, Bootstrap: evaluate.Bootstrap{Resamples: -1}})
		if err != nil {
			return f, err
		}
		f.AUC = r.AUC
		if len(r.SensitivityAt) > 0 {
			f.Sensitivity = &r.SensitivityAt[0].Sensitivity
		}
		called := 0.0
		for _, p := range g.probabilities {
			if p > 0.5 {
				called++
			}
		}
		called /= float64(len(g.probabilities))
		f.Positive = &called
	}
	return f, nil
}
