package phantom

import "math/rand/v2"

// anatomy is what the configuration and its seed decide, once for all sections.
type anatomy struct {
	down                              float64       // 1 where the back lies on the table, -1 where the front does
	heights                           [3][2]float64 // of each lung: lowest and highest z
	great                             []tube
	parts                             *parts // of the mediastinum
	ribs, cartilage, vessels, airways []tube
	lesions                           []*lesion
}

func newAnatomy(c Config) (*anatomy, error) {
	a := &anatomy{down: c.Position.down(), great: greatVessels(), parts: newParts(2)}
	a.ribs, a.cartilage = ribs()
	a.heights = [3][2]float64{rightLung: a.heightsOf(right), leftLung: a.heightsOf(left)}
	for i, s := range []side{right, left} {
		// A stream each, so that none depends on how much another draws.
		rng := func(what uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, what<<8|uint64(i)<<4)) }
		a.vessels = append(a.vessels, vessels().grow(a, s, rng(2))...)
		a.vessels = append(a.vessels, vessels().grow(a, s, rng(3))...)
		a.airways = append(a.airways, airways().grow(a, s, rng(4))...)
	}
	var err error
	a.lesions, err = newLesions(c, a, rand.New(rand.NewPCG(c.Seed, 1<<32)))
	return a, err
}

// paint paints a section from the outside in.
func (a *anatomy) paint(s *section) {
	for i := range s.hu {
		s.hu[i] = airHU
	}
	s.forget()
	a.paintTable(s)
	a.paintBody(s)
	a.paintAbdomen(s)
	a.paintMediastinum(s)
	a.paintBones(s)
	a.paintInside(s)
	a.paintWindpipe(s)
}

// paintLungs paints the lungs alone, with what is in them.
func (a *anatomy) paintLungs(s *section) {
	for i := range s.hu {
		s.hu[i] = muscleHU
	}
	s.forget()
	a.paintInside(s)
}

func (a *anatomy) paintInside(s *section) {
	a.paintLung(s, right)
	a.paintLung(s, left)
	for i, l := range a.lesions {
		s.lesionAt(l, uint8(i+1))
	}
	for _, t := range a.vessels {
		s.tube(t, 0, bloodHU)
	}
	for _, t := range a.airways {
		s.tube(t, 0.2*t.r0+0.5, muscleHU-60)
	}
	for _, t := range a.airways {
		s.tube(t, 0, airHU+20)
	}
}
