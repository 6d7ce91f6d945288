package diagnose

import (
	"context"
	"fmt"
	"image"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/picture"
)

// Result is a diagnosis and what its pictures are drawn from.
type Result struct {
	Diagnosis *Diagnosis
	Input     *ct.Input
	// Masks holds the opacities of each slice, row by row and 1 where opaque,
	// nil where there are none or nothing was segmented.
	Masks findings.Mask
	// Maps holds the activation maps of positive slices and of a lone picture;
	// nil elsewhere.
	Maps []*Map
}

// Picture is a slice in the lung window.
func (r *Result) Picture(slice int) *image.Gray { return r.Input.Picture(slice, ct.LungWindow()) }

// Run diagnoses a study. Slices are worked on side by side: see Options.Workers.
// When ctx ends, so does Run, after the slices at hand at the latest.
func Run(ctx context.Context, in *ct.Input, m Models, o Options) (*Result, error) {
	if err := o.check(m); err != nil {
		return nil, err
	}
	s := newStudy(in, m, o)
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	defer s.stop()
	for _, stage := range []struct {
		name Stage
		run  func(context.Context) error
		skip bool
	}{
		{StageLungs, s.findLungs, false},
		{StageClassify, s.classify, m.Classifier == nil},
		{StageSegment, s.segment, o.Segment == SegmentNone},
		{StageMeasure, s.measure, false},
	} {
		if stage.skip {
			continue
		}
		begin := time.Now()
		if err := stage.run(ctx); err != nil {
			return nil, err
		}
		s.TimingMS[string(stage.name)] = Milliseconds(time.Since(begin))
	}
	if err := s.judge(); err != nil {
		return nil, err
	}
	s.warn()
	return &Result{Diagnosis: s.Diagnosis, Input: in, Masks: s.masks, Maps: s.maps}, nil
}

// start begins to compile the network that is asked first, while the lungs are
// found.
func (s *study) start(ctx context.Context) error {
	var err error
	if s.workers, err = newWorkers(s.options.workers(s.in.Len()), s.options.Engine); err != nil {
		return fmt.Errorf("start the engines: %w", err)
	}
	if s.models.Classifier != nil {
		s.classifiers = assemble(ctx, s.workers, s.in.Len(), func(o network.Options) (*network.Classifier, error) {
			c, err := network.NewClassifier(s.models.Classifier, o)
			if err == nil {
				s.computesIn(&s.Model.ClassifierPrecision, c.Precision())
			}
			return c, err
		})
	} else {
		s.startSegmenters(ctx)
	}
	return nil
}

// startSegmenters begins to compile the segmenter, once it is known that it
// will be asked.
func (s *study) startSegmenters(ctx context.Context) {
	s.segmenting.Do(func() {
		s.segmenters = assemble(ctx, s.workers, s.in.Len(), func(o network.Options) (*network.Segmenter, error) {
			n, err := network.NewSegmenter(s.models.Segmenter, o)
			if err == nil {
				s.computesIn(&s.Model.SegmenterPrecision, n.Precision())
			}
			return n, err
		})
	})
}

// computesIn keeps what a network's precision came to. Workers are compiled side
// by side with the work.
func (s *study) computesIn(place *string, p network.Precision) {
	s.precisions.Lock()
	defer s.precisions.Unlock()
	*place = string(p)
}

// stop frees the networks and ends the engines.
func (s *study) stop() {
	s.classifiers.close()
	s.segmenters.close()
	s.workers.close()
}

// Milliseconds is a duration in milliseconds, to a tenth.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond)) / float64(time.Millisecond)
}

// study is a diagnosis under way.
type study struct {
	*Diagnosis
	precisions sync.Mutex // guards the precisions in Model
	in         *ct.Input
	models     Models
	options    Options
	pixels     pixels

	workers     *workers
	classifiers *team[*network.Classifier]
	segmenters  *team[*network.Segmenter]
	segmenting  sync.Once // segmenters are being compiled

	lungs   []place // of each slice
	masks   findings.Mask
	maps    []*Map
	dropped atomic.Int64 // opaque cells away from the lungs
}

// place is where a slice's lungs are kept: a volume's slices share one Lungs,
// each picture has its own.
type place struct {
	lungs *findings.Lungs
	slice int
}

func (p place) fraction() float64 { return p.lungs.Fraction(p.slice) }

