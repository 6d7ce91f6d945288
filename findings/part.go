package findings

// partingMM are the radii by which lungs in touch are worn down until they
// fall apart.
var partingMM = [...]float64{2, 4, 6, 8}

// part tells the lungs apart where they touch: a region that lies on both sides
// of the body's middle is eroded until its two largest pieces lie on either
// side, and each block goes to the piece that is nearest in its slice.
func (l *Lungs) part() {
	all := make(Mask, len(l.sides))
	lesser, total := 0, 0
	for s, sides := range l.sides {
		if sides == nil {
			continue
		}
		all[s] = make([]uint8, len(sides))
		for i, v := range sides {
			if Side(v) == NoLung {
				continue
			}
			all[s][i] = 1
			total++
			if Side(v) != l.sideOf((float64(i%l.w)+0.5)*float64(l.factor)-0.5) {
				lesser++
			}
		}
	}
	if float64(lesser) <= bothSides*float64(total) {
		return
	}
	for _, radius := range partingMM {
		if seeds, ok := l.seeds(all, radius); ok {
			l.claim(all, seeds)
			return
		}
	}
	l.claim(all, nil)
}

// seeds are the sides of what is left of the lungs after erosion, if that is
// two pieces, one on each side.
func (l *Lungs) seeds(all Mask, radius float64) ([][]uint8, bool) {
	worn := make(Mask, len(all))
	for s, at := range all {
		if at != nil {
			p := l.blocks()
			p.at = at
			worn[s] = p.erode(radius).at
		}
	}
	runs, n := components(worn, l.w, l.h, byFaces)
	size, column := make([]int, n), make([]float64, n)
	total := 0
	for _, r := range runs {
		size[r.label] += int(r.to - r.from)
		column[r.label] += float64(r.to-r.from) * float64(r.from+r.to-1) / 2
		total += int(r.to - r.from)
	}
	side := make([]Side, n)
	found := map[Side]bool{}
	for k := range size {
		if float64(size[k]) >= bothSides*float64(total) {
			side[k] = l.sideOf((column[k]/float64(size[k])+0.5)*float64(l.factor) - 0.5)
			found[side[k]] = true
		}
	}
	if len(found) < 2 {
		return nil, false
	}
	seeds := make([][]uint8, len(all))
	for _, r := range runs {
		if seeds[r.slice] == nil {
			seeds[r.slice] = make([]uint8, l.w*l.h)
		}
		mark(seeds[r.slice], l.w, r, uint8(side[r.label]))
	}
	return seeds, true
}

// claim gives each block the side of the nearest seed in its slice or, where
// the slice has not a seed of each, that of the body's half it lies in.
func (l *Lungs) claim(all Mask, seeds [][]uint8) {
	for s, at := range all {
		if at == nil {
			continue
		}
		var right, left []float32
		if seeds != nil && seeds[s] != nil {
			right, left = l.distanceTo(seeds[s], Right), l.distanceTo(seeds[s], Left)
		}
		for i, v := range at {
			if v == 0 {
				continue
			}
			side := l.sideOf((float64(i%l.w)+0.5)*float64(l.factor) - 0.5)
			if right != nil && right[i] < far && left[i] < far && right[i] != left[i] {
				side = Left
				if right[i] < left[i] {
					side = Right
				}
			}
			l.sides[s][i] = uint8(side)
		}
	}
}

func (l *Lungs) distanceTo(sides []uint8, side Side) []float32 {
	p := l.blocks()
	for i, v := range sides {
		if Side(v) == side {
			p.at[i] = 1
		}
	}
	return squaredDistance(p, 1)
}
