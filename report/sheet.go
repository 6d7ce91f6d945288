package report

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/font"

	"github.com/jcs-ct/jcs/diagnose"
)

const (
	sheetWidth       = 1280
	sheetMargin      = 16
	sheetColumns     = 8
	largestThumbnail = 512
	thumbnailFoot    = 24
	mostThumbnails   = 64
	headlineHeight   = 44
	lineHeight       = 18
	linesGap         = 6
	chartHeight      = 96
	footerHeight     = 30
)

// disclaimer stands on every sheet.
const disclaimer = "For research. Not a medical device, not for diagnosis."

// sheet is one picture of the whole study: the verdict, the probability of
// every slice, and the slices with their lesions in outline.
func sheet(r *diagnose.Result, f faces) canvas {
	shown := sample(r)
	columns := min(sheetColumns, len(shown))
	side := min(largestThumbnail, (sheetWidth-2*sheetMargin-(columns-1)*8)/columns)
	rows := (len(shown) + sheetColumns - 1) / sheetColumns
	chart := 0
	if len(r.Diagnosis.Slices) > 1 {
		chart = chartHeight
	}
	lines := headLines(r.Diagnosis, f.small, sheetWidth-2*sheetMargin)
	head := headlineHeight + linesHeight(lines) + 2*linesGap
	top := head + chart
	c := newCanvas(sheetWidth, top+rows*(side+thumbnailFoot+8)+footerHeight, f)
	c.headline(r.Diagnosis)
	c.lines(lines, headlineHeight)
	if chart > 0 {
		c.chart(r.Diagnosis, image.Rect(sheetMargin+36, head+4, sheetWidth-sheetMargin, head+chartHeight-26))
	}
	for k, i := range shown {
		x := sheetMargin + k%sheetColumns*(side+8)
		y := top + k/sheetColumns*(side+thumbnailFoot+8)
		c.thumbnail(r, i, image.Rect(x, y, x+side, y+side))
	}
	foot := disclaimer
	if len(shown) < len(r.Diagnosis.Slices) {
		foot += fmt.Sprintf("   %d of %d slices are shown.", len(shown), len(r.Diagnosis.Slices))
	}
	c.write(sheetMargin, c.Rect.Dy()-10, f.small, dimInk, foot)
	return c
}

// sample picks the slices that are shown, evenly over the study.
func sample(r *diagnose.Result) []int {
	n := len(r.Diagnosis.Slices)
	k := min(n, mostThumbnails)
	out := make([]int, k)
	for i := range out {
		out[i] = (2*i + 1) * n / (2 * k)
	}
	return out
}

// headline writes the verdict and what was found.
func (c canvas) headline(d *diagnose.Diagnosis) {
	x := sheetMargin
	if d.Verdict != "" {
		x = c.write(x, 38, c.faces.large, verdictColour(d.Verdict), strings.ToUpper(string(d.Verdict))) + 18
	}
	c.write(x, 38, c.faces.large, ink, fit(c.faces.large, Headline(d), sheetWidth-sheetMargin-x))
}

// line is one line below the headline.
type line struct {
	text   string
	colour color.RGBA
	gap    int // above it
}

// headLines are what stands below the headline: what was read and by which rule
// it was judged, why a verdict is in doubt, the scores, and all warnings. None
// of it is cut.
func headLines(d *diagnose.Diagnosis, f font.Face, width int) []line {
	var all []line
	add := func(colour color.RGBA, gap int, texts ...string) {
		for _, text := range texts {
			all = append(all, line{text, colour, gap})
			gap = 0
		}
	}
	add(dimInk, 0, paragraph(f, provenance(d), width)...)
	if d.Rule != nil {
		add(dimInk, 0, paragraph(f, "rule "+d.Rule.Name+": "+d.Rule.Text, width)...)
		if len(d.Rule.Doubts) > 0 {
			text := fmt.Sprintf("%s because of: %s (see below)", d.Verdict, strings.Join(d.Rule.Doubts, ", "))
			add(doubtful, linesGap, paragraph(f, text, width)...)
		}
	}
	gap := linesGap
	for _, scores := range wrap(f, severityParts(d), between, width) {
		add(ink, gap, paragraph(f, scores, width)...)
		gap = 0
	}
	gap = linesGap
	for _, w := range d.Warnings {
		add(warned, gap, paragraph(f, "warning "+w.Code+": "+w.Message, width)...)
		gap = 0
	}
	return all
}

