//go:build !cgo || !linux

package dcmtk

import (
	"context"
	"io"
)

const available = false

// Child stands for the process that reads DICOM, which this build has not.
type Child struct{}

// Image is a decoded file.
type Image struct {
	Header  *Header
	Samples []byte
}

// Start returns [ErrUnavailable].
func Start(context.Context, Limits) (*Child, error) { return nil, ErrUnavailable }

// Version is empty.
func (*Child) Version() string { return "" }

// OpenJPEGVersion is empty.
func (*Child) OpenJPEGVersion() string { return "" }

// Header returns [ErrUnavailable].
func (*Child) Header([]byte, bool) (*Header, error) { return nil, ErrUnavailable }

// HeaderFrom returns [ErrUnavailable].
func (*Child) HeaderFrom(func([]byte) ([]byte, error), int64) (*Header, error) {
	return nil, ErrUnavailable
}

// References returns [ErrUnavailable].
func (*Child) References([]byte) ([][]string, error) { return nil, ErrUnavailable }

// Image returns [ErrUnavailable].
func (*Child) Image([]byte) (*Image, error) { return nil, ErrUnavailable }

// Frame returns [ErrUnavailable].
func (*Child) Frame(int) ([]byte, error) { return nil, ErrUnavailable }

// FrameOf returns [ErrUnavailable].
func (*Child) FrameOf(string, int, func() (*Image, error)) (*Image, error) {
	return nil, ErrUnavailable
}

// ImageFrom returns [ErrUnavailable].
func (*Child) ImageFrom(func([]byte) ([]byte, error)) (*Image, error) { return nil, ErrUnavailable }

// ImageOf returns [ErrUnavailable].
func (*Child) ImageOf(Pieces, int64) (*Image, error) { return nil, ErrUnavailable }

// Pieces is a file that is read piece by piece.
type Pieces interface {
	io.ReaderAt
	io.Closer
}

// Write returns [ErrUnavailable].
func (*Child) Write([]Attribute, []byte) ([]byte, error) { return nil, ErrUnavailable }

// WriteAs returns [ErrUnavailable].
func (*Child) WriteAs(string, []Attribute, []byte) ([]byte, error) { return nil, ErrUnavailable }

// Ended is true.
func (*Child) Ended() bool { return true }

// MaxResident is 0.
func (*Child) MaxResident() int64 { return 0 }

// Close does nothing.
func (*Child) Close() error { return nil }
