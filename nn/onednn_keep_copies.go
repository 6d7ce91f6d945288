//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

// conversion is a reorder that was made already.
type conversion struct {
	slot   *slot
	layout *onednn.Layout
}

// kept is the copy of a tensor in a layout, in steps worth scale, that an
// earlier operation had made.
func (l *lowering) kept(t tensor, want *onednn.Layout, scale float32) (tensor, bool) {
	for c, have := range l.converted {
		if c.slot == t.slot && c.layout == t.layout && have.scale == scale && have.layout.Equal(want) {
			return have, true
		}
	}
	return tensor{}, false
}

// keepCopy has later operations find a copy of a tensor.
func (l *lowering) keepCopy(of, is tensor) {
	if l.takes(KeepCopies) {
		l.converted[conversion{of.slot, of.layout}] = is
	}
}

// forget drops conversions to and from memory that is about to be overwritten.
// A conversion from it into other memory would still hold what it was made
// from, which nobody reads again.
func (l *lowering) forget(s *slot) {
	for c, t := range l.converted {
		if c.slot == s || t.slot == s {
			delete(l.converted, c)
		}
	}
}
