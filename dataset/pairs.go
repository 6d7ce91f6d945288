package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// PairFolders pairs each picture in images with the mask of the same name,
// whatever the extensions, in the order of names. Every item is a group of its
// own and its label is Unknown. A picture without a mask and a mask without a
// picture are errors that name the file.
func PairFolders(images, masks string) ([]Item, error) {
	pictures, err := byStem(images)
	if err != nil {
		return nil, err
	}
	truths, err := byStem(masks)
	if err != nil {
		return nil, err
	}
	var items []Item
	for stem, file := range pictures {
		mask, ok := truths[stem]
		if !ok {
			return nil, fmt.Errorf("picture %s has no mask of the same name in %s", file, masks)
		}
		delete(truths, stem)
		items = append(items, Item{
			Image: filepath.Join(images, file), Mask: filepath.Join(masks, mask),
			Label: Unknown, Group: stem, Columns: Row{[]string{"file"}, []string{file}},
		})
	}
	for _, mask := range truths {
		return nil, fmt.Errorf("mask %s has no picture of the same name in %s", mask, images)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("folder %s holds no PNG or JPEG pictures", images)
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Image, b.Image) })
	return items, nil
}

// byStem lists the pictures of a folder by their names without extension.
func byStem(folder string) (map[string]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("listing pictures: %w", err)
	}
	files := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !isPicture(name) || strings.HasPrefix(name, ".") {
			continue
		}
		stem := strings.TrimSuffix(name, filepath.Ext(name))
		if other, twice := files[stem]; twice {
			return nil, fmt.Errorf("folder %s holds both %s and %s", folder, other, name)
		}
		files[stem] = name
	}
	return files, nil
}

func isPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
}
