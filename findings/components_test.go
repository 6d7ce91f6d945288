package findings

import (
	"math/rand/v2"
	"testing"
)

func TestComponentsAgreeWithAFloodFill(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		w, h, n := 1+rng.IntN(9), 1+rng.IntN(9), 1+rng.IntN(5)
		density := 0.1 + 0.6*rng.Float64()
		m := make(Mask, n)
		for s := range m {
			if rng.IntN(4) == 0 {
				continue // an empty slice holds no plane
			}
			m[s] = make([]uint8, w*h)
			for i := range m[s] {
				if rng.Float64() < density {
					m[s][i] = 1
				}
			}
		}
		for _, nb := range []neighbourhood{byFaces, byCorners} {
			runs, count := components(m, w, h, nb)
			want, wantCount := flood(m, w, h, nb)
			if count != wantCount {
				t.Fatalf("%d components of %v, want %d", count, m, wantCount)
			}
			marked := 0
			for _, r := range runs {
				for c := r.from; c < r.to; c++ {
					marked++
					if got := want[int(r.slice)][int(r.row)*w+int(c)]; got != int(r.label)+1 {
						t.Fatalf("cell %d,%d,%d has label %d, want %d", c, r.row, r.slice, r.label+1, got)
					}
				}
			}
			if marked != m.Count() {
				t.Fatalf("runs hold %d cells of %d", marked, m.Count())
			}
		}
	}
}

// flood labels components from 1 in scan order, the plain way.
func flood(m Mask, w, h int, nb neighbourhood) (labels [][]int, n int) {
	labels = make([][]int, len(m))
	for s := range labels {
		labels[s] = make([]int, w*h)
	}
	set := func(x, y, z int) bool {
		return x >= 0 && x < w && y >= 0 && y < h && z >= 0 && z < len(m) && m[z] != nil && m[z][y*w+x] != 0
	}
	var visit func(x, y, z, label int)
	visit = func(x, y, z, label int) {
		if !set(x, y, z) || labels[z][y*w+x] != 0 {
			return
		}
		labels[z][y*w+x] = label
		for dz := -1; dz <= 1; dz++ {
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					steps := dx*dx + dy*dy + dz*dz
					if steps == 0 || nb == byFaces && steps > 1 {
						continue
					}
					visit(x+dx, y+dy, z+dz, label)
				}
			}
		}
	}
	for z := range m {
		for y := range h {
			for x := range w {
				if set(x, y, z) && labels[z][y*w+x] == 0 {
					n++
					visit(x, y, z, n)
				}
			}
		}
	}
	return labels, n
}
