package dataset

import "image"

// localContrast is contrast-limited adaptive histogram equalisation (Zuiderveld
// 1994) over tiles x tiles cells. No grey gets more than limit times its even
// share of a cell's histogram.
func localContrast(img *image.Gray, tiles int, limit float64) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w < 2*tiles || h < 2*tiles {
		return
	}
	tables := make([]curve, tiles*tiles)
	for ty := range tiles {
		for tx := range tiles {
			equalise(&tables[ty*tiles+tx], img, image.Rect(tx*w/tiles, ty*h/tiles, (tx+1)*w/tiles, (ty+1)*h/tiles), limit)
		}
	}
	left, right, part := between2(w, tiles)
	up, down, share := between2(h, tiles)
	for y := range h {
		row := img.Pix[y*img.Stride:][:w]
		above, below := tables[up[y]*tiles:], tables[down[y]*tiles:]
		ay := share[y]
		for x, v := range row {
			ax := part[x]
			top := int(above[left[x]][v])*(256-ax) + int(above[right[x]][v])*ax
			low := int(below[left[x]][v])*(256-ax) + int(below[right[x]][v])*ax
			row[x] = uint8((top*(256-ay) + low*ay + 1<<15) >> 16)
		}
	}
}

// equalise makes the table of one cell.
func equalise(c *curve, img *image.Gray, cell image.Rectangle, limit float64) {
	var histogram [256]int
	for y := cell.Min.Y; y < cell.Max.Y; y++ {
		for _, v := range img.Pix[y*img.Stride+cell.Min.X : y*img.Stride+cell.Max.X] {
			histogram[v]++
		}
	}
	n := cell.Dx() * cell.Dy()
	most := max(1, int(limit*float64(n)/256))
	over := 0
	for v, k := range histogram {
		if k > most {
			over += k - most
			histogram[v] = most
		}
	}
	sum := 0
	for v, k := range histogram {
		sum += k
		// What was cut off is spread evenly over all greys.
		c[v] = uint8((sum + over*(v+1)/256) * 255 / n)
	}
}

// between2 gives for each place along an axis both cells whose middles lie
// around it, and how far it is to the second, of 256.
func between2(size, tiles int) (first, second, part []int) {
	first, second, part = make([]int, size), make([]int, size), make([]int, size)
	for i := range size {
		at := (2*i+1)*tiles*128/size - 128 // in 256ths of a cell, from the first middle
		c := at >> 8
		part[i] = at & 255
		first[i], second[i] = min(max(c, 0), tiles-1), min(max(c+1, 0), tiles-1)
	}
	return first, second, part
}
