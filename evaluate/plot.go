package evaluate

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	ink   = color.RGBA{R: 0x1f, G: 0x4e, B: 0x79, A: 255}
	faint = color.Gray{Y: 170}
)

// PlotROC writes the receiver operating characteristic of r as a square PNG. It
// is an error if r has no curve, because one class is missing.
func PlotROC(w io.Writer, r *ClassificationResult) error {
	if len(r.ROC) == 0 || r.AUC == nil {
		return fmt.Errorf("plot ROC: needs positive and negative cases, has %d of %d positive", r.Positives, r.N)
	}
	title := fmt.Sprintf("ROC: AUC %.3f", *r.AUC)
	if i, ok := r.Intervals["auc"]; ok {
		title += fmt.Sprintf(" (95%% interval %.3f to %.3f)", i[0], i[1])
	}
	p, err := unitSquare(fmt.Sprintf("%s, n = %d", title, r.N), "1 - specificity", "sensitivity")
	if err != nil {
		return fmt.Errorf("plot ROC: %w", err)
	}
	curve := make(plotter.XYs, len(r.ROC))
	for i, point := range r.ROC {
		curve[i] = plotter.XY{X: point.FalsePositiveRate, Y: point.TruePositiveRate}
	}
	line, err := plotter.NewLine(curve)
	if err != nil {
		return fmt.Errorf("plot ROC: %w", err)
	}
	line.Color, line.Width = ink, vg.Points(1.5)
	p.Add(line)
	if r.Sensitivity != nil && r.Specificity != nil {
		point, err := plotter.NewScatter(plotter.XYs{{X: 1 - *r.Specificity, Y: *r.Sensitivity}})
		if err != nil {
			return fmt.Errorf("plot ROC: %w", err)
		}
		point.Color, point.Shape, point.Radius = ink, draw.CircleGlyph{}, vg.Points(4)
		p.Add(point)
		p.Legend.Add(fmt.Sprintf("threshold %.3g: sensitivity %.3f, specificity %.3f", r.Threshold, *r.Sensitivity, *r.Specificity), point)
	}
	return writePNG(w, p)
}

// PlotReliability writes the reliability diagram of r as a square PNG: the
// share of positives over the mean probability of each bin, with the share of
// the cases that the bin holds as grey bars.
func PlotReliability(w io.Writer, r *ClassificationResult) error {
	if len(r.Reliability) == 0 || r.ECE == nil {
		return fmt.Errorf("plot reliability: no cases")
	}
	p, err := unitSquare(fmt.Sprintf("Reliability: expected calibration error %.3f, n = %d", *r.ECE, r.N), "probability given", "share of positives")
	if err != nil {
		return fmt.Errorf("plot reliability: %w", err)
	}
	points := make(plotter.XYs, len(r.Reliability))
	for i, b := range r.Reliability {
		points[i] = plotter.XY{X: b.Probability, Y: b.Positive}
		share := float64(b.N) / float64(r.N)
		bar, err := plotter.NewPolygon(plotter.XYs{{X: b.Low, Y: 0}, {X: b.High, Y: 0}, {X: b.High, Y: share}, {X: b.Low, Y: share}})
		if err != nil {
			return fmt.Errorf("plot reliability: %w", err)
		}
		bar.Color, bar.LineStyle.Color = color.Gray{Y: 225}, color.White
		p.Add(bar)
		if i == 0 {
			p.Legend.Add("share of cases", bar)
		}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return fmt.Errorf("plot reliability: %w", err)
	}
	line.Color, line.Width = ink, vg.Points(1.5)
	dots.Color, dots.Shape, dots.Radius = ink, draw.CircleGlyph{}, vg.Points(3)
	p.Add(line, dots)
	p.Legend.Add("share of positives", line, dots)
	p.Legend.Left, p.Legend.Top = true, true
	return writePNG(w, p)
}

// unitSquare is an empty plot of [0, 1] by [0, 1] with a grid and the diagonal.
func unitSquare(title, x, y string) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.BackgroundColor = color.White
	p.Title.Padding = vg.Points(6)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 230}, color.Gray{Y: 230}
	diagonal, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
	if err != nil {
		return nil, err
	}
	diagonal.Color, diagonal.Dashes = faint, []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(grid, diagonal)
	return p, nil
}

func writePNG(w io.Writer, p *plot.Plot) error {
	to, err := p.WriterTo(14*vg.Centimeter, 14*vg.Centimeter, "png")
	if err != nil {
		return fmt.Errorf("draw plot: %w", err)
	}
	if _, err := to.WriteTo(w); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}
