package train

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// record is the table of a run's figures, a row for each interval of steps. It
// is kept in memory and written whole after each row.
type record struct {
	path   string
	header []string
	rows   [][]string
}

// row is one line of the record.
type row struct {
	Step        int
	Rate        float64
	Loss        losses
	Norm        float64
	PerSecond   float64
	DataShare   float64
	Score       float64
	Figures     []Figures
	IsValidated bool
}

func newRecord(path string, sources []string) *record {
	r := &record{path: path, header: []string{"step", "rate", "loss", "loss_mask", "loss_class", "gradient_norm", "slices_per_second", "data_share", "score"}}
	for _, s := range sources {
		for _, f := range []string{"dice", "dice_pooled", "auc", "sensitivity_at_specificity_0.93", "positive"} {
			r.header = append(r.header, s+"."+f)
		}
	}
	return r
}

// resume reads the first rows of an earlier record again.
func (r *record) resume(rows int) error {
	text, err := os.ReadFile(r.path)
	if errors.Is(err, os.ErrNotExist) && rows == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the metrics to go on: %w", err)
	}
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return fmt.Errorf("metrics %s: %w", r.path, err)
	}
	if len(all) > 0 && !slices.Equal(all[0], r.header) {
		return fmt.Errorf("metrics %s has other columns than this version of jcs writes: go on with the version that began the run", r.path)
	}
	if len(all) < rows+1 {
		return fmt.Errorf("metrics %s holds fewer rows than the checkpoint has seen", r.path)
	}
	r.rows = all[1 : rows+1]
	return nil
}

func (r *record) add(w row) error {
	cells := []string{strconv.Itoa(w.Step), number(w.Rate), number(w.Loss.total()), number(w.Loss.Mask), number(w.Loss.Class), number(w.Norm), number(w.PerSecond), number(w.DataShare)}
	if w.IsValidated {
		cells = append(cells, number(w.Score))
		for _, f := range w.Figures {
			for _, v := range []*float64{f.Dice, f.DicePooled, f.AUC, f.Sensitivity, f.Positive} {
				cell := ""
				if v != nil {
					cell = number(*v)
				}
				cells = append(cells, cell)
			}
		}
	}
	for len(cells) < len(r.header) {
		cells = append(cells, "")
	}
	r.rows = append(r.rows, cells)
	err := writeWhole(r.path, func(to io.Writer) error {
		w := csv.NewWriter(to)
		w.Write(r.header)
		w.WriteAll(r.rows)
		return w.Error()
	})
	if err != nil {
		return fmt.Errorf("writing the metrics: %w", err)
	}
	return nil
}

// column is the values of a column and the steps that have them.
func (r *record) column(name string) (steps, values []float64) {
	for i, h := range r.header {
		if h != name {
			continue
		}
		for _, row := range r.rows {
			step, err1 := strconv.ParseFloat(row[0], 64)
			value, err2 := strconv.ParseFloat(row[i], 64)
			if err1 == nil && err2 == nil {
				steps, values = append(steps, step), append(values, value)
			}
		}
	}
	return steps, values
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
