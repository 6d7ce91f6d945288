package ct

import "slices"

// lungField is a coarse look at a slice, to tell whether it shows lungs: the
// mean Hounsfield units of its cells. It finds no outlines; package findings
// does.
type lungField struct {
	columns, rows     int
	mean              []float32
	low, high, tissue float32 // between the first two a cell may be lung, above the last it is tissue
}

// fieldSide is how many cells a slice has along its longer side, and the fewest
// pixels that it must have there.
const fieldSide = 64

// newLungField looks at a slice of Hounsfield units.
func newLungField(hu []int16, columns, rows int) lungField {
	side := max(1, (max(columns, rows)+fieldSide-1)/fieldSide) // of a cell
	f := lungField{
		columns: (columns + side - 1) / side, rows: (rows + side - 1) / side,
		low: lungLowHU, high: lungHighHU, tissue: tissueHU,
	}
	f.mean = make([]float32, f.columns*f.rows)
	count := make([]int32, f.columns)
	sum := make([]int32, f.columns)
	for r := range f.rows {
		clear(count)
		clear(sum)
		for y := r * side; y < min((r+1)*side, rows); y++ {
			line := hu[y*columns : (y+1)*columns]
			for c := range f.columns {
				from, to := c*side, min((c+1)*side, columns)
				for _, v := range line[from:to] {
					sum[c] += int32(v)
				}
				count[c] += int32(to - from)
			}
		}
		for c := range f.columns {
			f.mean[r*f.columns+c] = float32(sum[c]) / float32(count[c])
		}
	}
	return f
}

const (
	// A cell of lung is between these means: above air, in bowel and outside, and
	// below what is half tissue.
	lungLowHU, lungHighHU = -965, -450
	// tissueHU is what a cell of the body's wall is above.
	tissueHU = -300
)

// lung marks the cells of lung: those of its density with the body on at least
// three of four sides, as a blanket or a table's foam has not, and with others of
// them on all four, as the rim of bowel gas has not.
func (f lungField) lung() []bool {
	body := f.body()
	sides := make([]uint8, len(f.mean)) // on how many the body lies
	walk := func(n int, at func(i int) int) {
		seen := false
		for i := range n {
			k := at(i)
			if seen {
				sides[k]++
			}
			seen = seen || body[k]
		}
	}
	for r := range f.rows {
		walk(f.columns, func(i int) int { return r*f.columns + i })
		walk(f.columns, func(i int) int { return r*f.columns + f.columns - 1 - i })
	}
	for c := range f.columns {
		walk(f.rows, func(i int) int { return i*f.columns + c })
		walk(f.rows, func(i int) int { return (f.rows-1-i)*f.columns + c })
	}
	marks := make([]bool, len(f.mean))
	for i, m := range f.mean {
		marks[i] = f.low <= m && m <= f.high && sides[i] >= 3
	}
	return f.inner(marks)
}

// body marks the largest connected piece of tissue, without what is one cell
// thin, such as the table's shell.
func (f lungField) body() []bool {
	tissue := make([]bool, len(f.mean))
	for i, m := range f.mean {
		tissue[i] = m > f.tissue
	}
	tissue = f.inner(tissue)
	piece := make([]int32, len(f.mean)) // number of the piece a cell belongs to
	var stack []int
	largest, most, number := int32(0), 0, int32(0)
	for i := range tissue {
		if !tissue[i] || piece[i] != 0 {
			continue
		}
		number++
		n := 0
		piece[i] = number
		for stack = append(stack[:0], i); len(stack) > 0; n++ {
			k := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			f.around(k, func(j int) {
				if tissue[j] && piece[j] == 0 {
					piece[j] = number
					stack = append(stack, j)
				}
			})
		}
		if n > most {
			largest, most = number, n
		}
	}
	body := make([]bool, len(f.mean))
	for i, p := range piece {
		body[i] = p == largest && p != 0
	}
	return body
}

// inner keeps the marks that have marks on all sides within the slice.
func (f lungField) inner(marks []bool) []bool {
	kept := make([]bool, len(marks))
	for i, m := range marks {
		kept[i] = m
		f.around(i, func(j int) { kept[i] = kept[i] && marks[j] })
	}
	return kept
}

// around calls do for the cells that share a side with cell i.
func (f lungField) around(i int, do func(j int)) {
	if c := i % f.columns; c > 0 {
		do(i - 1)
	}
	if c := i % f.columns; c < f.columns-1 {
		do(i + 1)
	}
	if i >= f.columns {
		do(i - f.columns)
	}
	if i < len(f.mean)-f.columns {
		do(i + f.columns)
	}
}

// share is the share of cells that are well within lung, and how many of them
// lie at the slice's edge, as where lungs are cut off by the field of view.
func (f lungField) share() (share float64, edges int) {
	n := 0
	for i, lung := range f.lung() {
		if !lung {
			continue
		}
		n++
		c, r := i%f.columns, i/f.columns
		if c == 0 || r == 0 || c == f.columns-1 || r == f.rows-1 {
			edges++
		}
	}
	return float64(n) / float64(len(f.mean)), edges
}

// showsLung is the least share of a slice's cells that are lung in one that
// shows it.
const showsLung = 0.02

// spread returns at most n of the numbers 0 to all-1, evenly spread, without
// the ends where there are enough.
func spread(all, n int) []int {
	if all <= n {
		n = all
	}
	var picked []int
	for i := range n {
		picked = append(picked, (2*i+1)*all/(2*n))
	}
	return slices.Compact(picked)
}
