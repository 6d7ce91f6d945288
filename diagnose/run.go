package diagnose

import (
	"context"
	"fmt"
	"image"
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

// Run diagnoses a study. The networks run on the calling goroutine's engine;
// when ctx ends, so does Run, after the slice at hand at the latest.
func Run(ctx context.Context, in *ct.Input, m Models, o Options) (*Result, error) {
	if err := o.check(m); err != nil {
		return nil, err
	}
	s := newStudy(in, m, o)
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
	s.judge()
	s.warn()
	return &Result{Diagnosis: s.Diagnosis, Input: in, Masks: s.masks, Maps: s.maps}, nil
}

// Milliseconds is a duration in milliseconds, to a tenth.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond)) / float64(time.Millisecond)
}

// study is a diagnosis under way.
type study struct {
	*Diagnosis
	in      *ct.Input
	models  Models
	options Options

	lungs   []place // of each slice
	masks   findings.Mask
	maps    []*Map
	dropped int // opaque cells away from the lungs
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
		in: in, models: m, options: o,
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
	d := Input{Kind: in.Kind, Slices: in.Len()}
	if v := in.Volume; v != nil {
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
	c, err := network.NewClassifier(s.models.Classifier, s.options.Engine)
	if err != nil {
		return err
	}
	defer c.Close()
	n := s.in.Len()
	for i := range n {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("classify slice %d: %w", i, err)
		}
		if s.in.Volume == nil || s.showsLung(i) {
			if err := s.classifySlice(ctx, c, i); err != nil {
				return fmt.Errorf("classify slice %d: %w", i, err)
			}
		}
		s.options.progress(StageClassify, i+1, n)
	}
	if s.in.Volume != nil {
		s.Methods["classifier_view"] = fmt.Sprintf("the box of the slice's lungs, widened by %d mm", viewMarginMM)
	}
	s.Methods["activation_in_lung"] = fmt.Sprintf("share of the activation map (Grad-CAM at the classifier's last features) that lies in the convex hull of a lung, widened by %g mm; of positive slices", s.options.LungMarginMM)
	return nil
}

func (s *study) classifySlice(ctx context.Context, c *network.Classifier, i int) error {
	p := s.in.Picture(i, ct.LungWindow())
	view := s.view(i, p.Rect)
	answer, err := c.Classify(ctx, picture.Part(p, view))
	if err != nil {
		return err
	}
	d := &s.Slices[i]
	d.Probability = pointer(answer.Positive)
	d.Positive = s.showsLung(i) && answer.Positive > s.options.Rule.SliceThreshold
	if d.Positive || s.in.Len() == 1 {
		s.maps[i] = newMap(answer.Map, c.Plan(), p.Rect, view)
		d.ActivationInLung = s.maps[i].inLung(s.lungs[i], s.options.LungMarginMM)
	}
	return nil
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
	network, err := network.NewSegmenter(s.models.Segmenter, s.options.Engine)
	if err != nil {
		return err
	}
	defer network.Close()
	for k, i := range chosen {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("segment slice %d: %w", i, err)
		}
		answer, err := network.Segment(ctx, s.in.Picture(i, ct.LungWindow()))
		if err != nil {
			return fmt.Errorf("segment slice %d: %w", i, err)
		}
		mask := answer.Mask(float32(s.options.MaskThreshold))
		if s.in.Volume != nil || s.showsLung(i) {
			s.dropped += s.lungs[i].lungs.Keep(mask, s.lungs[i].slice, s.options.LungMarginMM)
		}
		s.masks[i] = mask
		s.Slices[i].Segmented = true
		s.options.progress(StageSegment, k+1, len(chosen))
	}
	return nil
}
