package findings

import (
	"image"
	"math"
)

// Box is the smallest box of a slice's cells around its lungs, widened by a
// margin in millimetres and cut at the slice's edges. It is empty where there
// is no lung.
func (l *Lungs) Box(slice int, margin float64) image.Rectangle {
	var box image.Rectangle
	f := l.factor
	for i, side := range l.sides[slice] {
		if Side(side) != NoLung {
			x, y := i%l.w*f, i/l.w*f
			box = box.Union(image.Rect(x, y, x+f, y+f))
		}
	}
	if box.Empty() {
		return box
	}
	x, y := l.cellMM()
	mx, my := int(math.Round(margin/x)), int(math.Round(margin/y))
	box.Min = box.Min.Sub(image.Pt(mx, my))
	box.Max = box.Max.Add(image.Pt(mx, my))
	return box.Intersect(image.Rect(0, 0, l.grid.Columns, l.grid.Rows))
}
