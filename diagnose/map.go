package diagnose

import (
	"image"
	"math"

	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/picture"
)

// Map is a slice's activation map, kept in bytes: a study has hundreds.
type Map struct {
	width, height int
	levels        []uint8
	plan          network.Plan
	slice         image.Rectangle
	view          image.Rectangle // the part of the slice that the network saw
	shown         image.Point     // the size that it was shown in
}

func newMap(m network.ActivationMap, p network.Plan, slice, view image.Rectangle, shown image.Point) *Map {
	k := &Map{shown: shown, width: m.Width, height: m.Height, plan: p, slice: slice, view: view, levels: make([]uint8, len(m.Values))}
	for i, v := range m.Values {
		k.levels[i] = uint8(math.Round(255 * float64(min(max(v, 0), 1))))
	}
	return k
}

// OnSlice is the map at the size of its slice, 0 to 1, row by row; 0 where the
// network did not look.
func (m *Map) OnSlice() []float32 {
	values := make([]float32, len(m.levels))
	for i, v := range m.levels {
		values[i] = float32(v) / 255
	}
	whole := network.ActivationMap{Width: m.width, Height: m.height, Values: values}
	seen := whole.OnSource(m.plan, m.shown.X, m.shown.Y)
	if m.shown != m.view.Size() {
		seen = picture.ResizeOpenCVFloat(seen, m.shown.X, m.shown.Y, m.view.Dx(), m.view.Dy())
	}
	if m.view == m.slice {
		return seen
	}
	width := m.slice.Dx()
	out := make([]float32, width*m.slice.Dy())
	for y := range m.view.Dy() {
		at := (m.view.Min.Y+y)*width + m.view.Min.X
		copy(out[at:at+m.view.Dx()], seen[y*m.view.Dx():])
	}
	return out
}

// inLung is the share of the map that lies in the lungs' hull widened by margin,
// nil of an empty map, and the share of what the network saw that the hull takes.
func (m *Map) inLung(p place, margin float64) (share *float64, ofView float64) {
	hull := p.lungs.Hull(p.slice, margin)
	inside, all, cells := 0.0, 0.0, 0
	for y := m.view.Min.Y; y < m.view.Max.Y; y++ {
		for x := m.view.Min.X; x < m.view.Max.X; x++ {
			if hull(x-m.slice.Min.X, y-m.slice.Min.Y) {
				cells++
			}
		}
	}
	if n := m.view.Dx() * m.view.Dy(); n > 0 {
		ofView = float64(cells) / float64(n)
	}
	width, values := m.slice.Dx(), m.OnSlice()
	for y := range m.slice.Dy() {
		for x, v := range values[y*width:][:width] {
			if v == 0 {
				continue
			}
			all += float64(v)
			if hull(x, y) {
				inside += float64(v)
			}
		}
	}
	if all == 0 {
		return nil, ofView
	}
	return pointer(inside / all), ofView
}
