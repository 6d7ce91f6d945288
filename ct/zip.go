package ct

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	// zipRatio is how many times its own size a zip may unpack to, once that
	// is more than zipFree. CT compresses two to five times, empty slices more.
	zipRatio = 200
	zipFree  = 64 << 20
)

// listZip lists a zip's files. Nothing is written anywhere: entries are
// unpacked to memory, one at a time, never beyond the size they declare.
func listZip(ctx context.Context, name string, limits Limits) (*listing, error) {
	l := &listing{name: printable(filepath.Base(name))}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = l.addZip(ctx, f, info.Size(), limits)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	l.closer = f
	sortNatural(l.entries)
	return l, nil
}

func (l *listing) addZip(ctx context.Context, r io.ReaderAt, size int64, limits Limits) error {
	m := &metered{ReaderAt: r, left: maxZipDirectory}
	z, err := zip.NewReader(m, size)
	m.listed = true
	if errors.Is(err, errZipDirectory) {
		return refuse("too_many_files", "%s holds far more than %d files: give the zip of one series", l.name, limits.Files)
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		r := refuse("broken_zip", "%s is a zip that is cut short or broken: copy or export it again", l.name)
		r.Err = err
		return r
	}
	var total, packed uint64
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if strings.Contains(f.Name, "\\") || !filepath.IsLocal(f.Name) {
			return refuse("unsafe_zip", "%s holds a file whose name points outside of it: such a zip is not read, pack it again", l.name)
		}
		if hidden(f.Name) || !f.Mode().IsRegular() {
			continue
		}
		if f.Flags&1 != 0 {
			return refuse("encrypted_zip", "%s is encrypted: unpack it first", l.name)
		}
		unpacked, compressed := f.UncompressedSize64, f.CompressedSize64
		switch {
		case len(l.entries) == limits.Files:
			return refuse("too_many_files", "%s holds more than %d files: give the zip of one series", l.name, limits.Files)
		case compressed > uint64(size)-packed:
			return refuse("unsafe_zip", "%s holds files that lie upon each other: such a zip is not read, pack it again", l.name)
		case unpacked > uint64(limits.TotalBytes)-total:
			return refuse("too_large", "%s unpacks to more than %d MiB: give the zip of one series", l.name, limits.TotalBytes>>20)
		case total+unpacked > zipFree && (total+unpacked)/zipRatio > uint64(size):
			return refuse("zip_bomb", "%s unpacks to more than %d times its size, which no CT does: pack the series again", l.name, zipRatio)
		}
		total, packed = total+unpacked, packed+compressed
		l.entries = append(l.entries, entry{
			name: printable(f.Name),
			size: int64(f.UncompressedSize64),
			open: l.openZipped(f),
		})
	}
	return nil
}

// maxZipDirectory is how much of a zip is read to list it: 20,000 files with long
// names. An entry takes about 300 bytes of memory and no fewer than 46 there.
const maxZipDirectory = 16 << 20

var errZipDirectory = errors.New("the zip's directory is too large")

// metered gives no more than so many bytes, until the zip is listed.
type metered struct {
	io.ReaderAt
	left   int64
	listed bool
}

func (m *metered) ReadAt(p []byte, at int64) (int, error) {
	if m.listed {
		return m.ReaderAt.ReadAt(p, at)
	}
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, errZipDirectory
	}
	return m.ReaderAt.ReadAt(p, at)
}

// openZipped returns the opener of a zipped file, whose faults are the zip's.
func (l *listing) openZipped(f *zip.File) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		r, err := f.Open()
		if err != nil {
			return nil, l.brokenEntry(f, err)
		}
		return &zipped{r, func(err error) error { return l.brokenEntry(f, err) }}, nil
	}
}

func (l *listing) brokenEntry(f *zip.File, err error) error {
	r := refuse("broken_zip", "%s in %s cannot be unpacked: copy or export the zip again", path.Base(printable(f.Name)), l.name)
	r.Err = err
	return r
}

type zipped struct {
	io.ReadCloser
	broken func(error) error
}

func (z *zipped) Read(p []byte) (int, error) {
	n, err := z.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = z.broken(err)
	}
	return n, err
}

// hidden reports whether any part of a path is skipped.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if skipped(part) {
			return true
		}
	}
	return false
}
