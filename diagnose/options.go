package diagnose

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/network"
)

// SegmentChoice says which slices are segmented.
type SegmentChoice string

// The choices.
const (
	SegmentAuto SegmentChoice = "auto" // those that the classifier calls positive
	SegmentAll  SegmentChoice = "all"
	SegmentNone SegmentChoice = "none"
)

// Models are the networks to ask. Without a Classifier there is no verdict;
// without a Segmenter, no lesion.
type Models struct {
	Name       string // of both together
	Classifier *network.Model
	Segmenter  *network.Model
}

// Stage is a part of the work.
type Stage string

// The stages, in their order.
const (
	StageLungs    Stage = "lungs"
	StageClassify Stage = "classify"
	StageSegment  Stage = "segment"
	StageMeasure  Stage = "measure"
)

// Options say how a study is diagnosed. Start from DefaultOptions.
type Options struct {
	Segment SegmentChoice
	Rule    Rule
	Engine  network.Options // how the networks are run; its Threads are those of all workers

	// Workers is how many slices are computed side by side, each on an engine
	// of its own that gets an equal part of the threads. 0: one for each thread,
	// up to 4, but fewer for few slices. They share weights, and each has activations of its own. Results
	// do not depend on it.
	Workers int

	// MaskThreshold is the probability above which a pixel is opaque.
	MaskThreshold float64
	// LeastLung is the share of a slice's pixels that must be lung for the
	// slice to count: neck and abdomen are not judged.
	LeastLung float64
	// LungMarginMM is how far beyond the lungs' hull an opacity may lie (see
	// findings.Lungs.Keep), and the activation that counts as theirs.
	LungMarginMM float64
	// Density splits opacities into ground glass and consolidation; the zero
	// value is findings.DefaultDensity.
	Density findings.DensityRule

	// Progress, if set, is told of every slice done.
	Progress func(stage Stage, done, total int)
}

// DefaultOptions returns the options that jcs takes by itself.
func DefaultOptions() Options {
	return Options{
		Segment: SegmentAuto, Rule: DefaultRule(), Engine: network.Options{Precision: network.Auto},
		MaskThreshold: 0.5, LeastLung: 0.02, LungMarginMM: 5, Density: findings.DefaultDensity(),
	}
}

func (o Options) density() findings.DensityRule {
	if o.Density == (findings.DensityRule{}) {
		return findings.DefaultDensity()
	}
	return o.Density
}

func (o Options) check(m Models) error {
	if m.Classifier == nil && m.Segmenter == nil {
		return errors.New("diagnose: no model is given")
	}
	if m.Classifier != nil && len(m.Classifier.Plan.Classes) == 0 {
		return fmt.Errorf("diagnose: the %s given as classifier knows no classes", m.Classifier.Plan.Name)
	}
	switch o.Segment {
	case SegmentAuto, SegmentAll, SegmentNone:
	default:
		return fmt.Errorf("diagnose: segment %q: auto, all and none are", o.Segment)
	}
	if o.Segment != SegmentNone && m.Segmenter == nil {
		return errors.New("diagnose: slices are to be segmented and no segmenter is given")
	}
	if o.Segment == SegmentAuto && m.Classifier == nil {
		return errors.New("diagnose: without a classifier all slices must be segmented")
	}
	if o.Workers < 0 || o.Workers > MostWorkers {
		return fmt.Errorf("diagnose: %d workers are not between 0 and %d", o.Workers, MostWorkers)
	}
	if !(o.MaskThreshold > 0 && o.MaskThreshold < 1) {
		return fmt.Errorf("diagnose: a mask's threshold of %g is not between 0 and 1", o.MaskThreshold)
	}
	if err := o.Rule.Check(); err != nil {
		return fmt.Errorf("diagnose: %w", err)
	}
	return nil
}

// MostWorkers bounds Options.Workers.
const MostWorkers = 256

// usualWorkers is where more would cost more memory, that of a network's
// activations each, than is to be expected of a machine.
const usualWorkers = 4

// slicesEach is how many slices a worker must have before it pays to compile
// the networks for it, and to compute a slice with fewer threads.
const slicesEach = 4

// workers is how many there are for so many slices.
func (o Options) workers(slices int) int {
	n := o.Workers
	if n == 0 {
		n = o.Engine.Threads
		if n < 1 {
			n = runtime.NumCPU()
		}
		n = min(n, usualWorkers, slices/slicesEach)
	}
	return max(1, min(n, slices))
}

func (o Options) progress(s Stage, done, total int) {
	if o.Progress != nil {
		o.Progress(s, done, total)
	}
}
