package train

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// drawCurves draws the losses above and the validation's figures below.
func drawCurves(path string, r *record) error {
	upper, lower := plot.New(), plot.New()
	upper.Title.Text, upper.X.Label.Text, upper.Y.Label.Text = "Training", "step", "loss"
	lower.Title.Text, lower.X.Label.Text, lower.Y.Label.Text = "Validation", "step", "figure"
	lower.Y.Min, lower.Y.Max = 0, 1
	colour := 0
	add := func(p *plot.Plot, name string) error {
		steps, values := r.column(name)
		if len(steps) == 0 {
			return nil
		}
		points := make(plotter.XYs, len(steps))
		for i := range steps {
			points[i] = plotter.XY{X: steps[i], Y: values[i]}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color, line.Dashes = plotutil.Color(colour), plotutil.Dashes(colour/7)
		colour++
		p.Add(line)
		p.Legend.Add(name, line)
		return nil
	}
	for _, name := range r.header {
		p := lower
		switch {
		case strings.HasPrefix(name, "loss"):
			p = upper
		case name == "score", strings.HasSuffix(name, ".dice"), strings.HasSuffix(name, ".dice_pooled"), strings.HasSuffix(name, ".auc"):
		default:
			continue
		}
		if err := add(p, name); err != nil {
			return fmt.Errorf("drawing the curve of %s: %w", name, err)
		}
	}
	lower.Legend.Top, lower.Legend.Left = false, true
	upper.Legend.Top = true
	img := vgimg.New(16*vg.Centimeter, 22*vg.Centimeter)
	canvas := draw.New(img)
	half := canvas.Size().Y / 2
	upper.Draw(draw.Crop(canvas, 0, 0, half, 0))
	lower.Draw(draw.Crop(canvas, 0, 0, 0, -half))
	var png bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&png); err != nil {
		return fmt.Errorf("drawing the curves: %w", err)
	}
	err := writeWhole(path, func(w io.Writer) error { _, err := w.Write(png.Bytes()); return err })
	if err != nil {
		return fmt.Errorf("writing the curves: %w", err)
	}
	return nil
}
