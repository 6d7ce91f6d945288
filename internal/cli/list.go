package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/jcs-ct/jcs/ct"
)

// seriesSchema names the JSON of a list of series.
const seriesSchema = "jcs.series/1"

// seriesList is what an input holds, and what would be taken of it.
type seriesList struct {
	Schema  string        `json:"schema"`
	Kind    ct.Kind       `json:"kind"`
	Studies []listedStudy `json:"studies"`
}

type listedStudy struct {
	Name     string      `json:"name"` // as its folder would be called, where there are several
	StudyUID string      `json:"study_uid,omitempty"`
	Series   []ct.Series `json:"series"`
	Refusal  *refusal    `json:"refusal,omitempty"` // why none is taken
}

// list prints the series of the input.
func (c *diagnoseCommand) list(ctx context.Context, t *terminal) error {
	contents, err := c.survey(ctx, t)
	if err != nil {
		return err
	}
	defer contents.Close()
	t.settle()
	l := seriesList{Schema: seriesSchema, Kind: contents.Kind}
	for i, s := range contents.Studies {
		listed := listedStudy{Name: fmt.Sprintf("study-%d", i+1), StudyUID: s.UID, Series: append([]ct.Series{}, s.Series...)}
		if s.Refusal != nil {
			listed.Refusal = refusalJSON(s.Refusal)
		}
		l.Studies = append(l.Studies, listed)
	}
	if c.JSON {
		return t.json(l)
	}
	return t.table(l.rows())
}

func (l seriesList) rows() [][]string {
	rows := [][]string{{"study", "series", "no.", "slices", "mm", "plane", "kernel", "description", "", "why"}}
	for _, study := range l.Studies {
		for _, s := range study.Series {
			number := ""
			if s.Number != nil {
				number = strconv.Itoa(*s.Number)
			}
			slices, mm := fmt.Sprintf("%d files", s.Files), ""
			if s.Slices > 0 {
				slices = strconv.Itoa(s.Slices)
			}
			if step := cmp.Or(s.SpacingMM, s.ThicknessMM); step > 0 {
				mm = fmt.Sprintf("%.4g", step)
			}
			taken := "left"
			if s.Taken {
				taken = "taken"
			}
			rows = append(rows, []string{study.Name, s.SeriesUID, number, slices, mm, s.Plane, s.Kernel, s.Description, taken, s.Code + ": " + s.Reason})
		}
		switch {
		case study.Refusal != nil:
			rows = append(rows, []string{study.Name, "", "", "", "", "", "", "", "refused", study.Refusal.Message})
		case len(study.Series) == 0:
			rows = append(rows, []string{study.Name, "", "", "", "", "", "", "", "taken", fmt.Sprintf("the input is %s and has no series", l.Kind)})
		}
	}
	return rows
}

// seriesRows say which series were left, for the table of a diagnosis.
func seriesRows(all []ct.Series) [][]string {
	var rows [][]string
	for _, s := range all {
		switch {
		case len(all) == 1:
		case s.Taken:
			rows = append(rows, []string{"series", fmt.Sprintf("%s: %s", s.SeriesUID, s.Reason)})
		default:
			rows = append(rows, []string{"left", fmt.Sprintf("%s: %s", cmp.Or(s.SeriesUID, "a series without UID"), s.Reason)})
		}
	}
	return rows
}