func linesHeight(all []line) int {
	h := 0
	for _, l := range all {
		h += l.gap + lineHeight
	}
	return h
}

// lines writes lines from a height on.
func (c canvas) lines(all []line, y int) {
	for _, l := range all {
		y += l.gap + lineHeight
		c.write(sheetMargin, y, c.faces.small, l.colour, l.text)
	}
}

// between stands between scores on a line.
const between = "  ·  "

// wrap joins parts to lines that are no wider than so many pixels, but for a part
// that is wider by itself.
func wrap(f font.Face, parts []string, join string, width int) []string {
	var lines []string
	for _, part := range parts {
		if n := len(lines); n > 0 {
			if longer := lines[n-1] + join + part; !wide(f, longer, width) {
				lines[n-1] = longer
				continue
			}
		}
		lines = append(lines, part)
	}
	return lines
}

// paragraph breaks a text between words into lines that are no wider than so many
// pixels, and within a word that is wider by itself, as a long path is.
func paragraph(f font.Face, text string, width int) []string {
	var words []string
	for _, word := range strings.Split(text, " ") {
		letters := []rune(word)
		for n := fitting(f, letters, width); n < len(letters); n = fitting(f, letters, width) {
			words, letters = append(words, string(letters[:n])), letters[n:]
		}
		words = append(words, string(letters))
	}
	return wrap(f, words, " ", width)
}

// fitting is how many of the first letters are no wider than so many pixels, at
// least one where there are any.
func fitting(f font.Face, letters []rune, width int) int {
	n := len(letters)
	for n > 1 && wide(f, string(letters[:n]), width) {
		n--
	}
	return n
}

func wide(f font.Face, text string, width int) bool {
	return font.MeasureString(f, text).Ceil() > width
}

// severityParts are the scores, those of one source together with its name.
func severityParts(d *diagnose.Diagnosis) []string {
	if d.Severity == nil {
		return nil
	}
	var parts []string
	scores := d.Severity.Scores
	for i := 0; i < len(scores); {
		var of []string
		source := scores[i].Citation()
		for ; i < len(scores) && scores[i].Citation() == source; i++ {
			text := scores[i].Text()
			if i == 0 || scores[i-1].Label() != scores[i].Label() {
				text = scores[i].Label() + " " + text
			}
			of = append(of, text)
		}
		parts = append(parts, strings.Join(of, ", ")+" ("+source+")")
	}
	return parts
}

func verdictColour(v diagnose.Verdict) color.RGBA {
	switch v {
	case diagnose.Positive:
		return positive
	case diagnose.Negative:
		return negative
	}
	return doubtful
}

