package diagnose

import (
	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/findings"
)

// Schema names the JSON form of a Diagnosis.
const Schema = "jcs.diagnosis/1"

// Verdict is what is said of the patient.
type Verdict string

// The verdicts. Indeterminate stands where an answer would be a guess.
const (
	Positive      Verdict = "positive"
	Negative      Verdict = "negative"
	Indeterminate Verdict = "indeterminate"
)

// Diagnosis is everything that was found out about a study.
type Diagnosis struct {
	Schema  string  `json:"schema"`
	Input   Input   `json:"input"`
	Model   Model   `json:"model"`
	Verdict Verdict `json:"verdict,omitempty"` // absent where nothing was classified
	// Probability is what the rule compares: see Rule.
	Probability *float64               `json:"probability,omitempty"`
	Calibrated  *Calibrated            `json:"calibrated,omitempty"`
	Rule        *Judgement             `json:"rule,omitempty"`
	Slices      []Slice                `json:"slices"`
	Lesions     []findings.Lesion      `json:"lesions,omitzero"` // absent where nothing was to be segmented
	Lungs       *findings.LungMeasures `json:"lungs,omitempty"`
	Severity    *findings.Severity     `json:"severity,omitempty"` // of a volume whose lungs were found
	// ActivationInLung is the mean of the positive slices'.
	ActivationInLung *float64           `json:"activation_in_lung,omitempty"`
	LungInView       *float64           `json:"lung_in_view,omitempty"`
	Methods          map[string]string  `json:"methods"` // how figures were got, by their key
	Warnings         []ct.Warning       `json:"warnings"`
	TimingMS         map[string]float64 `json:"timing_ms"`
	Files            []File             `json:"files,omitempty"`
}

// Input says what was read.
type Input struct {
	Kind      ct.Kind     `json:"kind"`
	SeriesUID string      `json:"series_uid,omitempty"`
	StudyUID  string      `json:"study_uid,omitempty"`
	Slices    int         `json:"slices"`
	Columns   int         `json:"columns,omitempty"` // absent for pictures of several sizes
	Rows      int         `json:"rows,omitempty"`
	SpacingMM *[3]float64 `json:"spacing_mm,omitempty"` // between columns, rows, slices
	Look      *ct.Look    `json:"look,omitempty"`       // at what the networks know its like by
	Series    []ct.Series `json:"series,omitempty"`     // of the study, and why each was taken or left
}

// Model says by what it was read.
type Model struct {
	Name             string   `json:"name"`
	Classes          []string `json:"classes,omitempty"`
	PositiveClass    string   `json:"positive_class,omitempty"`
	ClassifierSHA256 string   `json:"classifier_sha256,omitempty"`
	SegmenterSHA256  string   `json:"segmenter_sha256,omitempty"`
	Precision        string   `json:"precision"` // as asked for
	// What that came to: auto is one of f32, bf16 and int8.
	ClassifierPrecision string `json:"classifier_precision,omitempty"`
	SegmenterPrecision  string `json:"segmenter_precision,omitempty"`
}

// Slice is what was found in one slice or picture. Slices count from 0 in the
// order of Input.
type Slice struct {
	Index       int      `json:"index"`
	PositionMM  *float64 `json:"position_mm,omitempty"` // along the slices' normal
	InstanceUID string   `json:"instance_uid,omitempty"`
	File        string   `json:"file,omitempty"`
	// Probability is the classifier's; absent where it was not asked.
	Probability *float64 `json:"probability,omitempty"`
	Positive    bool     `json:"positive"`
	Segmented   bool     `json:"segmented"`
	// The rest of a slice's opacities is there where it was segmented.
	Lesions        *int     `json:"lesions,omitempty"` // that reach into the slice
	OpacityAreaMM2 *float64 `json:"opacity_area_mm2,omitempty"`
	OpacityPixels  *int     `json:"opacity_pixels,omitempty"`
	// Regions are the connected regions within the slice.
	Regions      *int                  `json:"regions,omitempty"`
	Right        *findings.SideOfSlice `json:"right,omitempty"`
	Left         *findings.SideOfSlice `json:"left,omitempty"`
	LungFraction *float64              `json:"lung_fraction,omitempty"` // of the slice's pixels
	// ActivationInLung is the share of the activation map that lies in the
	// lungs; there for positive slices.
	ActivationInLung *float64 `json:"activation_in_lung,omitempty"`
	// LungInView is the share of what the classifier saw that the same hulls
	// take: a map without preference for the lungs would have as much in them.
	LungInView *float64 `json:"lung_in_view,omitempty"`
}

// File is a file of the report.
type File struct {
	Path   string `json:"path"` // below the output folder, with forward slashes
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256"`
}

// PositiveSlices is the number of slices called positive.
func (d *Diagnosis) PositiveSlices() int {
	n := 0
	for _, s := range d.Slices {
		if s.Positive {
			n++
		}
	}
	return n
}

// OpacityML is the volume of all lesions; ok is false where it is not known.
func (d *Diagnosis) OpacityML() (ml float64, ok bool) {
	if d.Lungs == nil || d.Lungs.Both.OpacityML == nil {
		return 0, false
	}
	return *d.Lungs.Both.OpacityML, true
}

func pointer[T any](v T) *T { return &v }
