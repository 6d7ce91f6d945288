package dataset

import "image"

// BodyBox is the smallest box around the patient: of the largest bright area
// after thin things (table, cables, letters) have been worn away. A picture
// that is cropped to the lungs keeps its whole area, and so does one in which
// nothing of a body's size is found.
//
// Slices of one patient look alike to a network however wide the scanner's
// field was when they are cropped to it.
func BodyBox(img *image.Gray) image.Rectangle {
	const side = 96 // worked out on a small copy: a box needs no more
	b := img.Rect
	w, h := b.Dx(), b.Dy()
	sw, sh := fit(w, h, side)
	bright := brightMap(img, sw, sh)
	worn := erode(erode(bright, sw, sh), sw, sh)
	box, area := largestArea(worn, sw, sh)
	if area*10 < sw*sh {
		return b
	}
	box = box.Inset(-3).Intersect(image.Rect(0, 0, sw, sh)) // what was worn away, and one more
	if heartAlone(box, sw, sh) {
		return b
	}
	return image.Rect(box.Min.X*w/sw, box.Min.Y*h/sh, (box.Max.X*w+sw-1)/sw, (box.Max.Y*h+sh-1)/sh).Add(b.Min).Intersect(b)
}

// heartAlone tells the bright middle of a picture cropped to the lungs, from
// breastbone to spine, from a whole body: a body that reaches the upper and the
// lower edge is wide and reaches both others too.
func heartAlone(box image.Rectangle, w, h int) bool {
	const slack = 2
	tall := box.Min.Y <= slack && box.Max.Y >= h-slack
	wide := box.Min.X <= slack && box.Max.X >= w-slack
	return tall && !wide || 2*box.Dx() < w
}

// brightMap is 1 where the mean of a cell is tissue rather than air.
func brightMap(img *image.Gray, sw, sh int) []uint8 {
	b := img.Rect
	w, h := b.Dx(), b.Dy()
	mean := make([]int, sw*sh)
	var histogram [256]int
	for y := range sh {
		y0, y1 := y*h/sh, max((y+1)*h/sh, y*h/sh+1)
		for x := range sw {
			x0, x1 := x*w/sw, max((x+1)*w/sw, x*w/sw+1)
			sum := 0
			for yy := y0; yy < y1; yy++ {
				for _, v := range img.Pix[yy*img.Stride+x0 : yy*img.Stride+x1] {
					sum += int(v)
				}
			}
			m := sum / ((y1 - y0) * (x1 - x0))
			mean[y*sw+x] = m
			histogram[m]++
		}
	}
	level := otsu(histogram[:])
	bright := make([]uint8, sw*sh)
	for i, m := range mean {
		if m > level {
			bright[i] = 1
		}
	}
	return bright
}

// otsu is the grey level that parts a histogram in two with the largest
// variance between the parts (Otsu 1979).
func otsu(histogram []int) int {
	n, sum := 0, 0
	for v, c := range histogram {
		n += c
		sum += v * c
	}
	best, level := -1.0, 0
	below, belowSum := 0, 0
	for v, c := range histogram {
		below += c
		belowSum += v * c
		if below == 0 || below == n {
			continue
		}
		m0 := float64(belowSum) / float64(below)
		m1 := float64(sum-belowSum) / float64(n-below)
		between := float64(below) * float64(n-below) * (m1 - m0) * (m1 - m0)
		if between > best {
			best, level = between, v
		}
	}
	return level
}

// erode wears one cell off every edge inside the picture.
func erode(m []uint8, w, h int) []uint8 {
	out := make([]uint8, len(m))
	for y := range h {
		for x := range w {
			keep := m[y*w+x]
			for dy := max(y-1, 0); dy <= min(y+1, h-1); dy++ {
				for dx := max(x-1, 0); dx <= min(x+1, w-1); dx++ {
					keep &= m[dy*w+dx]
				}
			}
			out[y*w+x] = keep
		}
	}
	return out
}

// largestArea is the box and the size of the largest connected area.
func largestArea(m []uint8, w, h int) (image.Rectangle, int) {
	seen := make([]bool, len(m))
	var best image.Rectangle
	most := 0
	var stack []int
	for start, v := range m {
		if v == 0 || seen[start] {
			continue
		}
		box, area := image.Rectangle{Min: image.Pt(w, h)}, 0
		stack = append(stack[:0], start)
		seen[start] = true
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			x, y := i%w, i/w
			area++
			box.Min.X, box.Min.Y = min(box.Min.X, x), min(box.Min.Y, y)
			box.Max.X, box.Max.Y = max(box.Max.X, x+1), max(box.Max.Y, y+1)
			for _, j := range [4]int{i - 1, i + 1, i - w, i + w} {
				if j < 0 || j >= len(m) || m[j] == 0 || seen[j] || (j/w != y && j%w != x) {
					continue
				}
				seen[j] = true
				stack = append(stack, j)
			}
		}
		if area > most {
			best, most = box, area
		}
	}
	return best, most
}
