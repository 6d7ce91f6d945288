package dataset

import "slices"

// Unknown is the label of a picture whose class is not known.
const Unknown = -1

// Item is one picture of a data set, not yet opened.
type Item struct {
	Image   string // file
	Mask    string // file of the lesion mask, empty where there is none
	Label   int    // class, Unknown where there is none
	Group   string // patient, volume, run or fold: what a split keeps together
	Source  string // the set that the item comes from
	Part    Part
	Columns Row // all columns of the index's row
}

// Row is one row of an index. Rows of one index share its header.
type Row struct{ header, cells []string }

// Value returns the cell of a column; ok is false where there is none.
func (r Row) Value(column string) (v string, ok bool) {
	i := slices.Index(r.header, column)
	if i < 0 || i >= len(r.cells) {
		return "", false
	}
	return r.cells[i], true
}

// Part is what an item is used for.
type Part int

// The parts. The zero value is Train.
const (
	Train Part = iota
	Validation
	Test
	Excluded
)

// String is the part's name in tables and errors.
func (p Part) String() string {
	return [...]string{"train", "validation", "test", "excluded"}[p&3]
}

// Select returns the items of one part, in order.
func Select(items []Item, p Part) []Item {
	var out []Item
	for _, it := range items {
		if it.Part == p {
			out = append(out, it)
		}
	}
	return out
}
