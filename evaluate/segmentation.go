package evaluate

import (
	"fmt"
	"math"
)

// SegmentationSchema names the JSON form of [SegmentationResult].
const SegmentationSchema = "jcs.evaluation.segmentation/1"

// SegmentationOptions say how masks are judged. The zero value is useful.
type SegmentationOptions struct {
	Threshold float64 // a pixel is in the mask above it; 0.5 if zero
	Bootstrap Bootstrap
	// IoUEval adds the figure that the published training script calls F_beta:
	// the mean of IoUEval over the slices.
	IoUEval bool
}

// Slice is one predicted map with its truth, both row by row.
type Slice struct {
	Name          string
	Group         string // patient or volume; empty: a group of its own
	Width, Height int
	Probability   []float32 // in [0, 1]
	Truth         []bool
}

// SliceScores are the metrics of one slice.
type SliceScores struct {
	Name        string   `json:"name"`
	Group       string   `json:"group,omitempty"`
	Dice        float64  `json:"dice"`
	IoU         float64  `json:"iou"`
	Sensitivity *float64 `json:"sensitivity,omitempty"` // absent if the truth is empty
	Specificity *float64 `json:"specificity,omitempty"` // absent if the truth is everywhere
	SMeasure    float64  `json:"s_measure"`
	EMeasure    float64  `json:"e_measure"`
	MAE         float64  `json:"mae"`
	IoUEval     *float64 `json:"ioueval,omitempty"`
	TruthPixels int      `json:"truth_pixels"`
	MaskPixels  int      `json:"mask_pixels"`
	Overlap     int      `json:"overlap_pixels"`
}

// SegmentationResult holds the metrics of a set of slices. All but DicePooled
// are means over the slices for which they are defined.
type SegmentationResult struct {
	Schema      string              `json:"schema"`
	N           int                 `json:"n"`
	Threshold   float64             `json:"threshold"`
	Dice        float64             `json:"dice"`
	DicePooled  float64             `json:"dice_pooled"` // over the pixels of all slices together
	IoU         float64             `json:"iou"`
	Sensitivity *float64            `json:"sensitivity,omitempty"`
	Specificity *float64            `json:"specificity,omitempty"`
	SMeasure    float64             `json:"s_measure"`
	EMeasure    float64             `json:"e_measure"`
	MAE         float64             `json:"mae"`
	IoUEval     *float64            `json:"ioueval,omitempty"`
	Intervals   map[string]Interval `json:"intervals,omitempty"`
	Bootstrap   *BootstrapRecord    `json:"bootstrap,omitempty"`
	Model       *Model              `json:"model,omitempty"`
	Slices      []SliceScores       `json:"slices,omitempty"`
}

// Segmentation gathers slices one by one and keeps only their scores, so that
// its memory does not grow with the pixels. Make one with [NewSegmentation]; it
// is for one goroutine.
type Segmentation struct {
	options SegmentationOptions
	scores  []SliceScores
}

// NewSegmentation returns an evaluation without slices.
func NewSegmentation(o SegmentationOptions) *Segmentation {
	if o.Threshold == 0 {
		o.Threshold = 0.5
	}
	return &Segmentation{options: o}
}

// Add scores one slice and keeps the scores.
//
// A slice whose truth and mask are both empty has Dice and IoU 1; one with an
// empty truth and a mask has 0.
func (e *Segmentation) Add(s Slice) (SliceScores, error) {
	if err := s.check(); err != nil {
		return SliceScores{}, fmt.Errorf("evaluate segmentation of %q: %w", s.Name, err)
	}
	scores := SliceScores{Name: s.Name, Group: s.Group}
	distance := 0.0
	for i, p := range s.Probability {
		in := float64(p) > e.options.Threshold
		switch {
		case s.Truth[i] && in:
			scores.TruthPixels++
			scores.MaskPixels++
			scores.Overlap++
		case s.Truth[i]:
			scores.TruthPixels++
		case in:
			scores.MaskPixels++
		}
		if s.Truth[i] {
			distance += 1 - float64(p)
		} else {
			distance += float64(p)
		}
	}
	n := len(s.Truth)
	scores.MAE = distance / float64(n)
	scores.Dice = dice(scores.Overlap, scores.TruthPixels, scores.MaskPixels)
	scores.IoU = 1
	if union := scores.TruthPixels + scores.MaskPixels - scores.Overlap; union > 0 {
		scores.IoU = float64(scores.Overlap) / float64(union)
	}
	scores.Sensitivity = ratio(scores.Overlap, scores.TruthPixels)
	scores.Specificity = ratio(n-scores.TruthPixels-scores.MaskPixels+scores.Overlap, n-scores.TruthPixels)
	scores.SMeasure = sMeasure(s)
	scores.EMeasure = eMeasure(s)
	if e.options.IoUEval {
		if v, _ := IoUEval(s.Probability, s.Truth); !math.IsNaN(v) {
			scores.IoUEval = &v
		}
	}
	e.scores = append(e.scores, scores)
	return scores, nil
}