// Headline says in one line what was found besides the verdict.
func Headline(d *diagnose.Diagnosis) string {
	var parts []string
	if d.Probability != nil {
		parts = append(parts, fmt.Sprintf("probability %.2f", *d.Probability))
	}
	if d.Rule != nil && len(d.Slices) > 1 {
		parts = append(parts, fmt.Sprintf("%d of %d slices positive", d.PositiveSlices(), len(d.Slices)))
	}
	if d.Lesions != nil {
		text := plural(len(d.Lesions), "lesion")
		if ml, ok := d.OpacityML(); ok && ml > 0 {
			text += fmt.Sprintf(", %.0f mL", ml)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "  ·  ")
}

// provenance says what was read, and by what.
func provenance(d *diagnose.Diagnosis) string {
	text := fmt.Sprintf("%s, %s", d.Input.Kind, plural(d.Input.Slices, "slice"))
	if d.Input.Columns > 0 {
		text += fmt.Sprintf(" of %d x %d", d.Input.Columns, d.Input.Rows)
	}
	if s := d.Input.SpacingMM; s != nil {
		text += fmt.Sprintf(", %.2f x %.2f x %.2f mm", s[0], s[1], s[2])
	}
	return text + "  ·  model " + d.Model.Name + ", precision " + d.Model.Precision
}

// chart draws a bar for the probability of every slice, and the threshold.
func (c canvas) chart(d *diagnose.Diagnosis, at image.Rectangle) {
	n := len(d.Slices)
	for i, s := range d.Slices {
		bar := image.Rect(at.Min.X+i*at.Dx()/n, at.Min.Y, at.Min.X+(i+1)*at.Dx()/n, at.Max.Y)
		if bar.Dx() > 3 {
			bar.Max.X--
		}
		c.fill(image.Rect(bar.Min.X, at.Max.Y-1, bar.Max.X, at.Max.Y), unasked)
		if s.Probability != nil {
			bar.Min.Y = at.Max.Y - max(1, int(*s.Probability*float64(at.Dy())+0.5))
			c.fill(bar, sliceColour(s))
		}
	}
	if d.Rule != nil {
		y := at.Max.Y - int(d.Rule.SliceThreshold*float64(at.Dy()))
		for x := at.Min.X; x < at.Max.X; x += 6 {
			c.fill(image.Rect(x, y, min(x+3, at.Max.X), y+1), dimInk)
		}
		c.writeRight(at.Min.X-6, y+5, c.faces.small, dimInk, fmt.Sprintf("%.2g", d.Rule.SliceThreshold))
	}
	c.writeRight(at.Min.X-6, at.Min.Y+9, c.faces.small, dimInk, "1")
	c.write(at.Min.X, at.Max.Y+15, c.faces.small, dimInk, "0")
	c.writeRight(at.Max.X, at.Max.Y+15, c.faces.small, dimInk, fmt.Sprint(n-1))
	c.write(at.Min.X+at.Dx()/2-130, at.Max.Y+15, c.faces.small, dimInk, "probability by slice; no bar: no lung, not asked")
}

func sliceColour(s diagnose.Slice) color.RGBA {
	if s.Positive {
		return positive
	}
	return negative
}

// thumbnail draws a slice with its lesions, its number and its probability.
func (c canvas) thumbnail(r *diagnose.Result, i int, at image.Rectangle) {
	p := r.Picture(i)
	s := r.Diagnosis.Slices[i]
	inner := letterbox(at, p.Rect.Dx(), p.Rect.Dy())
	c.place(inner, p)
	drawOutline(c.RGBA, inner, r.Masks[i], p.Rect.Dx(), p.Rect.Dy(), 1, outline)
	bar := image.Rect(at.Min.X, at.Max.Y+2, at.Max.X, at.Max.Y+6)
	c.fill(bar, unasked)
	c.write(at.Min.X, at.Max.Y+20, c.faces.small, ink, fmt.Sprint(i))
	if s.Probability != nil {
		bar.Max.X = bar.Min.X + int(*s.Probability*float64(bar.Dx())+0.5)
		c.fill(bar, sliceColour(s))
		c.writeRight(at.Max.X, at.Max.Y+20, c.faces.small, ink, fmt.Sprintf("%.2f", *s.Probability))
	}
}

// letterbox is the largest rectangle of the shape w x h in the middle of at.
func letterbox(at image.Rectangle, w, h int) image.Rectangle {
	dx, dy := at.Dx(), at.Dy()
	if w*dy > h*dx {
		dy = max(1, h*dx/w)
	} else {
		dx = max(1, w*dy/h)
	}
	x, y := at.Min.X+(at.Dx()-dx)/2, at.Min.Y+(at.Dy()-dy)/2
	return image.Rect(x, y, x+dx, y+dy)
}
