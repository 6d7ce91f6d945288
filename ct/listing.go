package ct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode"
)

// listing holds the files of an input, in natural order of their names.
type listing struct {
	name    string // of the input
	entries []entry
	links   int      // that lead out of the folder, or nowhere, and were not followed
	single  bool     // the input is this one file
	missing []string // files that a DICOMDIR refers to and that are not there
	outside int      // references of a DICOMDIR that lead out of its folder
	closer  io.Closer
}

func (l *listing) close() {
	if l.closer != nil {
		l.closer.Close()
	}
}

// entry is one file of an input.
type entry struct {
	name string // below the input, with forward slashes
	size int64
	open func() (io.ReadCloser, error)
}

// read returns the file's bytes, at most limit of them; more is a refusal.
func (e entry) read(limit int64) ([]byte, error) { return e.readInto(nil, limit) }

// readInto is read, into a buffer where that is large enough.
func (e entry) readInto(buffer []byte, limit int64) ([]byte, error) {
	if e.size > limit {
		return nil, e.tooLarge(limit)
	}
	r, err := e.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := buffer[:0]
	if int64(cap(buffer)) <= e.size {
		data = make([]byte, 0, e.size+1)
	}
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, e.tooLarge(limit)
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", e.name, err)
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// prefix returns at most the first n bytes of the file.
func (e entry) prefix(n int) ([]byte, error) { return e.prefixInto(nil, n) }

// prefixInto is prefix, into a buffer where that is large enough.
func (e entry) prefixInto(buffer []byte, n int) ([]byte, error) {
	r, err := e.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	want := int(min(int64(n), e.size))
	if cap(buffer) < want {
		buffer = make([]byte, want)
	}
	data := buffer[:want]
	m, err := io.ReadFull(r, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read %s: %w", e.name, err)
	}
	return data[:m], nil
}

func (e entry) format() (format, error) {
	head, err := e.prefix(sniffBytes)
	if err != nil {
		return "", err
	}
	f := sniff(head)
	if f == formatGzip {
		if inside, err := e.unpackedPrefix(sniffBytes); err == nil && isNIfTI(inside) {
			return formatNIfTI, nil
		}
	}
	return f, nil
}

func (e entry) tooLarge(limit int64) error {
	return refuse("too_large", "%s is larger than the %d MiB that one file may have: give single slices", e.name, limit>>20)
}

func listFile(ctx context.Context, name string, info fs.FileInfo, limits Limits) (*listing, error) {
	e := entry{
		name: printable(info.Name()),
		size: info.Size(),
		open: func() (io.ReadCloser, error) { return os.Open(name) },
	}
	f, err := e.format()
	if err != nil {
		return nil, err
	}
	if f == formatZip {
		return listZip(ctx, name, limits)
	}
	l := &listing{name: e.name, entries: []entry{e}, single: true}
	if f == formatNIfTI {
		l.entries = append(l.entries, imagesBeside(name)...)
	}
	return l, nil
}

// skipped reports whether a file or folder is there for the system that wrote
// it, not for its content: .DS_Store, ._copies, __MACOSX.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "__MACOSX"
}

// printable is a name as it may be shown: a control character could change what
// a terminal shows.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(name, "?"))
}

// refuseUnknown says that nothing usable was found.
func (l *listing) refuseUnknown(found map[format][]entry) error {
	if l.single {
		e := l.entries[0]
		for f := range found {
			if f == formatOther && e.size == 0 {
				return refuse("empty", "%s is empty: copy or export it again", e.name)
			}
			if advice := f.advice(); advice != "" {
				return refuse("unknown_format", "%s is %s, which is not read: %s", e.name, f, advice)
			}
		}
		return refuse("unknown_format", "%s is neither DICOM nor NIfTI nor PNG nor JPEG: give a DICOM file, a NIfTI volume, a picture, or a folder or zip of them", e.name)
	}
	if len(l.entries) == 0 && l.links > 0 {
		return refuse("only_links", "%s holds no files but %s out of it: give the folder that they lead to, or copy the files", l.name, count(l.links, "link"))
	}
	if len(l.entries) == 0 {
		return refuse("empty", "%s holds no files: give the folder or zip with the slices of one series", l.name)
	}
	for f, entries := range found {
		if advice := f.advice(); advice != "" && len(found) == 1 {
			return refuse("unknown_format", "%s holds only files like %s (%s), which are not read: %s", l.name, path.Base(entries[0].name), f, advice)
		}
	}
	return refuse("unknown_format", "%s holds %s, and no DICOM file, NIfTI volume or PNG or JPEG picture is among them: give the folder or zip with the slices of one series", l.name, count(len(l.entries), "file"))
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") { // series
		return fmt.Sprintf("%d %s", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