func newStudy(in *ct.Input, m Models, o Options) *study {
	n := in.Len()
	s := &study{
		Diagnosis: &Diagnosis{
			Schema:   Schema,
			Input:    describeInput(in),
			Model:    describeModels(m, o),
			Slices:   make([]Slice, n),
			Methods:  map[string]string{},
			Warnings: append([]ct.Warning{}, in.Warnings...),
			TimingMS: map[string]float64{},
		},
		in: in, models: m, options: o, pixels: pixelsOf(in),
		lungs: make([]place, n),
		masks: make(findings.Mask, n),
		maps:  make([]*Map, n),
	}
	for i, source := range in.Sources {
		s.Slices[i] = Slice{Index: i, InstanceUID: source.InstanceUID, File: source.File}
		if source.HasPosition {
			s.Slices[i].PositionMM = pointer(source.PositionMM)
		}
	}
	return s
}

func describeInput(in *ct.Input) Input {
	d := Input{Kind: in.Kind, Slices: in.Len(), Look: in.Look, Series: in.Series}
	if v := in.Volume; v != nil {
		d.StudyUID = v.StudyUID
		d.SeriesUID, d.Columns, d.Rows = v.SeriesUID, v.Columns, v.Rows
	} else {
		size := in.Pictures[0].Rect.Size()
		for _, p := range in.Pictures {
			if p.Rect.Size() != size {
				size = image.Point{}
			}
		}
		d.Columns, d.Rows = size.X, size.Y
	}
	if x, y, z, ok := in.SpacingMM(); ok {
		d.SpacingMM = &[3]float64{x, y, z}
	}
	return d
}

func describeModels(m Models, o Options) Model {
	d := Model{Name: m.Name, Precision: string(o.Engine.Precision)}
	if c := m.Classifier; c != nil {
		d.ClassifierSHA256 = c.SHA256
		d.Classes = c.Plan.Classes
		d.PositiveClass = c.Plan.Classes[c.Plan.Positive]
	}
	if m.Segmenter != nil && o.Segment != SegmentNone {
		d.SegmenterSHA256 = m.Segmenter.SHA256
	}
	return d
}

// findLungs finds the lungs of the volume, or of each picture.
func (s *study) findLungs(ctx context.Context) error {
	n := s.in.Len()
	if v := s.in.Volume; v != nil {
		s.options.progress(StageLungs, 0, n)
		l, err := findings.LungsOfVolume(ctx, v)
		if err != nil {
			return err
		}
		for i := range s.lungs {
			s.lungs[i] = place{l, i}
		}
		s.options.progress(StageLungs, n, n)
	} else {
		for i, p := range s.in.Pictures {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("find the lungs: %w", err)
			}
			s.lungs[i] = place{findings.LungsOfPicture(p), 0}
			s.options.progress(StageLungs, i+1, n)
		}
	}
	for i := range s.Slices {
		s.Slices[i].LungFraction = pointer(s.lungs[i].fraction())
	}
	s.Methods["lung_fraction"] = fmt.Sprintf("share of the slice's pixels in aerated lung, closed at the wall; below %g a slice is not called positive", s.options.LeastLung)
	return nil
}

// showsLung reports whether a slice shows enough lung to be judged.
func (s *study) showsLung(i int) bool { return s.lungs[i].fraction() >= s.options.LeastLung }

// classify asks the classifier. Slices of a volume without lung are not shown
// to it. Of a picture the lungs are found less surely, so it is shown always,
// but not called positive without them.
func (s *study) classify(ctx context.Context) error {
	var asked []int
	for i := range s.Slices {
		if s.in.Volume == nil || s.showsLung(i) {
			asked = append(asked, i)
		}
	}
	told := &teller{options: &s.options, stage: StageClassify, total: s.in.Len()}
	if n := s.in.Len() - len(asked); n > 0 {
		told.add(n)
	}
	batch := s.options.Engine.Batch
	batches := slices.Collect(slices.Chunk(asked, max(batch, 1)))
	err := s.classifiers.each(ctx, len(batches), func(working context.Context, c *network.Classifier, k int) error {
		positive, err := s.classifySlices(working, c, batches[k])
		if err != nil {
			return fmt.Errorf("classify slice %d: %w", batches[k][0], err)
		}
		if positive && s.options.Segment != SegmentNone {
			s.startSegmenters(ctx) // they outlive this stage
		}
		told.add(len(batches[k]))
		return nil
	})
	if err != nil {
		return err
	}
	if s.in.Volume != nil {
		s.Methods["classifier_view"] = fmt.Sprintf("the box of the slice's lungs, widened by %d mm", viewMarginMM)
	}
	s.Methods["activation_in_lung"] = fmt.Sprintf("share of the activation map (Grad-CAM at the classifier's last features) that lies in the convex hull of a lung, widened by %g mm; of positive slices. lung_in_view is the share of what the classifier saw that lies there: a map without preference would have as much", s.options.LungMarginMM)
	return nil
}

