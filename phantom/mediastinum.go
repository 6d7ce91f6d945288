package phantom

// Densities in HU of what surrounds the lungs.
const (
	fatHU, muscleHU, bloodHU, liverHU = -105, 52, 42, 60
	cortexHU, marrowHU                = 560, 180
	skinHU                            = 10
)

// chambers are the heart's: centre and radii of ellipsoids.
func chambers() [][2]vec {
	return [][2]vec{
		{{34, -24, -58}, {44, 40, 46}},  // left ventricle
		{{4, -46, -54}, {46, 33, 44}},   // right ventricle
		{{-30, -24, -36}, {27, 31, 36}}, // right atrium
		{{8, 4, -16}, {36, 23, 26}},     // left atrium
		{{12, -38, -12}, {26, 26, 30}},  // outflow
		{{-14, -6, -80}, {14, 14, 30}},  // inferior vena cava
		{{34, -36, -72}, {46, 36, 32}},  // apex
	}
}

// greatVessels are filled with blood.
func greatVessels() []tube {
	var all []tube
	all = append(all, tube{vec{-4, -20, -20}, vec{-16, -30, 22}, 15, 16}) // aorta: rises,
	all = append(all, pipe(14.5, vec{-16, -30, 22}, vec{-15, -26, 52}, vec{-8, -14, 70}, vec{6, 6, 74})...)
	all = append(all, pipe(12.5, vec{6, 6, 74}, vec{18, 24, 68}, vec{24, 38, 50}, vec{24, 42, 20}, vec{21, 44, -50}, vec{12, 44, -160})...)
	all = append(all, pipe(9, vec{-26, -20, -20}, vec{-28, -24, 40}, vec{-26, -26, 84})...) // superior vena cava
	all = append(all, tube{vec{16, -40, -8}, vec{18, -18, 27}, 15, 13})                     // pulmonary trunk
	all = append(all, pipe(10, vec{18, -18, 27}, vec{-8, -4, 25}, vec{-30, 2, 22})...)
	all = append(all, pipe(10.5, vec{18, -18, 27}, vec{30, 4, 34})...)
	all = append(all,
		tube{vec{-30, 2, 22}, vec{-42, 8, 6}, 9, 7}, tube{vec{-30, 2, 22}, vec{-42, 2, 32}, 8, 5},
		tube{vec{30, 4, 34}, vec{42, 16, 14}, 9.5, 7}, tube{vec{30, 4, 34}, vec{43, 2, 42}, 8, 5},
		tube{vec{-6, 8, -10}, vec{-42, 14, -2}, 9, 6}, tube{vec{-6, 2, -8}, vec{-43, -6, 8}, 8, 5}, // pulmonary veins
		tube{vec{24, 8, -10}, vec{46, 16, -4}, 9, 6}, tube{vec{24, 0, -8}, vec{47, -6, 12}, 8, 5})
	all = append(all, pipe(6.5, vec{-12, -18, 72}, vec{-20, -14, 100}, vec{-24, -10, 155})...) // to neck and arms
	all = append(all, pipe(4.5, vec{2, -2, 74}, vec{12, -4, 105}, vec{20, -4, 155})...)
	all = append(all, pipe(5.5, vec{12, 12, 74}, vec{24, 14, 105}, vec{52, 10, 128})...)
	all = append(all, pipe(7, vec{-26, -26, 84}, vec{-34, -24, 112}, vec{-60, -18, 126})...)
	all = append(all, pipe(6.5, vec{-26, -26, 82}, vec{6, -34, 92}, vec{34, -26, 112}, vec{62, -18, 126})...)
	return all
}

func oesophagus() []tube {
	return pipe(7, vec{4, 34, 160}, vec{6, 32, 60}, vec{10, 30, 0}, vec{12, 24, -110})
}

func windpipe() []tube {
	return append(pipe(8.5, vec{0, 6, 160}, vec{0, 8, 100}, vec{2, 16, carinaZ + 6}),
		tube{vec{2, 16, carinaZ + 6}, vec{0, 17, carinaZ}, 8.5, 8})
}

