package ct

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

const (
	// maxDepth is how deep folders may lie in each other.
	maxDepth = 64
	// maxVisited is how many names are looked at for each file that may be taken.
	maxVisited = 10
	// readAtOnce is how many names of a folder are held in memory.
	readAtOnce = 1024
)

// listFolder lists a folder's files. They are opened by way of the folder, so
// that no link and no later change leads out of it.
func listFolder(ctx context.Context, name string, limits Limits) (*listing, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	w := walk{listing: &listing{name: printable(filepath.Base(name)), closer: root}, root: root, limits: limits}
	if err := w.folder(ctx, ".", 0); err != nil {
		root.Close()
		return nil, err
	}
	sortNatural(w.entries)
	return w.listing, nil
}

// walk is the way through a folder.
type walk struct {
	*listing
	root    *os.Root
	limits  Limits
	visited int
}

func (w *walk) folder(ctx context.Context, below string, depth int) error {
	if depth > maxDepth {
		return refuse("too_deep", "%s has folders in folders, more than %d deep: give the folder of one series", w.name, maxDepth)
	}
	f, err := w.root.Open(below)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := f.ReadDir(readAtOnce)
		for _, d := range found {
			if err := w.visit(ctx, path.Join(below, d.Name()), d, depth); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (w *walk) visit(ctx context.Context, name string, d fs.DirEntry, depth int) error {
	if w.visited++; w.visited > maxVisited*w.limits.Files {
		return w.tooMany()
	}
	switch {
	case skipped(d.Name()):
		return nil
	case d.IsDir():
		return w.folder(ctx, name, depth+1)
	}
	info, err := w.root.Stat(name) // follows a link, but not out of the folder
	if err != nil && d.Type()&fs.ModeSymlink != 0 {
		w.links++ // out of the folder, in a circle, or to nothing
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil // gone again, a folder behind a link, a pipe, a device
	}
	if len(w.entries) == w.limits.Files {
		return w.tooMany()
	}
	w.entries = append(w.entries, entry{
		name: printable(filepath.ToSlash(name)),
		size: info.Size(),
		open: func() (io.ReadCloser, error) { return w.root.Open(name) },
	})
	return nil
}

func (w *walk) tooMany() error {
	return refuse("too_many_files", "%s holds more than %d files: give the folder of one series", w.name, w.limits.Files)
}
