package ct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// surveyDirectory surveys the files that a DICOMDIR, which is the input, refers to
// (PS3.3 F, PS3.10 section 8). They lie in its folder or below: what leads out of
// it is not read, be it by its path or by links.
func (c *Contents) surveyDirectory(ctx context.Context) error {
	directory := c.listing.entries[0]
	file, err := directory.read(c.options.Limits.FileBytes)
	if err != nil {
		return err
	}
	references, err := c.decoders.children[0].References(file)
	if err != nil {
		return decodeError(directory.name, err)
	}
	l, err := listReferences(c.path, directory.name, references, c.options.Limits)
	if err != nil {
		return err
	}
	c.rest() // there are more files now
	c.listing.close()
	c.listing = l
	if c.found, err = l.formats(ctx); err != nil {
		return err
	}
	if len(c.found[formatDICOM]) == 0 {
		return refuse("not_ct", "%s refers to files of which none is DICOM: give the folder with the slices of one series", directory.name)
	}
	return c.surveyDICOM(ctx)
}

// listReferences lists the files that the DICOMDIR at name refers to and that are
// there. A file is listed once, the DICOMDIR never.
func listReferences(name, shown string, references [][]string, limits Limits) (*listing, error) {
	real, err := filepath.EvalSymlinks(name) // files lie beside the DICOMDIR, not beside a link to it
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(real))
	if err != nil {
		return nil, err
	}
	if len(references) > maxVisited*limits.Files {
		root.Close()
		return nil, tooManyReferences(shown, limits)
	}
	r := referred{listing: &listing{name: shown, closer: root}, root: root, seen: map[string]bool{filepath.Base(real): true}}
	for _, parts := range references {
		if r.add(parts); len(r.entries) > limits.Files {
			root.Close()
			return nil, tooManyReferences(shown, limits)
		}
	}
	switch {
	case len(references) == 0:
		root.Close()
		return nil, refuse("empty", "%s is a DICOM directory that refers to no file: give the folder with the slices of one series", shown)
	case len(r.entries) == 0:
		root.Close()
		return nil, refuse("missing_files", "%s refers to %s, of which none can be read in its folder: copy the medium with all of its files", shown, count(len(references), "file"))
	}
	sortNatural(r.entries)
	return r.listing, nil
}

func tooManyReferences(shown string, limits Limits) error {
	return refuse("too_many_files", "%s refers to more than %d files: give the folder of one series", shown, limits.Files)
}

// referred are the files of a DICOMDIR while they are looked for.
type referred struct {
	*listing
	root *os.Root
	seen map[string]bool // paths
}

// add looks for a file. Media are mounted with the names as they were written, all
// upper case (PS3.10 section 8.5), or with all of them in lower case.
func (r *referred) add(parts []string) {
	name, ok := referencePath(parts)
	if !ok {
		r.outside++
		return
	}
	info, err := r.root.Stat(name) // follows a link, but not out of the folder
	if errors.Is(err, fs.ErrNotExist) {
		lower := strings.ToLower(name)
		if again, lowerErr := r.root.Stat(lower); !errors.Is(lowerErr, fs.ErrNotExist) {
			name, info, err = lower, again, lowerErr
		}
	}
	switch {
	case r.seen[name]:
	case errors.Is(err, fs.ErrNotExist):
		r.missing = append(r.missing, printable(name))
	case err != nil:
		r.links++ // out of the folder, or in a circle
	case !info.Mode().IsRegular():
		r.missing = append(r.missing, printable(name)) // a folder, a pipe, a device
	default:
		r.entries = append(r.entries, entry{
			name: printable(name),
			size: info.Size(),
			open: func() (io.ReadCloser, error) { return r.root.Open(name) },
		})
	}
	r.seen[name] = true
}

// referencePath is a reference as a path with slashes; ok is false where it could
// lead anywhere else than down from the DICOMDIR's folder.
func referencePath(parts []string) (name string, ok bool) {
	for _, p := range parts {
		if p == "" || p == "." || p == ".." || strings.ContainsAny(p, "/\\\x00") {
			return "", false
		}
	}
	name = path.Join(parts...)
	return name, filepath.IsLocal(filepath.FromSlash(name))
}

// warnReferences says which files of a DICOMDIR were not read.
func (in *Input) warnReferences(l *listing) {
	if n := len(l.missing); n > 0 {
		in.warn("missing_files", fmt.Sprintf("of the files that %s refers to %d could not be read in its folder, the first %s: slices may be missing", l.name, n, l.missing[0]))
	}
	if l.outside > 0 {
		in.warn("references_ignored", fmt.Sprintf("%s: %s out of its folder not followed", l.name, count(l.outside, "reference")))
	}
}