// mainBronchi lead from the carina to both hila.
func mainBronchi() []tube {
	return []tube{
		{vec{0, 17, carinaZ}, vec{-20, 17, 28}, 7, 6.5}, {vec{-20, 17, 28}, vec{-42, 16, 12}, 6, 4.5}, {vec{-20, 17, 28}, vec{-42, 14, 34}, 4.8, 3.6},
		{vec{0, 17, carinaZ}, vec{26, 22, 24}, 6.3, 5.8}, {vec{26, 22, 24}, vec{43, 24, 8}, 5.5, 4.2}, {vec{26, 22, 24}, vec{44, 14, 26}, 4.6, 3.4},
	}
}

// parts are the pieces of the mediastinum, and which of them lie near each cell
// of a coarse grid.
type parts struct {
	near [cellsX * cellsY * cellsZ][]shape
}

// The grid reaches over all that lies between the lungs. Pieces farther off than
// reachMM are of no interest: that is beyond the width over which they blend.
const (
	cellMM                 = 8.0
	cellsX, cellsY, cellsZ = 32, 24, 36
	reachMM                = 13
)

var gridLow = vec{-cellsX / 2 * cellMM, -110, -150}

// cell is the number of a place's cell, -1 outside the grid.
func cell(p vec) int {
	x, y, z := (p[0]-gridLow[0])/cellMM, (p[1]-gridLow[1])/cellMM, (p[2]-gridLow[2])/cellMM
	if x < 0 || y < 0 || z < 0 || x >= cellsX || y >= cellsY || z >= cellsZ {
		return -1
	}
	return (int(z)*cellsY+int(y))*cellsX + int(x)
}

func newParts(grow float64) *parts {
	var all []shape
	for _, c := range chambers() {
		all = append(all, ball(c[0], c[1], grow))
	}
	tubes := append(greatVessels(), oesophagus()...)
	tubes = append(tubes, windpipe()...)
	for _, t := range append(tubes, mainBronchi()...) {
		all = append(all, t.shape(grow))
	}
	g := &parts{}
	const far = reachMM + rough*cellMM*0.87 // from a cell's middle to its corner
	for i := range g.near {
		x, y, z := i%cellsX, i/cellsX%cellsY, i/(cellsX*cellsY)
		middle := add(gridLow, scale(vec{float64(x) + 0.5, float64(y) + 0.5, float64(z) + 0.5}, cellMM))
		for _, sh := range all {
			if sh.depth(middle) < far {
				g.near[i] = append(g.near[i], sh)
			}
		}
	}
	return g
}

// mediastinum is the distance from what lies between the lungs: heart, vessels
// and airways in fat, and a septum from the breastbone to the spine.
func (a *anatomy) mediastinum(p vec) float64 {
	flat := p
	flat[2] = 0
	d := septum.distance(flat)
	if p[2] > 50 { // the thymus's fat and the great veins widen it
		d = blend(d, ellipsoid(sub(p, vec{0, -14, 96}), vec{34, 34, 46}), 16)
	}
	if i := cell(p); i >= 0 {
		for _, sh := range a.parts.near[i] {
			d = blend(d, sh.depth(p), 10)
		}
	}
	return d
}

// septum is the mediastinum's thin middle, the same at every height.
var septum = tube{vec{0, -100, 0}, vec{2, 40, 0}, 3.5, 17}

func (a *anatomy) paintMediastinum(s *section) {
	for _, c := range chambers() {
		s.paint(ball(c[0], c[1], 0), bloodHU)
	}
	// Fat in the grooves between the chambers.
	for _, t := range append(pipe(3, vec{-6, -62, -20}, vec{-12, -68, -60}, vec{6, -70, -90}), pipe(3.5, vec{50, -20, -18}, vec{44, -56, -50}, vec{40, -66, -84})...) {
		s.tube(t, 0, fatHU+20)
	}
	for _, t := range oesophagus() {
		s.tube(t, 0, muscleHU-15)
	}
	for _, t := range a.great {
		s.tube(t, 1, muscleHU-25) // walls
	}
	for _, t := range a.great {
		s.tube(t, -0.5, bloodHU)
	}
}

func (a *anatomy) paintWindpipe(s *section) {
	tubes := append(windpipe(), mainBronchi()...)
	for _, t := range tubes {
		s.tube(t, 1.4, muscleHU+10)
	}
	for _, t := range tubes {
		s.tube(t, 0, airHU+20)
	}
}
