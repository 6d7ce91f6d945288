package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jcs-ct/jcs/nn"
)

// PrecisionRecord is kept in a model's file: the ranges that 8-bit arithmetic
// needs, and how well each reduced precision agreed with the exact one on
// pictures that those ranges were not taken from.
type PrecisionRecord struct {
	Schema      string           `json:"schema"`
	Set         PrecisionSet     `json:"set"`
	Equalised   bool             `json:"equalised,omitempty"` // the weights were, for 8 bits
	Calibration *nn.Calibration  `json:"calibration"`
	Checks      []PrecisionCheck `json:"checks"`
}

// PrecisionSet names the pictures.
type PrecisionSet struct {
	Name       string `json:"name"`
	Calibrated int    `json:"calibrated"` // pictures that the ranges are from
	Checked    int    `json:"checked"`    // other pictures, that the checks are from
	SHA256     string `json:"sha256"`     // of all pictures' pixels as the network is given them
}

// PrecisionCheck is the agreement of one precision with the exact one.
type PrecisionCheck struct {
	Precision nn.Precision `json:"precision"`
	// Of a segmenter: the overlap of both masks, mean and worst of the slices
	// on which either marks anything, and how many those are.
	Dice      *float64 `json:"dice,omitempty"`
	WorstDice *float64 `json:"worst_dice,omitempty"`
	Masks     int      `json:"masks,omitempty"`
	// Of a classifier: slices whose verdict changed though the exact
	// probability was further from one half than the margin.
	Changed *int    `json:"verdicts_changed,omitempty"`
	Margin  float64 `json:"margin,omitempty"`
	// Largest difference of a probability, in a mask or of a slice.
	Difference float64 `json:"largest_difference"`
	Kept       int     `json:"kept"` // convolutions that proved too sensitive for it
	Processor  string  `json:"processor,omitempty"`
	Date       string  `json:"date,omitempty"`
}

const (
	precisionSchema = "jcs.precision/2"
	// leastAgreement is the mean Dice of masks from which a precision is
	// allowed, and verdictMargin how near to one half a slice's probability
	// must be for its verdict not to count.
	leastAgreement = 0.995
	verdictMargin  = 0.05
	// largestShift is how far a slice's probability may move. Verdicts outside
	// the margin are not enough: int8 that moved slices by up to 0.16 and changed
	// none of them still turned a study of many slices near one half positive.
	largestShift = 0.02
)

// Holds reports whether the precision may stand in for the exact one.
func (c PrecisionCheck) Holds() bool {
	return (c.Dice == nil || *c.Dice >= leastAgreement && c.Masks > 0) &&
		(c.Changed == nil || *c.Changed == 0 && c.Difference <= largestShift) && (c.Dice != nil || c.Changed != nil)
}

// nearer reports whether a check came nearer to the exact answers than another
// of the same network.
func (c PrecisionCheck) nearer(than PrecisionCheck) bool {
	if c.Dice != nil && than.Dice != nil {
		return *c.Dice > *than.Dice
	}
	return c.Difference < than.Difference
}

// Allowed are the reduced precisions that a record allows: none without one.
func (r *PrecisionRecord) Allowed() []nn.Precision {
	var all []nn.Precision
	if r == nil {
		return nil
	}
	for _, c := range r.Checks {
		if c.Holds() {
			all = append(all, c.Precision)
		}
	}
	return all
}

// Apply gives a program's options what the record allows and knows. It may be
// nil.
func (r *PrecisionRecord) Apply(o *nn.Options) {
	if r != nil {
		o.Allow, o.Calibration = r.Allowed(), r.Calibration
	}
}

// parsePrecisionRecord reads a record. One of the first form is none: what it
// keeps from 8 bits was checked in float32, and would be computed in bfloat16.
func parsePrecisionRecord(text []byte) (*PrecisionRecord, error) {
	var form struct{ Schema string }
	if err := json.Unmarshal(text, &form); err == nil && form.Schema == "jcs.precision/1" {
		return nil, nil
	}
	var r PrecisionRecord
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("reading the model's precision record: %w", err)
	}
	if r.Schema != precisionSchema {
		return nil, fmt.Errorf("the model's precision record is of another form, %.40q: calibrate it anew", r.Schema)
	}
	if r.Calibration == nil {
		return nil, errors.New("the model's precision record holds no calibration")
	}
	for name, ranges := range r.Calibration.Convolutions {
		for _, limit := range []float32{ranges.In.Limit, ranges.Out.Limit} {
			if !(limit >= 0) || math.IsInf(float64(limit), 0) {
				return nil, fmt.Errorf("the model's precision record: a range of %.80q is %g", name, limit)
			}
		}
	}
	for _, c := range r.Checks {
		if !slices.Contains([]nn.Precision{nn.BFloat16, nn.Int8}, c.Precision) {
			return nil, fmt.Errorf("the model's precision record checks %.20q, which is no reduced precision", c.Precision)
		}
	}
	return &r, nil
}