func (s Slice) check() error {
	n := s.Width * s.Height
	switch {
	case s.Width <= 0 || s.Height <= 0:
		return fmt.Errorf("size %d x %d", s.Width, s.Height)
	case len(s.Probability) != n || len(s.Truth) != n:
		return fmt.Errorf("%d probabilities and %d truths for %d x %d pixels", len(s.Probability), len(s.Truth), s.Width, s.Height)
	}
	for i, p := range s.Probability {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("probability %v at pixel (%d, %d) is not within [0, 1]", p, i%s.Width, i/s.Width)
		}
	}
	return nil
}

// Result evaluates the slices added so far. It is an error if there are none.
func (e *Segmentation) Result() (*SegmentationResult, error) {
	if len(e.scores) == 0 {
		return nil, fmt.Errorf("evaluate segmentation: no slices")
	}
	groups := make([]string, len(e.scores))
	once := make([]float64, len(e.scores))
	for i, s := range e.scores {
		groups[i], once[i] = s.Group, 1
	}
	m := e.metrics(once)
	r := &SegmentationResult{
		Schema:      SegmentationSchema,
		N:           len(e.scores),
		Threshold:   e.options.Threshold,
		Dice:        m["dice"],
		DicePooled:  m["dice_pooled"],
		IoU:         m["iou"],
		Sensitivity: present(m, "sensitivity"),
		Specificity: present(m, "specificity"),
		SMeasure:    m["s_measure"],
		EMeasure:    m["e_measure"],
		MAE:         m["mae"],
		IoUEval:     present(m, "ioueval"),
		Slices:      e.scores,
	}
	r.Intervals, r.Bootstrap = e.options.Bootstrap.intervals(groups, e.metrics)
	return r, nil
}

// metrics computes the means when slice i counts times[i] times.
func (e *Segmentation) metrics(times []float64) map[string]float64 {
	var overlap, pixels, slices float64
	var dice, iou, s, eMean, mae float64
	var sensitivity, specificity, published mean
	for i, score := range e.scores {
		t := times[i]
		overlap += t * float64(score.Overlap)
		pixels += t * float64(score.TruthPixels+score.MaskPixels)
		slices += t
		dice += t * score.Dice
		iou += t * score.IoU
		s += t * score.SMeasure
		eMean += t * score.EMeasure
		mae += t * score.MAE
		sensitivity.add(score.Sensitivity, t)
		specificity.add(score.Specificity, t)
		published.add(score.IoUEval, t)
	}
	m := map[string]float64{}
	if slices == 0 {
		return m
	}
	m["dice"], m["iou"] = dice/slices, iou/slices
	m["s_measure"], m["e_measure"], m["mae"] = s/slices, eMean/slices, mae/slices
	m["dice_pooled"] = 1
	if pixels > 0 {
		m["dice_pooled"] = 2 * overlap / pixels
	}
	sensitivity.store(m, "sensitivity")
	specificity.store(m, "specificity")
	if published.times == slices { // one NaN makes the published mean NaN
		published.store(m, "ioueval")
	}
	return m
}

// mean is a weighted mean over the values that are present.
type mean struct{ sum, times float64 }

func (m *mean) add(v *float64, times float64) {
	if v != nil {
		m.sum += times * *v
		m.times += times
	}
}

func (m mean) store(metrics map[string]float64, name string) {
	if m.times > 0 {
		metrics[name] = m.sum / m.times
	}
}

func dice(overlap, truth, mask int) float64 {
	if truth+mask == 0 {
		return 1
	}
	return 2 * float64(overlap) / float64(truth+mask)
}

func ratio(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	v := float64(part) / float64(whole)
	return &v
}
