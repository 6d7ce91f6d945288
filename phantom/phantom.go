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
// middle of the volume: x to the left, y to the back, z to the head, in mm; the
// first slice is the lowest. The error is the configuration's or the context's.
func New(ctx context.Context, c Config) (*ct.Volume, *Truth, error) {
	c, err := c.orDefaults()
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
	for k := range c.Slices {
		v.Sources = append(v.Sources, ct.Source{
			File: fileName(k), InstanceUID: c.uid("slice", strconv.Itoa(k)),
			PositionMM: v.Affine[2][3] + float64(k)*c.SliceMM, HasPosition: true,
		})
	}
	t := &Truth{Schema: "jcs.phantom/1", Seed: c.Seed, Lung: make([]uint8, len(v.HU)), Lesion: make([]uint8, len(v.HU))}
	a := newAnatomy(c)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), c.Slices) {
		group.Go(func() {
			for k := int(next.Add(1)) - 1; k < c.Slices && ctx.Err() == nil; k = int(next.Add(1)) - 1 {
				a.slice(c, v.Slice(k), t.Lung[k*plane:(k+1)*plane], t.Lesion[k*plane:(k+1)*plane], k)
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	t.measure(v, a.lesions)
	return v, t, nil
}

// sectionMM is the thickness of the sections that a slice is the mean of.
const sectionMM = 1.7

// slice paints slice k: the mean of thin sections, softened, with noise. Labels
// are those of its middle.
func (a *anatomy) slice(c Config, hu []int16, lung, lesion []uint8, k int) {
	p := c.plane()
	sections := max(1, int(math.Round(c.SliceMM/sectionMM))) | 1 // odd: one is the middle
	sum, scratch := make([]float32, len(hu)), make([]float32, len(hu))
	for s := range sections {
		p.z = c.z(k) + c.SliceMM*((float64(s)+0.5)/float64(sections)-0.5)
		clear(p.lung)
		clear(p.lesion)
		a.paint(p)
		for i, v := range p.hu {
			sum[i] += v
		}
		if s == sections/2 {
			copy(lung, p.lung)
			copy(lesion, p.lesion)
		}
	}
	for i := range sum {
		p.hu[i] = sum[i] / float32(sections)
	}
	copy(p.lung, lung)
	soften(p.hu, scratch, c.Columns, c.Rows)
	addNoise(p, c.NoiseHU, rand.New(rand.NewPCG(c.Seed, uint64(k)+1)))
	for i, v := range p.hu {
		hu[i] = int16(max(ct.Air, min(3071, math.Round(float64(v)))))
	}
}

func (c Config) plane() *plane {
	n := c.Columns * c.Rows
	m := c.affine()
	return &plane{
		columns: c.Columns, rows: c.Rows, pixel: c.PixelMM, x0: m[0][3], y0: m[1][3],
		hu: make([]float32, n), lung: make([]uint8, n), lesion: make([]uint8, n),
	}
}

func (c Config) affine() [4][4]float64 {
	from := func(n int, spacing float64) float64 { return -float64(n-1) / 2 * spacing }
	return [4][4]float64{
		{c.PixelMM, 0, 0, from(c.Columns, c.PixelMM)},
		{0, c.PixelMM, 0, from(c.Rows, c.PixelMM)},
		{0, 0, c.SliceMM, from(c.Slices, c.SliceMM)},
		{0, 0, 0, 1},
	}
}

func (c Config) z(k int) float64 { return c.affine()[2][3] + float64(k)*c.SliceMM }

// uid makes an identifier that belongs to the whole configuration.
func (c Config) uid(parts ...string) string {
	return dcmtk.UID(append([]string{"jcs phantom", fmt.Sprintf("%+v", c)}, parts...)...)
}
