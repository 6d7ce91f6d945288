package phantom

import (
	"math"
	"math/rand/v2"
)

// Densities in HU and places in mm of what surrounds the lungs.
const (
	fatHU, muscleHU, bloodHU, liverHU = -105, 52, 42, 60
	cortexHU, marrowHU                = 620, 190

	heartX, heartY, heartZ    = 20.0, -36.0, -52.0
	heartRX, heartRY, heartRZ = 60.0, 46.0, 60.0
	spineY                    = 66.0
	carinaZ                   = 40.0
	vertebraMM                = 26.0 // from disc to disc
	ribMM                     = 25.0 // from rib to rib
)

// anatomy is what the seed decides, once for all planes.
type anatomy struct {
	ribs, vessels, airways []tube
	lesions                []lesion
}

func newAnatomy(c Config) *anatomy {
	rng := rand.New(rand.NewPCG(c.Seed, 0))
	a := &anatomy{ribs: ribs()}
	for _, s := range []side{right, left} {
		a.vessels = append(a.vessels, vessels().grow(s, rng)...)
		a.vessels = append(a.vessels, vessels().grow(s, rng)...)
		a.airways = append(a.airways, tube{[3]float64{0, 12, carinaZ}, s.hilum(), 6.5, 5})
		a.airways = append(a.airways, airways().grow(s, rng)...)
	}
	a.lesions = newLesions(c, rng)
	return a
}

// paint paints the section at p.z, from the outside in.
func (a *anatomy) paint(p *plane) {
	for i := range p.hu {
		p.hu[i] = airHU
	}
	p.paintTable()
	p.paintBody()
	p.paintAbdomen()
	p.paintMediastinum()
	for _, r := range a.ribs {
		p.tube(r, 0, cortexHU)
		p.tube(r, -2, marrowHU)
	}
	p.paintSpine()
	p.paintLung(right)
	p.paintLung(left)
	for i, l := range a.lesions {
		p.paintLesion(l, uint8(i+1))
	}
	for _, v := range a.vessels {
		p.tube(v, 0, bloodHU)
	}
	for _, v := range a.airways {
		p.tube(v, 0.25*v.r0+0.5, muscleHU-60)
	}
	for _, v := range a.airways {
		p.tube(v, 0, airHU+20)
	}
	if p.z > carinaZ {
		p.ellipse(0, 12, 10.5, 10, muscleHU)
		p.ellipse(0, 12, 8.5, 8, airHU)
	}
}

// girth narrows the body towards the neck.
func girth(z float64) float64 {
	t := max(0, (z-60)/90)
	return 1 - 0.1*t*t
}

func (p *plane) paintBody() {
	g := girth(p.z)
	layer := func(shrinkX, shrinkY float64, hu float32) {
		rx, ry := 168*g-shrinkX, 118*g-shrinkY
		p.paint(around(0, 6, rx, ry), hu, func(x, y float64) float64 { return rounded(x, y-6, rx, ry) })
	}
	layer(0, 0, muscleHU-30) // skin
	layer(2, 2, fatHU)
	layer(20, 13, muscleHU)
	layer(26, 18, fatHU+25) // between the muscle's layers
	layer(28, 19, muscleHU)
	for _, s := range []float64{-1, 1} { // back muscles, shoulder blades
		p.ellipse(s*38, 101, 24, 13, muscleHU)
		if p.z > 15 {
			blade := tube{[3]float64{s * 78, 100, p.z}, [3]float64{s * 134, 62, p.z}, 2.5, 6}
			p.tube(blade, 1, cortexHU)
			p.tube(blade, -1.5, marrowHU)
		}
	}
	// Inside the ribs: fat under the pleura, then what the organs leave.
	p.paint(around(0, 2, 138, 98), fatHU+20, func(x, y float64) float64 { return rounded(x, y-2, 136*g, 95*g) })
	if p.z > -60 && p.z < 90 { // breastbone
		p.ellipse(0, -94*g, 20, 7, cortexHU-150)
		p.ellipse(0, -94*g, 17, 4.5, marrowHU-60)
	}
}

// ribs are hoops that fall from the spine to the front.
func ribs() []tube {
	var tubes []tube
	for k := range 12 {
		back := 145 - ribMM*float64(k)
		for _, s := range []float64{-1, 1} {
			var last [3]float64
			for i := range 33 {
				angle := (12 + 130*float64(i)/32) * math.Pi / 180 // from the spine round
				g := girth(back)
				at := [3]float64{s * 134 * g * math.Sin(angle), 4 + 93*g*math.Cos(angle), back - 55*(1-math.Cos(angle))/2}
				if i > 0 {
					tubes = append(tubes, tube{last, at, 4.8, 4.8})
				}
				last = at
			}
		}
	}
	return tubes
}

