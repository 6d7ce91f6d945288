package phantom

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// New builds a phantom and its truth. The patient's frame has its origin in the
// middle of the chest: x to the left, y to the back, z to the head, in mm; the
// lungs reach from about -130 to 130 mm. The error is the configuration's or the
// context's.
func New(ctx context.Context, c Config) (*ct.Volume, *Truth, error) {
	c, err := c.orDefaults()
	if err != nil {
		return nil, nil, err
	}
	a, err := newAnatomy(c)
	if err != nil {
		return nil, nil, err
	}
	plane := c.Columns * c.Rows
	v := &ct.Volume{
		Columns: c.Columns, Rows: c.Rows, Slices: c.Slices,
		HU:                  make([]int16, plane*c.Slices),
		Affine:              c.affine(),
		SeriesUID:           c.uid("series"),
		StudyUID:            c.uid("study"),
		FrameOfReferenceUID: c.uid("frame"),
	}
	normal := newSection(1, 1, axis(v.Affine, 0), axis(v.Affine, 1)).normal
	for k := range c.Slices {
		v.Sources = append(v.Sources, ct.Source{
			File: fileName(k), InstanceUID: c.uid("slice", strconv.Itoa(k)),
			PositionMM: dot(normal, v.Position(0, 0, float64(k))), HasPosition: true,
		})
	}
	t := &Truth{Schema: "jcs.phantom/2", Seed: c.Seed, config: c, Lung: make([]uint8, len(v.HU)), Lesion: make([]uint8, len(v.HU))}
	sc := newScanner(c)
	err = sideBySide(ctx, c.Slices, func() func(int) {
		s := newSection(c.Columns, c.Rows, axis(v.Affine, 0), axis(v.Affine, 1))
		sum := make([]float32, plane)
		return func(k int) {
			a.slice(c, v, s, sum, sc, k)
			copy(t.Lung[k*plane:], s.lung)
			copy(t.Lesion[k*plane:], s.lesion)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	if err := t.measure(ctx, a, v); err != nil {
		return nil, nil, err
	}
	return v, t, nil
}

// sideBySide calls do for 0 to n-1 on all processors; worker makes a do for
// each of them, with room of its own.
func sideBySide(ctx context.Context, n int, worker func() (do func(i int))) error {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() {
			do := worker()
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// sectionMM is the most that the sections lie apart that a slice is the mean of.
const sectionMM = 1.7

// slice paints slice k: the mean of thin sections, blurred, with noise. Labels
// are those of its middle.
func (a *anatomy) slice(c Config, v *ct.Volume, s *section, sum []float32, sc scanner, k int) {
	sections := max(1, int(math.Ceil(c.ThicknessMM/sectionMM))) | 1 // odd: one is the middle
	clear(sum)
	middle := v.Position(0, 0, float64(k))
	order := make([]int, 0, sections) // the middle last, whose labels stay
	for i := range sections {
		if i != sections/2 {
			order = append(order, i)
		}
	}
	for _, i := range append(order, sections/2) {
		s.origin = along(middle, s.normal, c.ThicknessMM*((float64(i)+0.5)/float64(sections)-0.5))
		a.paint(s)
		for j, h := range s.hu {
			sum[j] += h
		}
	}
	for i, h := range sum {
		s.hu[i] = h / float32(sections)
	}
	smooth(s.hu, sum, c.Columns, c.Rows, sc.blur[0], sc.blur[1])
	sc.addNoise(s, rand.New(rand.NewPCG(c.Seed, uint64(k)+1)))
	hu := v.Slice(k)
	for i, h := range s.hu {
		hu[i] = int16(max(ct.Air, min(3071, math.Round(float64(h)))))
	}
}

func axis(m [4][4]float64, i int) vec { return vec{m[0][i], m[1][i], m[2][i]} }

// uid makes an identifier that belongs to the whole configuration.
func (c Config) uid(parts ...string) string {
	return dcmtk.UID(append([]string{"jcs phantom", fmt.Sprintf("%+v", c)}, parts...)...)
}
