package cli

import (
	"context"

	"github.com/jcs-ct/jcs/ct"
)

// inputFlags name an input.
type inputFlags struct {
	Input  string `arg:"" help:"A DICOM file, a PNG or JPEG slice, or a folder or zip of one series."`
	Series string `placeholder:"UID" help:"The series to take; else the best chest CT of a study is."`
}

func (f inputFlags) open(ctx context.Context, t *terminal) (*ct.Input, error) {
	return ct.Open(ctx, f.Input, f.how(t))
}

func (f inputFlags) survey(ctx context.Context, t *terminal) (*ct.Contents, error) {
	return ct.Survey(ctx, f.Input, f.how(t))
}

func (f inputFlags) how(t *terminal) ct.Options {
	return ct.Options{
		SeriesUID: f.Series,
		Progress:  func(done, total int) { t.progress("read", done, total) },
	}
}