// classifySlices classifies a batch and tells whether any of it is positive.
func (s *study) classifySlices(ctx context.Context, c *network.Classifier, batch []int) (positive bool, err error) {
	whole, views := make([]image.Rectangle, len(batch)), make([]image.Rectangle, len(batch))
	pictures := make([]*image.Gray, len(batch))
	for k, i := range batch {
		p := s.in.Picture(i, ct.LungWindow())
		whole[k], views[k] = p.Rect, s.view(i, p.Rect)
		pictures[k] = picture.Part(p, views[k])
		if !s.pixels.square() {
			pictures[k] = s.pixels.show(p, views[k])
		}
	}
	answers, err := c.ClassifyBatch(ctx, pictures)
	if err != nil {
		return false, err
	}
	for k, i := range batch {
		d := &s.Slices[i]
		d.Probability = pointer(answers[k].Positive)
		d.Positive = s.showsLung(i) && answers[k].Positive > s.options.Rule.SliceThreshold
		positive = positive || d.Positive
		if d.Positive || s.in.Len() == 1 {
			s.maps[i] = newMap(answers[k].Map, c.Plan(), whole[k], views[k], pictures[k].Rect.Size())
			share, ofView := s.maps[i].inLung(s.lungs[i], s.options.LungMarginMM)
			d.ActivationInLung = share
			if share != nil {
				d.LungInView = &ofView
			}
		}
	}
	return positive, nil
}

// viewMarginMM is what the classifier sees around the lungs.
const viewMarginMM = 15

// view is the part of a slice that the classifier is shown. Most slices that
// it was trained on are cut to the chest by hand; a volume's are cut to the
// lungs' box, so that table, arms and the scanner's field do not matter. A
// picture is shown whole: its lungs are found less surely.
func (s *study) view(i int, whole image.Rectangle) image.Rectangle {
	if s.in.Volume == nil {
		return whole
	}
	if box := s.lungs[i].lungs.Box(s.lungs[i].slice, viewMarginMM); !box.Empty() {
		return box
	}
	return whole
}

// segment outlines the opacities of the slices that were chosen.
func (s *study) segment(ctx context.Context) error {
	var chosen []int
	for i := range s.Slices {
		if s.options.Segment == SegmentAll || s.Slices[i].Positive {
			chosen = append(chosen, i)
		}
	}
	s.Methods["opacity"] = fmt.Sprintf("pixels over a probability of %g; regions of a slice of which less than a tenth lies in the convex hull of a lung, widened by %g mm, are dropped", s.options.MaskThreshold, s.options.LungMarginMM)
	if len(chosen) == 0 {
		return nil
	}
	s.startSegmenters(ctx)
	told := &teller{options: &s.options, stage: StageSegment, total: len(chosen)}
	return s.segmenters.each(ctx, len(chosen), func(ctx context.Context, n *network.Segmenter, k int) error {
		if err := s.segmentSlice(ctx, n, chosen[k]); err != nil {
			return fmt.Errorf("segment slice %d: %w", chosen[k], err)
		}
		told.add(1)
		return nil
	})
}

func (s *study) segmentSlice(ctx context.Context, n *network.Segmenter, i int) error {
	answer, err := s.askSegmenter(ctx, n, i)
	if err != nil {
		return err
	}
	mask := answer.Mask(float32(s.options.MaskThreshold))
	if s.in.Volume != nil || s.showsLung(i) {
		s.dropped.Add(int64(s.lungs[i].lungs.Keep(mask, s.lungs[i].slice, s.options.LungMarginMM)))
	}
	if slices.Max(mask) > 0 { // a plane of nothing is not worth its memory
		s.masks[i] = mask
	}
	s.Slices[i].Segmented = true
	return nil
}

// askSegmenter asks for the opacities of a slice, at its own pixels.
func (s *study) askSegmenter(ctx context.Context, n *network.Segmenter, i int) (network.Segmentation, error) {
	p := s.in.Picture(i, ct.LungWindow())
	if s.pixels.square() {
		return n.Segment(ctx, p)
	}
	frame := s.pixels.frame(n.Plan(), p.Rect, s.lungs[i].lungs.Box(s.lungs[i].slice, viewMarginMM))
	answer, err := n.Segment(ctx, s.pixels.show(p, frame))
	if err != nil {
		return network.Segmentation{}, err
	}
	return s.pixels.back(answer, frame, p.Rect), nil
}
