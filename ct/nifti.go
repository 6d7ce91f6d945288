package ct

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// niftiFile is a NIfTI file of an input, and the file of its voxels, where that
// is another one.
type niftiFile struct {
	entry, voxels entry
}

const (
	// niftiRatio is how many times its own size a gzipped volume may unpack to,
	// once that is more than niftiFree. CT packs two to five times, a phantom
	// without noise some ten times more.
	niftiRatio = 500
	niftiFree  = 16 << 20
)

// readNIfTI reads one volume. It is streamed: beside the volume itself there is
// never more than a buffer.
func (f niftiFile) read(ctx context.Context, o Options) (*Input, error) {
	h, err := f.header()
	if err != nil {
		return nil, err
	}
	affine, warnings, err := h.affine()
	if err != nil {
		return nil, f.refuse("bad_geometry", err.Error(), "convert the DICOM series again, as with dcm2niix, or give the DICOM series itself")
	}
	if err := checkGrid(h.size(), affine, o.Limits); err != nil {
		return nil, err
	}
	if slices := h.size()[2]; slices > o.Limits.Slices {
		return nil, refuse("too_many_slices", "%s has %d slices, more than the %d that are read: give a part of it", f.entry.name, slices, o.Limits.Slices)
	}
	hu, missing, err := f.hounsfield(ctx, h, o)
	if err != nil {
		return nil, err
	}
	in, err := newGrid(KindNIfTI, h.size(), hu, affine, o.Limits)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		in.warn(w.Code, w.Message)
	}
	if missing > 0 {
		in.warn("no_number", fmt.Sprintf("%s no number (NaN or infinite) and taken as air", were(int(missing), "voxel")))
	}
	return in, nil
}

func (f niftiFile) refuse(code, problem, advice string) error {
	return refuse(code, "%s cannot be used: %s; %s", f.entry.name, problem, advice)
}

// broken makes a refusal of a failure to read, unless that was not the file's.
func (f niftiFile) broken(err error) error {
	var r *Refusal
	var corrupt gzip.Reader
	_ = corrupt
	if errors.As(err, &r) {
		return err
	}
	r = refuse("broken_nifti", "%s is cut short or broken: copy or export it again", f.entry.name)
	r.Err = err
	return r
}

// header reads the header.
func (f niftiFile) header() (*niftiHeader, error) {
	start, err := f.entry.unpackedPrefix(nifti2Data)
	if err != nil {
		return nil, err
	}
	h, err := parseNIfTI(start)
	if err != nil {
		return nil, f.refuse("bad_nifti", err.Error(), "give one CT volume")
	}
	return h, nil
}
