//go:build cgo

// Without oneDNN the networks compute in Go's heap, which this test watches.

package diagnose

import (
	"runtime"
	"testing"

	"github.com/jcs-ct/jcs/ct"
)

// long repeats the middle of a chest.
func long(slices int) *ct.Input {
	in := chest()
	short := in.Volume
	v := *short
	v.Slices, v.HU, v.Sources = slices, nil, nil
	for s := range slices {
		i := min(max(s, 2), 8)
		if s >= slices-2 {
			i = 19
		}
		v.HU = append(v.HU, short.Slice(i)...)
		v.Sources = append(v.Sources, short.Sources[0])
	}
	return &ct.Input{Kind: ct.KindDICOM, Volume: &v, Sources: v.Sources}
}

// What a run keeps, while it segments and in its result, grows by little more than the
// volume does: masks take a byte a pixel where there is any opacity, maps one
// for each pixel of the network's input.
func TestMemoryGrowsWithTheVolume(t *testing.T) {
	m := models(t, 1)
	live := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	kept := func(slices int) (most, result uint64, volume int) {
		in := long(slices)
		before := live()
		o := DefaultOptions()
		o.Workers, o.Engine.Threads = 2, 2
		o.Progress = func(stage Stage, done, total int) {
			if (stage == StageClassify || stage == StageSegment) && done == total {
				most = max(most, live()-min(before, live()))
			}
		}
		r := run(t, in, m, o)
		after := live()
		runtime.KeepAlive(r)
		return most, after - min(before, after), 2 * len(in.Volume.HU)
	}
	kept(20) // whatever is made once
	most20, result20, volume20 := kept(20)
	mostLong, resultLong, volumeLong := kept(320)
	grown := uint64(volumeLong - volume20)
	t.Logf("live at most %d and %d bytes, in the result %d and %d, volumes of %d and %d", most20, mostLong, result20, resultLong, volume20, volumeLong)
	// Of a voxel's two bytes the mask takes half, the map of 64 x 64 a quarter of
	// these 96 x 96, and the lungs, whose blocks of 1.5 mm are no larger than these
	// cells where real ones are four of them, a byte and a bit: 1.3 together, and
	// what is told of each slice. What 20 slices take at most varies by megabytes
	// with when garbage is collected.
	if mostLong-min(most20, mostLong) > grown+2*grown/5 || resultLong-min(result20, resultLong) > grown+grown/4 {
		t.Errorf("300 slices of %d bytes more took %d bytes while they were worked on, and %d in the result", grown/300, mostLong-most20, resultLong-result20)
	}
}
