package ct

import (
	"errors"
	"fmt"
)

// Refusal is the error of an input that is not used: its sentence says what
// is wrong and what would help, and names no more of the patient than file
// names do. The command line answers it with exit status 3.
type Refusal struct {
	Code     string // a stable word for programs, such as "several_series"
	Sentence string
	Err      error // what lies beneath, if anything
}

func (r *Refusal) Error() string { return r.Sentence }

func (r *Refusal) Unwrap() error { return r.Err }

// isRefusal reports whether an error is the input's fault.
func isRefusal(err error) bool {
	var r *Refusal
	return errors.As(err, &r)
}

func refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

// Warning is something that a reader of the result should know of the input.
type Warning struct {
	Code    string `json:"code"` // a stable word for programs, such as "uneven_spacing"
	Message string `json:"message"`
}
