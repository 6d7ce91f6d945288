package cli

import (
	"context"
	"fmt"

	"github.com/jcs-ct/jcs/ct"
)

type infoCommand struct {
	inputFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (infoCommand) Help() string {
	return `Opens an input and says what was understood of it: series, geometry, window, warnings.

Example: jcs info study/ --json`
}

// infoSchema names the JSON of info.
const infoSchema = "jcs.info/1"

// info is what is understood of an input. What is not known is absent.
type info struct {
	Schema     string         `json:"schema"`
	Kind       ct.Kind        `json:"kind"`
	SeriesUID  string         `json:"series_uid,omitempty"`
	StudyUID   string         `json:"study_uid,omitempty"`
	Slices     int            `json:"slices"`
	Columns    int            `json:"columns,omitempty"`
	Rows       int            `json:"rows,omitempty"`
	SpacingMM  *[3]float64    `json:"spacing_mm,omitempty"`
	PixelMM    *[2]float64    `json:"pixel_mm,omitempty"` // where only these are known
	Affine     *[4][4]float64 `json:"affine_lps_mm,omitempty"`
	RangeHU    *[2]int16      `json:"range_hu,omitempty"`
	Window     *window        `json:"window_hu,omitempty"`
	Stored     *storedGrid    `json:"stored,omitempty"`
	Look       *ct.Look       `json:"look,omitempty"`
	Series     []ct.Series    `json:"series,omitempty"`
	SliceFiles []infoSlice    `json:"slice_files"`
	Warnings   []ct.Warning   `json:"warnings"`
}

// storedGrid is the grid that an input stores, where it is another than the one
// that is looked at.
type storedGrid struct {
	Order  ct.Order       `json:"order"`
	Size   [3]int         `json:"size"`
	Affine *[4][4]float64 `json:"affine_lps_mm,omitempty"`
}

// window is the window that the networks see.
type window struct {
	Level float64 `json:"level"`
	Width float64 `json:"width"`
}

type infoSlice struct {
	Index       int      `json:"index"`
	File        string   `json:"file,omitempty"`
	InstanceUID string   `json:"instance_uid,omitempty"`
	PositionMM  *float64 `json:"position_mm,omitempty"`
	Columns     int      `json:"columns"`
	Rows        int      `json:"rows"`
}

// Run describes the input.
func (c *infoCommand) Run(ctx context.Context, t *terminal) error {
	in, err := c.open(ctx, t)
	if err != nil {
		return err
	}
	t.settle()
	d := describe(in)
	if c.JSON {
		return t.json(d)
	}
	return t.table(d.rows())
}

func describe(in *ct.Input) info {
	d := info{Schema: infoSchema, Kind: in.Kind, Slices: in.Len(), Look: in.Look, Series: in.Series, Warnings: append([]ct.Warning{}, in.Warnings...)}
	for i, source := range in.Sources {
		s := infoSlice{Index: i, File: source.File, InstanceUID: source.InstanceUID}
		if source.HasPosition {
			s.PositionMM = &source.PositionMM
		}
		if v := in.Volume; v != nil {
			s.Columns, s.Rows = v.Columns, v.Rows
		} else {
			s.Columns, s.Rows = in.Pictures[i].Rect.Dx(), in.Pictures[i].Rect.Dy()
		}
		d.SliceFiles = append(d.SliceFiles, s)
	}
	d.Columns, d.Rows = d.SliceFiles[0].Columns, d.SliceFiles[0].Rows
	for _, s := range d.SliceFiles {
		if s.Columns != d.SliceFiles[0].Columns || s.Rows != d.SliceFiles[0].Rows {
			d.Columns, d.Rows = 0, 0
		}
	}
	if v := in.Volume; v != nil {
		d.SeriesUID, d.StudyUID = v.SeriesUID, v.StudyUID
		if !v.Order.AsStored() {
			d.Stored = &storedGrid{Order: v.Order, Size: v.Order.StoredSize([3]int{v.Columns, v.Rows, v.Slices})}
		}
		lung := ct.LungWindow()
		d.Window = &window{lung.Level, lung.Width}
		d.RangeHU = &[2]int16{v.HU[0], v.HU[0]}
		for _, hu := range v.HU {
			d.RangeHU[0], d.RangeHU[1] = min(d.RangeHU[0], hu), max(d.RangeHU[1], hu)
		}
		x, y, z, ok := v.SpacingMM()
		switch {
		case ok:
			d.SpacingMM, d.Affine = &[3]float64{x, y, z}, &v.Affine
			if d.Stored != nil {
				affine := v.StoredAffine()
				d.Stored.Affine = &affine
			}
		case x > 0 && y > 0:
			d.PixelMM = &[2]float64{x, y}
		}
	}
	return d
}

func (d info) rows() [][]string {
	rows := [][]string{{"kind", string(d.Kind)}}
	add := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	if d.SeriesUID != "" {
		add("series", "%s", d.SeriesUID)
	}
	if d.Columns > 0 {
		add("slices", "%d of %d x %d", d.Slices, d.Columns, d.Rows)
	} else {
		add("slices", "%d of several sizes", d.Slices)
	}
	if s := d.SpacingMM; s != nil {
		add("spacing", "%.3f x %.3f x %.3f mm", s[0], s[1], s[2])
	}
	if s := d.PixelMM; s != nil {
		add("pixels", "%.3f x %.3f mm", s[0], s[1])
	}
	if first, last := d.SliceFiles[0], d.SliceFiles[len(d.SliceFiles)-1]; d.Slices > 1 && first.PositionMM != nil && last.PositionMM != nil {
		add("positions", "%.1f to %.1f mm", *first.PositionMM, *last.PositionMM)
	}
	if r := d.RangeHU; r != nil {
		add("values", "%d to %d HU", r[0], r[1])
		add("window", "level %g, width %g HU", d.Window.Level, d.Window.Width)
	} else {
		add("values", "already windowed, 8 bits")
	}
	if s := d.Stored; s != nil {
		add("stored as", "%d x %d x %d, in another order of axes (%d %d %d)", s.Size[0], s.Size[1], s.Size[2], s.Order[0], s.Order[1], s.Order[2])
	}
	rows = append(rows, lookRows(d.Look, d.RangeHU != nil)...)
	rows = append(rows, seriesRows(d.Series)...)
	for _, w := range d.Warnings {
		add("warning", "%s (%s)", w.Message, w.Code)
	}
	return rows
}

// lookRows say what a coarse look told.
func lookRows(l *ct.Look, volume bool) [][]string {
	if l == nil {
		return nil
	}
	var rows [][]string
	switch {
	case volume && l.LungMM > 0:
		rows = append(rows, []string{"lung", fmt.Sprintf("in %s, over %.0f mm", plural(l.LungSlices, "slice"), l.LungMM)})
	case volume:
		rows = append(rows, []string{"lung", "in " + plural(l.LungSlices, "slice")})
	}
	switch {
	case l.NoiseHU > 0:
		rows = append(rows, []string{"noise", fmt.Sprintf("about %.0f HU in soft tissue", l.NoiseHU)})
	case l.NoiseGrey > 0:
		rows = append(rows, []string{"noise", fmt.Sprintf("about %.1f of 255 greys", l.NoiseGrey)})
	}
	return rows
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
