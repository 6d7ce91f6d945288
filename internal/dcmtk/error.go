package dcmtk

import "errors"

// Problem says what kind of failure an [Error] is.
type Problem uint8

// The problems of a file, and of the child that read it.
const (
	Broken      Problem = iota + 1 // not DICOM, cut short, or contradictory
	Unsupported                    // a transfer syntax that is not decoded here
	TooLarge                       // more pixels or data than allowed
	Memory                         // the child's memory was used up
	Crashed                        // the child died, was killed, or answered nonsense
	Timeout                        // the child was stopped after its time
)

// Error is the failure of one file. Anything else that goes wrong, such as a
// child that cannot be started, is another kind of error.
type Error struct {
	Problem Problem
	// Detail fits into a sentence and holds nothing of the patient: for
	// Unsupported the transfer syntax's UID, otherwise the reason.
	Detail string
}

func (e *Error) Error() string {
	what := map[Problem]string{
		Broken:      "broken DICOM file",
		Unsupported: "transfer syntax not decoded",
		TooLarge:    "DICOM file too large",
		Memory:      "decoder out of memory",
		Crashed:     "decoder crashed",
		Timeout:     "decoder took too long",
	}[e.Problem]
	if e.Detail == "" {
		return "dcmtk: " + what
	}
	return "dcmtk: " + what + ": " + e.Detail
}

// ErrUnavailable says that this build has no DCMTK.
var ErrUnavailable = errors.New("dcmtk: this build reads no DICOM: it was made without cgo or not for Linux")

// ErrHeaderUnfinished says that a file's header does not end within the bytes
// given to [Child.Header].
var ErrHeaderUnfinished = errors.New("dcmtk: the header goes on")
