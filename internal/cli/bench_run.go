package cli

import (
	"time"

	"github.com/jcs-ct/jcs/nn"
)

// What is measured.
const (
	benchInference = "inference"
	benchTraining  = "train"
)

// The arithmetics that convolutions are computed in, as nn names them.
const (
	arithmeticFloat32  = "f32"
	arithmeticBFloat16 = "bf16"
	arithmeticInt8     = "int8"
)

// benchTask is one network in one precision. It goes to the process that
// measures it as JSON.
type benchTask struct {
	Network   string // by its name; or else
	Model     string // as the flag has it
	Part      string // of the model; empty: the file's only one
	Config    string
	What      string
	Precision string
	Without   []nn.Pass // left out
	Batch     int
	Size      int
	Threads   int
	Workers   int
	For       time.Duration
	Profile   bool
}

// benchRun is what was measured of a network in one precision. Times are of a
// slice; those of a whole run, or training step, say so.
type benchRun struct {
	Network     string    `json:"network"`
	Model       string    `json:"model,omitempty"` // its name; absent: random weights
	SHA256      string    `json:"sha256,omitempty"`
	Precision   string    `json:"precision"`
	Without     []nn.Pass `json:"without,omitempty"`     // passes that were left out
	Unavailable string    `json:"unavailable,omitempty"` // why there are no figures

	benchFigures
}

// benchFigures are those of a run that could be made.
type benchFigures struct {
	Height int `json:"height,omitempty"`
	Width  int `json:"width,omitempty"`
	Batch  int `json:"batch,omitempty"`
	// Workers are engines side by side; each runs a batch at once with the others.
	Workers int `json:"workers,omitempty"`
	Runs    int `json:"runs,omitempty"`

	MedianMS  float64 `json:"median_ms,omitempty"`
	Tenth     float64 `json:"p10_ms,omitempty"`
	Ninetieth float64 `json:"p90_ms,omitempty"`
	FastestMS float64 `json:"fastest_ms,omitempty"`

	MedianRunMS   float64            `json:"median_run_ms,omitempty"` // of the whole batch, of all workers
	PartsMS       map[string]float64 `json:"parts_ms,omitempty"`
	PreparationMS float64            `json:"preparation_ms,omitempty"`

	Operations   int64              `json:"operations,omitempty"` // of the whole batch, of all workers
	GFLOPS       float64            `json:"gflops,omitempty"`
	Chosen       string             `json:"chosen_precision,omitempty"` // by auto
	Arithmetic   map[string]float64 `json:"arithmetic,omitempty"`       // shares of the operations
	LimitGFLOPS  float64            `json:"limit_gflops,omitempty"`
	ShareOfLimit float64            `json:"share_of_limit,omitempty"`

	PeakMemory  int64 `json:"peak_memory_bytes,omitempty"`
	Arena       int64 `json:"arena_bytes,omitempty"`
	Activations int64 `json:"activations_bytes,omitempty"`
	Weights     int64 `json:"weights_bytes,omitempty"`

	Profile *benchProfile `json:"profile,omitempty"`
}

// compare holds the runs against the processor's limits and warns where the
// times are not to be relied on.
func (d *benchResult) compare() {
	for i := range d.Runs {
		r := &d.Runs[i]
		if r.Unavailable != "" {
			continue
		}
		if l := d.Limits.of(r.arithmetic(r.Precision)); l > 0 {
			r.LimitGFLOPS, r.ShareOfLimit = l, round(r.GFLOPS/l, 3)
		}
		if w := r.unsteady(); w != "" {
			d.Warnings = append(d.Warnings, r.Network+" in "+r.how()+": "+w)
		}
		if r.Precision == "exact" && r.ShareOfLimit > 1.05 {
			d.Warnings = append(d.Warnings, r.Network+" in exact: faster than the limit that was measured, so that was disturbed by other programs")
		}
	}
}

// arithmetic is the one whose limit a precision is held against: its own, and
// of auto that of what it chose.
func (f *benchFigures) arithmetic(precision string) string {
	if precision == "auto" {
		precision = f.Chosen
	}
	switch precision {
	case arithmeticBFloat16, arithmeticInt8:
		return precision
	}
	return arithmeticFloat32
}
