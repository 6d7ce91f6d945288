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
	// SeriesUID chooses one series, whatever it is. Empty: the best of each study
	// is taken, by rules (see [Series]).
	SeriesUID string

	// Progress, if set, is called after each slice that was read.
	Progress func(done, total int)

	Limits Limits
}

// Limits bound what an input may cost. The zero value of a field means its
// default.
type Limits struct {
	Files      int   // files in a folder or zip; 20,000
	FileBytes  int64 // of one file, unpacked; 512 MiB
	TotalBytes int64 // of all files of a zip, unpacked; 8 GiB
	Voxels     int64 // of a volume, or pixels of all pictures; 2^29
	Slices     int   // of a volume, or pictures; 5,000
}

func (l Limits) orDefaults() Limits {
	if l.Files <= 0 {
		l.Files = 20_000
	}
	if l.FileBytes <= 0 {
		l.FileBytes = 512 << 20
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
// or a folder or zip of DICOM files, of one volume or of pictures. Of the series
// of a study it takes the best chest CT; of several studies [Survey] gives each,
// and Open refuses them. Slices come in order along their normal, pictures in the
// natural order of their names. Other files of a folder are passed over; pictures
// beside a volume, and volumes beside DICOM files, with a warning. Links that lead
// out of a folder are not followed.
//
// The error is a [*Refusal] where the input is at fault, the context's where
// that ended, and any other where reading itself failed.
func Open(ctx context.Context, path string, o Options) (*Input, error) {
	c, err := Survey(ctx, path, o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	study, err := c.Only()
	if err != nil {
		return nil, err
	}
	return c.Open(ctx, study)
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

// formats sorts the files by what their content says they are.
func (l *listing) formats(ctx context.Context) (map[format][]entry, error) {
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
	return found, nil
}

// kindOf says what files that are no DICOM are read as.
func (l *listing) kindOf(found map[format][]entry) (Kind, error) {
	switch {
	case len(found[formatNIfTI]) > 0:
		return KindNIfTI, nil
	case len(found[formatPNG])+len(found[formatJPEG]) > 0:
		return KindPictures, nil
	default:
		return "", l.refuseUnknown(found)
	}
}

// readOther reads what is no DICOM.
func (l *listing) readOther(ctx context.Context, kind Kind, found map[format][]entry, o Options) (*Input, error) {
	pictures := append(found[formatPNG], found[formatJPEG]...)
	if kind != KindNIfTI {
		return readPictures(ctx, pictures, o)
	}
	in, err := l.readNIfTI(ctx, found[formatNIfTI], o)
	if err != nil {
		return nil, err
	}
	in.warnIgnored("pictures_ignored", "PNG or JPEG picture", len(pictures))
	return in, nil
}
