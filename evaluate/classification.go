package evaluate

import (
	"fmt"
	"math"
	"slices"
)

// ClassificationSchema names the JSON form of [ClassificationResult].
const ClassificationSchema = "jcs.evaluation.classification/1"

// ClassificationOptions say how slices are judged. The zero value is useful.
type ClassificationOptions struct {
	Threshold     float64   // a case is called positive above it; 0.5 if zero
	Specificities []float64 // for SensitivityAt; 0.8, 0.9 and 0.95 if nil
	Bins          int       // of the calibration; 10 if zero
	Bootstrap     Bootstrap
}

// Model names what was evaluated.
type Model struct {
	Name      string `json:"name,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Precision string `json:"precision,omitempty"`
}

// ClassificationResult holds the metrics of a two-class task.
type ClassificationResult struct {
	Schema        string              `json:"schema"`
	N             int                 `json:"n"`
	Positives     int                 `json:"positives"` // by the truth
	AUC           *float64            `json:"auc,omitempty"`
	Threshold     float64             `json:"threshold"`
	Sensitivity   *float64            `json:"sensitivity,omitempty"`
	Specificity   *float64            `json:"specificity,omitempty"`
	Accuracy      *float64            `json:"accuracy,omitempty"`
	ECE           *float64            `json:"ece,omitempty"`
	Brier         *float64            `json:"brier,omitempty"`
	SensitivityAt []OperatingPoint    `json:"sensitivity_at_specificity,omitempty"`
	Reliability   []ReliabilityBin    `json:"reliability,omitempty"`
	Intervals     map[string]Interval `json:"intervals,omitempty"`
	Bootstrap     *BootstrapRecord    `json:"bootstrap,omitempty"`
	Model         *Model              `json:"model,omitempty"`
	ROC           []ROCPoint          `json:"-"`
}

// OperatingPoint is the best sensitivity among the thresholds whose specificity
// is at least the one asked for. The threshold is read off the evaluated cases
// themselves, so that the sensitivity is a little too good to be promised.
type OperatingPoint struct {
	Specificity float64 `json:"specificity"` // asked for
	Sensitivity float64 `json:"sensitivity"`
	Threshold   float64 `json:"threshold"`
}

// ReliabilityBin compares what was said with what was so among the cases whose
// probability lies in [Low, High), the last bin including 1.
type ReliabilityBin struct {
	Low         float64 `json:"low"`
	High        float64 `json:"high"`
	N           int     `json:"n"`
	Probability float64 `json:"mean_probability"`
	Positive    float64 `json:"positive_fraction"`
}

// ROCPoint is one corner of the receiver operating characteristic.
type ROCPoint struct {
	FalsePositiveRate, TruePositiveRate float64
}

// Classification evaluates probabilities of the positive class in [0, 1]
// against labels (0 or 1). Groups names the patient or run of each case for the
// intervals; nil, or an empty name, makes a case a group of its own.
//
//   - AUC is the Mann-Whitney statistic, ties counting half (Hanley and McNeil,
//     Radiology 143, 1982).
//   - ECE is the expected calibration error of the positive class over bins of
//     equal width: the mean distance between probability and share of positives,
//     weighted by cases (Naeini et al., AAAI 2015).
//   - Brier is the mean squared distance of probability and label (Brier, 1950).
func Classification(probabilities []float64, labels []int, groups []string, o ClassificationOptions) (*ClassificationResult, error) {
	c, err := newCases(probabilities, labels, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate classification: %w", err)
	}
	if groups == nil {
		groups = make([]string, len(labels))
	}
	if len(groups) != len(labels) {
		return nil, fmt.Errorf("evaluate classification: %d groups for %d labels", len(groups), len(labels))
	}
	once := make([]float64, len(labels))
	for i := range once {
		once[i] = 1
	}
	r := &ClassificationResult{Schema: ClassificationSchema, N: len(labels), Threshold: c.threshold}
	for _, label := range labels {
		r.Positives += label
	}
	metrics := c.metrics(once)
	r.AUC, r.Accuracy = present(metrics, "auc"), present(metrics, "accuracy")
	r.Sensitivity, r.Specificity = present(metrics, "sensitivity"), present(metrics, "specificity")
	r.ECE, r.Brier = present(metrics, "ece"), present(metrics, "brier")
	for _, s := range c.specificities {
		if p, ok := c.operatingPoint(once, s); ok {
			r.SensitivityAt = append(r.SensitivityAt, p)
		}
	}
	r.Reliability = c.reliability()
	r.ROC = c.roc()
	r.Intervals, r.Bootstrap = o.Bootstrap.intervals(groups, c.metrics)
	return r, nil
}

func present(metrics map[string]float64, name string) *float64 {
	if v, ok := metrics[name]; ok {
		return &v
	}
	return nil
}

// cases are the probabilities and labels with the order that AUC, ROC and
// operating points need, found once for all resamples.
type cases struct {
	probability   []float64
	positive      []bool
	descending    []int // case numbers, most probable first
	threshold     float64
	specificities []float64
	bins          int
}

func newCases(probabilities []float64, labels []int, o ClassificationOptions) (*cases, error) {
	if len(probabilities) != len(labels) {
		return nil, fmt.Errorf("%d probabilities for %d labels", len(probabilities), len(labels))
	}
	if len(labels) == 0 {
		return nil, fmt.Errorf("no cases")
	}
	c := &cases{probability: probabilities, threshold: o.Threshold, specificities: o.Specificities, bins: o.Bins}
	if c.threshold == 0 {
		c.threshold = 0.5
	}
	if c.specificities == nil {
		c.specificities = []float64{0.8, 0.9, 0.95}
	}
	if c.bins <= 0 {
		c.bins = 10
	}
	for _, s := range c.specificities {
		if !(s > 0 && s <= 1) {
			return nil, fmt.Errorf("specificity %v is not within (0, 1]", s)
		}
	}
	c.positive = make([]bool, len(labels))
	c.descending = make([]int, len(labels))
	for i, p := range probabilities {
		if !(p >= 0 && p <= 1) {
			return nil, fmt.Errorf("probability %v of case %d is not within [0, 1]", p, i)
		}
		if labels[i] != 0 && labels[i] != 1 {
			return nil, fmt.Errorf("label %d of case %d is neither 0 nor 1", labels[i], i)
		}
		c.positive[i] = labels[i] == 1
		c.descending[i] = i
	}
	slices.SortStableFunc(c.descending, func(a, b int) int {
		switch {
		case probabilities[a] > probabilities[b]:
			return -1
		case probabilities[a] < probabilities[b]:
			return 1
		}
		return 0
	})
	return c, nil
}

// metrics computes what is defined when case i counts times[i] times.
func (c *cases) metrics(times []float64) map[string]float64 {
	var tp, fn, tn, fp, squares float64
	for i, p := range c.probability {
		called, distance := p > c.threshold, p
		if c.positive[i] {
			distance = 1 - p
		}
		squares += times[i] * distance * distance
		switch {
		case c.positive[i] && called:
			tp += times[i]
		case c.positive[i]:
			fn += times[i]
		case called:
			fp += times[i]
		default:
			tn += times[i]
		}
	}
	m := map[string]float64{}
	total := tp + fn + tn + fp
	if total == 0 {
		return m
	}
	m["accuracy"] = (tp + tn) / total
	m["brier"] = squares / total
	m["ece"] = c.ece(times)
	if tp+fn > 0 {
		m["sensitivity"] = tp / (tp + fn)
	}
	if tn+fp > 0 {
		m["specificity"] = tn / (tn + fp)
	}
	if tp+fn > 0 && tn+fp > 0 {
		m["auc"] = c.auc(times)
	}
	for _, s := range c.specificities {
		if p, ok := c.operatingPoint(times, s); ok {
			m[fmt.Sprintf("sensitivity_at_specificity_%g", s)] = p.Sensitivity
		}
	}
	return m
}

// ties calls each once for every run of equal probabilities, the highest first,
// with the positives and negatives in it.
func (c *cases) ties(times []float64, each func(probability, positives, negatives float64)) {
	for i := 0; i < len(c.descending); {
		p := c.probability[c.descending[i]]
		var positives, negatives float64
		for ; i < len(c.descending) && c.probability[c.descending[i]] == p; i++ {
			if k := c.descending[i]; c.positive[k] {
				positives += times[k]
			} else {
				negatives += times[k]
			}
		}
		each(p, positives, negatives)
	}
}

func (c *cases) auc(times []float64) float64 {
	var above, negatives, area float64 // above: positives more probable than here
	c.ties(times, func(_, p, n float64) {
		area += n * (above + p/2)
		above += p
		negatives += n
	})
	return area / (above * negatives)
}

func (c *cases) roc() []ROCPoint {
	once := make([]float64, len(c.positive))
	var positives, negatives float64
	for i, positive := range c.positive {
		once[i] = 1
		if positive {
			positives++
		} else {
			negatives++
		}
	}
	if positives == 0 || negatives == 0 {
		return nil
	}
	curve := []ROCPoint{{}}
	var tp, fp float64
	c.ties(once, func(_, p, n float64) {
		tp, fp = tp+p, fp+n
		curve = append(curve, ROCPoint{fp / negatives, tp / positives})
	})
	return curve
}

// operatingPoint finds the largest sensitivity at a specificity of at least s.
func (c *cases) operatingPoint(times []float64, s float64) (OperatingPoint, bool) {
	var positives, negatives float64
	for i, positive := range c.positive {
		if positive {
			positives += times[i]
		} else {
			negatives += times[i]
		}
	}
	if positives == 0 || negatives == 0 {
		return OperatingPoint{}, false
	}
	// A threshold at a probability calls what lies above it: all ties seen so far.
	var tp, fp, best float64
	threshold := 1.0
	c.ties(times, func(p, pos, neg float64) {
		if (negatives-fp)/negatives >= s-1e-12 {
			best, threshold = tp/positives, p
		}
		tp, fp = tp+pos, fp+neg
	})
	return OperatingPoint{Specificity: s, Sensitivity: best, Threshold: threshold}, true
}

func (c *cases) bin(p float64) int {
	return min(int(p*float64(c.bins)), c.bins-1)
}

func (c *cases) ece(times []float64) float64 {
	gap := make([]float64, c.bins) // sum of probability less label
	total := 0.0
	for i, p := range c.probability {
		if c.positive[i] {
			p--
		}
		gap[c.bin(c.probability[i])] += times[i] * p
		total += times[i]
	}
	sum := 0.0
	for _, g := range gap {
		sum += math.Abs(g)
	}
	return sum / total
}

func (c *cases) reliability() []ReliabilityBin {
	bins := make([]ReliabilityBin, c.bins)
	for i := range bins {
		bins[i].Low, bins[i].High = float64(i)/float64(c.bins), float64(i+1)/float64(c.bins)
	}
	for i, p := range c.probability {
		b := &bins[c.bin(p)]
		b.N++
		b.Probability += p
		if c.positive[i] {
			b.Positive++
		}
	}
	filled := bins[:0]
	for _, b := range bins {
		if b.N > 0 {
			b.Probability /= float64(b.N)
			b.Positive /= float64(b.N)
			filled = append(filled, b)
		}
	}
	return filled
}