func (p *plane) paintSpine() {
	_, part := math.Modf((p.z + 1000) / vertebraMM)
	if part < 0.2 { // a disc
		p.ellipse(0, spineY, 19, 15, muscleHU+40)
	} else {
		p.ellipse(0, spineY, 19, 15, cortexHU)
		p.ellipse(0, spineY, 17, 13, marrowHU)
	}
	for _, s := range []float64{-1, 1} {
		arch := tube{[3]float64{s * 8, spineY + 14, p.z}, [3]float64{s * 26, spineY + 24, p.z}, 4, 3.5}
		p.tube(arch, 0, cortexHU-120)
		p.tube(arch, -2, marrowHU)
	}
	p.ellipse(0, spineY+38, 4, 13, cortexHU-150)
	p.ellipse(0, spineY+22, 12, 11, cortexHU-120)
	p.ellipse(0, spineY+21, 9, 8, 25) // spinal canal
}

// mediastinum is the distance from what lies between the lungs.
func mediastinum(x, y, z float64) float64 {
	wide := 24 + 8*math.Exp(-(z-25)*(z-25)/1800)
	return rounded(x, y+8, wide, 74)
}

func (p *plane) paintMediastinum() {
	p.paint(around(0, -8, 34, 74), fatHU+15, func(x, y float64) float64 { return mediastinum(x, y, p.z) })
	heart := func(grow float64) func(x, y float64) float64 {
		return func(x, y float64) float64 {
			return ellipsoid(x-heartX, y-heartY, p.z-heartZ, heartRX, heartRY, heartRZ) - grow
		}
	}
	b := around(heartX, heartY, heartRX+4, heartRY+4)
	p.paint(b, fatHU, heart(1.5))
	p.paint(b, bloodHU+4, heart(-3))
	switch { // the aorta rises, arches and descends
	case p.z < 62:
		p.ellipse(15, 42, 12, 12, bloodHU)
		if p.z > -10 {
			p.ellipse(-14, -26, 16, 15, bloodHU) // rising
			p.ellipse(-20, -4, 9, 9, bloodHU)    // superior vena cava
		}
		if p.z > 5 && p.z < 38 { // pulmonary trunk and arteries
			p.ellipse(14, -24, 15, 13, bloodHU)
			p.tube(tube{[3]float64{14, -18, p.z}, [3]float64{30, 8, p.z}, 9, 7}, 0, bloodHU)
			p.tube(tube{[3]float64{8, -10, p.z}, [3]float64{-32, 6, p.z}, 8, 7}, 0, bloodHU)
		}
	case p.z < 84:
		p.tube(tube{[3]float64{-12, -24, p.z}, [3]float64{15, 36, p.z}, 13, 12}, 0, bloodHU)
	default: // vessels to the neck and arms
		for _, v := range [][3]float64{{-16, -18, 7}, {-4, -12, 6}, {12, -4, 5}, {18, 10, 5}, {16, -22, 7}, {-20, -30, 8}} {
			p.ellipse(v[0], v[1], v[2], v[2], bloodHU)
		}
	}
	p.ellipse(7, 32, 7, 5, muscleHU-15) // oesophagus
}

// paintAbdomen paints what lies below the diaphragm: liver, spleen, stomach.
func (p *plane) paintAbdomen() {
	if p.z > lungBase+66 {
		return
	}
	g := girth(p.z)
	wall := func(x, y float64) float64 { return rounded(x, y-2, 132*g, 92*g) }
	organ := func(s side, hu float32, shape func(x, y float64) float64) {
		p.paint(around(0, 2, 138, 98), hu, func(x, y float64) float64 {
			return max(wall(x, y), 0.7*(p.z+3-s.diaphragm(x, y)), shape(x, y))
		})
	}
	organ(left, bloodHU-15, func(x, y float64) float64 { return ellipse(x-58, y+18, 48, 52) }) // stomach
	organ(left, airHU, func(x, y float64) float64 { return ellipse(x-56, y+48, 30, 14) })      // its gas
	organ(left, liverHU-8, func(x, y float64) float64 { return ellipse(x-100, y-48, 28, 42) }) // spleen
	organ(right, liverHU, func(x, y float64) float64 { return ellipse(x+58, y-2, 92, 96) })
}

// paintTable paints the couch: a shell around foam.
func (p *plane) paintTable() {
	couch := func(grow float64) func(x, y float64) float64 {
		return func(x, y float64) float64 {
			return max(math.Hypot(x, y+290)-440-grow, 134-grow-y+0.0009*x*x, math.Abs(x)-190)
		}
	}
	b := box{-192, 192, 90, 152}
	p.paint(b, -420, couch(0))
	p.paint(b, -930, couch(-3))
}
