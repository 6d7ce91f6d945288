package findings

import "math"

const (
	pocketMM      = 15   // the shortest chord over a pocket that is filled
	pocketTowards = -0.3 // least cosine of the chord's outward normal with both side and back
)

// fillPockets marks the pockets of each region that open to the side or to the
// back, within reach: what lies between the region and its convex hull there is
// bounded by the ribs, so that it is consolidated lung (or an effusion, which a
// threshold cannot tell from it). Pockets towards the mediastinum, the liver and
// the stomach open to the middle or to the front and stay. side is the
// direction, along columns, to the patient's side that the regions lie on; back
// that along rows to the back: each 1 or -1.
func (p plane) fillPockets(side, back float64, within plane) plane {
	runs, n := components(Mask{p.at}, p.w, p.h, byFaces)
	regions := make([][]run, n)
	for _, r := range runs {
		regions[r.label] = append(regions[r.label], r)
	}
	out := p.like()
	copy(out.at, p.at)
	for _, region := range regions {
		hull := convexHull(ends(region))
		pockets := p.like()
		fillPolygon(pockets, hull)
		for i, v := range p.at {
			if v != 0 || within.at[i] == 0 {
				pockets.at[i] = 0
			}
		}
		for i, label := range pockets.opening(hull, side, back) {
			if label {
				out.at[i] = 1
			}
		}
	}
	return out
}

// ends are the corners of a region of one plane.
func ends(region []run) []point2 {
	out := make([]point2, 0, 2*len(region))
	for _, r := range region {
		out = append(out, point2{float64(r.from), float64(r.row)}, point2{float64(r.to - 1), float64(r.row)})
	}
	return out
}

// opening marks the pockets whose longest chord faces the side or the back.
func (p plane) opening(hull []point2, side, back float64) []bool {
	runs, n := components(Mask{p.at}, p.w, p.h, byFaces)
	label := make([]int, p.w*p.h)
	for _, r := range runs {
		for c := r.from; c < r.to; c++ {
			label[int(r.row)*p.w+int(c)] = int(r.label) + 1
		}
	}
	var centre point2
	for _, h := range hull {
		centre.x += h.x / float64(len(hull))
		centre.y += h.y / float64(len(hull))
	}
	longest, opens := make([]float64, n+1), make([]bool, n+1)
	for i, a := range hull {
		b := hull[(i+1)%len(hull)]
		length := math.Hypot((b.x-a.x)*p.sx, (b.y-a.y)*p.sy)
		if length < pocketMM {
			continue
		}
		// The outward normal, in millimetres.
		nx, ny := (b.y-a.y)*p.sy/length, -(b.x-a.x)*p.sx/length
		mx, my := (a.x+b.x)/2, (a.y+b.y)/2
		if nx*(mx-centre.x)*p.sx+ny*(my-centre.y)*p.sy < 0 {
			nx, ny = -nx, -ny
		}
		x, y := int(math.Round(mx-1.5*nx)), int(math.Round(my-1.5*ny))
		if x < 0 || y < 0 || x >= p.w || y >= p.h {
			continue
		}
		k := label[y*p.w+x]
		if length > longest[k] {
			longest[k] = length
			opens[k] = nx*side >= pocketTowards && ny*back >= pocketTowards
		}
	}
	opens[0] = false // no pocket
	out := make([]bool, p.w*p.h)
	for i, k := range label {
		out[i] = opens[k]
	}
	return out
}
