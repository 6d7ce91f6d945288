package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Source describes one data set: where its pictures, labels and masks are, how
// often they are drawn, and which groups are kept from training. Paths are
// relative to the data folder.
type Source struct {
	Name  string `toml:"name"`
	Index string `toml:"index"` // CSV; empty: the pictures of Root
	Root  string `toml:"root"`  // folder of the pictures; empty: the index's
	Masks string `toml:"masks"` // folder of masks, each named as its picture

	File  string `toml:"file"`  // column of the picture's file; empty: "file"
	Label string `toml:"label"` // column of the class; empty: "label" if there is one
	Group string `toml:"group"` // column of the group
	Mask  string `toml:"mask"`  // column of the mask's file

	// LesionLabel, when above 0, is the class of every picture whose mask
	// covers at least LesionShare of it; the others stay without a class.
	LesionLabel int     `toml:"lesion_label"`
	LesionShare float64 `toml:"lesion_share"`

	PerBatch int     `toml:"per_batch"` // pictures in each batch; 0: never trained on
	Balance  float64 `toml:"balance"`   // 0: each picture equally often, 1: each group
	Classes  bool    `toml:"classes"`   // draw each class equally often

	Exclude    Rule `toml:"exclude"`
	Test       Rule `toml:"test"`
	Validation Rule `toml:"validation"`
}

// Read lists the source's items with their parts. It opens no picture.
func (s Source) Read(data string) ([]Item, error) {
	items, err := s.list(data)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	for i := range items {
		items[i].Source = s.Name
	}
	if err := s.assign(items); err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	return items, nil
}

func (s Source) list(data string) ([]Item, error) {
	if s.Index == "" {
		if s.Root == "" || s.Masks == "" {
			return nil, fmt.Errorf("needs an index, or root and masks")
		}
		return PairFolders(filepath.Join(data, s.Root), filepath.Join(data, s.Masks))
	}
	root := ""
	if s.Root != "" {
		root = filepath.Join(data, s.Root)
	}
	items, err := ReadIndex(filepath.Join(data, s.Index), root,
		Columns{File: s.File, Label: s.Label, Group: s.Group, Mask: s.Mask})
	if err != nil || s.Masks == "" {
		return items, err
	}
	for i := range items {
		if items[i].Mask, err = maskOf(filepath.Join(data, s.Masks), items[i].Image); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// maskOf finds the mask of a picture by its name.
func maskOf(folder, picture string) (string, error) {
	base := filepath.Base(picture)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	for _, name := range []string{base, stem + ".png"} {
		file := filepath.Join(folder, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("picture %s has no mask in %s", base, folder)
}

// ReadAll lists the items of several sources and checks their parts.
func ReadAll(data string, sources []Source) ([]Item, error) {
	var all []Item
	names := map[string]bool{}
	for _, s := range sources {
		if s.Name == "" || names[s.Name] {
			return nil, fmt.Errorf("source %q: every source needs a name of its own", s.Name)
		}
		names[s.Name] = true
		items, err := s.Read(data)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, Check(all)
}
