package ct

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Options say how an input is opened. The zero value is good.
type Options struct {
	// SeriesUID chooses one series of several. Empty: there must be one.
	SeriesUID string

	// Progress, if set, is called after each slice that was read.
	Progress func(done, total int)

	Limits Limits
}

// Limits bound what an input may cost. The zero value of a field means its
// default.
type Limits struct {
	Files      int   // files in a folder or zip; 20,000
	FileBytes  int64 // of one file, unpacked; 128 MiB
	TotalBytes int64 // of all files of a zip, unpacked; 8 GiB
	Voxels     int64 // of a volume, or pixels of all pictures; 2^29
	Slices     int   // of a volume, or pictures; 5,000
}

func (l Limits) orDefaults() Limits {
	if l.Files <= 0 {
		l.Files = 20_000
	}
	if l.FileBytes <= 0 {
		l.FileBytes = 128 << 20
	}
	if l.TotalBytes <= 0 {
		l.TotalBytes = 8 << 30
	}
	if l.Voxels <= 0 {
		l.Voxels = 1 << 29
	}
	if l.Slices <= 0 {
		l.Slices = 5_000
	}
	return l
}

// Open reads the CT at path: a DICOM file, a NIfTI volume, a PNG or JPEG picture,
// or a folder or zip of DICOM files of one series, of one volume or of pictures.
// Slices come in order along their normal, pictures in the natural order of
// their names.
// Files of a folder that are neither are passed over; pictures that lie beside
// DICOM files too, with a warning.
//
// The error is a [*Refusal] where the input is at fault, the context's where
// that ended, and any other where reading itself failed.
func Open(ctx context.Context, path string, o Options) (*Input, error) {
	o.Limits = o.Limits.orDefaults()
	l, err := list(ctx, path, o.Limits)
	if err != nil {
		return nil, openError(path, err)
	}
	defer l.close()
	in, err := l.read(ctx, o)
	if err != nil {
		return nil, openError(path, err)
	}
	in.warnLinks(l.links)
	return in, nil
}

// openError makes a refusal of what the file system says of the input.
func openError(path string, err error) error {
	var r *Refusal
	name := filepath.Base(path)
	switch {
	case errors.As(err, &r), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		r = refuse("not_found", "%s does not exist, or not any more: check the path", name)
	case errors.Is(err, fs.ErrPermission):
		r = refuse("not_readable", "%s cannot be read: this user has no permission for it", name)
	default:
		return fmt.Errorf("open %s: %w", name, err)
	}
	r.Err = err
	return r
}

// list finds the files of the input.
func list(ctx context.Context, path string, limits Limits) (*listing, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return listFolder(ctx, path, limits)
	case info.Mode().IsRegular():
		return listFile(ctx, path, info, limits)
	default:
		return nil, refuse("not_a_file", "%s is neither a file nor a folder: give a DICOM file, a NIfTI volume, a PNG or JPEG picture, or a folder or zip of them", info.Name())
	}
}

// read decides by content what the files are.
func (l *listing) read(ctx context.Context, o Options) (*Input, error) {
	found := map[format][]entry{}
	for _, e := range l.entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := e.format()
		if err != nil {
			return nil, err
		}
		found[f] = append(found[f], e)
	}
	pictures := append(found[formatPNG], found[formatJPEG]...)
	switch {
	case len(found[formatDICOM]) > 0:
		in, err := readDICOM(ctx, found[formatDICOM], l.single, o)
		if err != nil {
			return nil, err
		}
		in.warnIgnored("pictures_ignored", "PNG or JPEG picture", len(pictures))
		in.warnIgnored("volumes_ignored", "NIfTI volume", len(found[formatNIfTI]))
		warnBroken(in, found[formatOther])
		return in, nil
	case len(found[formatNIfTI]) > 0:
		in, err := l.readNIfTI(ctx, found[formatNIfTI], o)
		if err == nil {
			in.warnIgnored("pictures_ignored", "PNG or JPEG picture", len(pictures))
		}
		return in, err
	case len(pictures) > 0:
		return readPictures(ctx, pictures, o)
	default:
		return nil, l.refuseUnknown(found)
	}
}
