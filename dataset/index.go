package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Limits on an index, so that a wrong or hostile file is refused and not read
// to the end of memory.
const (
	maxIndexBytes = 64 << 20
	maxLabel      = 9999
	// A row takes about rowMemory bytes beside its text. A file may take
	// freeMemory and four times its size.
	rowMemory  = 400
	freeMemory = 64 << 20
)

// Columns names the columns of an index. Empty names stand for file and label;
// Group and Mask are not read when empty. A label column that the index does
// not have leaves every label Unknown, unless it was asked for by name.
type Columns struct {
	File  string
	Label string
	Group string
	Mask  string
}

// ReadIndex reads an index file: CSV with a header, one row a picture. File and
// mask are relative to root (the index's own folder when root is empty) and
// must not lead out of it. An item without a group is a group of its own.
// Errors name the file and the line.
func ReadIndex(name, root string, c Columns) ([]Item, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	defer f.Close()
	if root == "" {
		root = filepath.Dir(name)
	}
	items, err := parseIndex(f, root, c)
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", name, err)
	}
	return items, nil
}

func parseIndex(r io.Reader, root string, c Columns) ([]Item, error) {
	limited := &io.LimitedReader{R: r, N: maxIndexBytes}
	cr := csv.NewReader(skipMark(limited))
	cr.ReuseRecord = true
	header, err := cr.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("is empty; its first line must name the columns, as in file,label")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	names := slices.Clone(header)
	at, err := locate(names, c)
	if err != nil {
		return nil, err
	}
	var items []Item
	lines := map[string]int{}
	for {
		row, err := cr.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // csv.ParseError names the line
		}
		line, _ := cr.FieldPos(0)
		if int64(len(items))*rowMemory > freeMemory+4*cr.InputOffset() {
			return nil, fmt.Errorf("line %d: too many rows with hardly anything in them, this is no index of pictures", line)
		}
		it, err := at.item(row, names, root)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if first, twice := lines[it.Image]; twice {
			return nil, fmt.Errorf("line %d: %q stands on line %d already", line, row[at.file], first)
		}
		lines[it.Image] = line
		items = append(items, it)
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("is larger than %d MiB", maxIndexBytes>>20)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("names no pictures")
	}
	return items, nil
}

// positions are the places of the wanted columns, -1 where there is none.
type positions struct{ file, label, group, mask int }

func locate(header []string, c Columns) (positions, error) {
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return positions{}, fmt.Errorf("line 1: column %q stands twice", name)
		}
	}
	find := func(name, usual string, must bool) (int, error) {
		asked := name
		if name == "" {
			name = usual
		}
		i := -1
		if name != "" {
			i = slices.Index(header, name)
		}
		if i < 0 && (must || asked != "") {
			return -1, fmt.Errorf("line 1: there is no column %q, only %s", name, strings.Join(header, ", "))
		}
		return i, nil
	}
	var p positions
	var errs [4]error
	p.file, errs[0] = find(c.File, "file", true)
	p.label, errs[1] = find(c.Label, "label", false)
	p.group, errs[2] = find(c.Group, "", false)
	p.mask, errs[3] = find(c.Mask, "", false)
	return p, errors.Join(errs[:]...)
}

func (p positions) item(row, names []string, root string) (Item, error) {
	it := Item{Label: Unknown, Columns: Row{names, slices.Clone(row)}}
	var err error
	if it.Image, err = inside(root, row[p.file]); err != nil {
		return it, err
	}
	it.Group = row[p.file]
	if p.group >= 0 {
		if it.Group = row[p.group]; it.Group == "" {
			return it, fmt.Errorf("column %q is empty", names[p.group])
		}
	}
	if p.mask >= 0 && row[p.mask] != "" {
		if it.Mask, err = inside(root, row[p.mask]); err != nil {
			return it, err
		}
	}
	if p.label >= 0 && row[p.label] != "" {
		n, err := strconv.Atoi(strings.TrimSpace(row[p.label]))
		if err != nil || n < 0 || n > maxLabel {
			return it, fmt.Errorf("label %q is not a class number from 0 to %d", row[p.label], maxLabel)
		}
		it.Label = n
	}
	return it, nil
}

// inside joins a name to its root and refuses one that leads out of it.
func inside(root, name string) (string, error) {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("file %q is not below the index's root", name)
	}
	return filepath.Join(root, local), nil
}

// skipMark drops the byte order mark that spreadsheets write before UTF-8.
func skipMark(r io.Reader) io.Reader {
	var start [3]byte
	n, _ := io.ReadFull(r, start[:])
	if string(start[:n]) == "\ufeff" {
		return r
	}
	return io.MultiReader(strings.NewReader(string(start[:n])), r)
}
