package findings

// Mask marks the cells of a grid: Mask[slice] holds Columns*Rows bytes in
// row-major order, not zero where marked, or is nil where nothing is.
type Mask [][]uint8

// Count is the number of marked cells.
func (m Mask) Count() int {
	n := 0
	for _, plane := range m {
		n += countMarked(plane)
	}
	return n
}

func countMarked(plane []uint8) int {
	n := 0
	for _, v := range plane {
		if v != 0 {
			n++
		}
	}
	return n
}
