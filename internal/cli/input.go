package cli

import (
	"context"

	"github.com/jcs-ct/jcs/ct"
)

// inputFlags name an input.
type inputFlags struct {
	Input  string `arg:"" help:"A DICOM file, a PNG or JPEG slice, or a folder or zip of one series."`
	Series string `placeholder:"UID" help:"The series to take, where there are several."`
}

func (f inputFlags) open(ctx context.Context, t *terminal) (*ct.Input, error) {
	return ct.Open(ctx, f.Input, ct.Options{
		SeriesUID: f.Series,
		Progress:  func(done, total int) { t.progress("read", done, total) },
	})
}
