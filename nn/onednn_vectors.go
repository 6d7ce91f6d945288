//go:build cgo

package nn

import "github.com/jcs-ct/jcs/internal/onednn"

// sameVector reports whether a tensor whose planes are one value each, [N C 1 1],
// has them in the same places in another layout: row-major order and channels
// last do, and so do blocks of channels that nothing pads. What pads the last
// block lies behind the values of a batch of one, so that these may be read
// without it; but it must be 0 in what is read as blocks.
func (l *lowering) sameVector(t tensor, want *onednn.Layout) bool {
	if len(t.shape) != 4 || t.shape[2] != 1 || t.shape[3] != 1 || t.layout.Type() != want.Type() {
		return false
	}
	from, to := l.formatOf(t), l.formatOf(tensor{layout: want, shape: t.shape})
	if l.err != nil || from.order == libraryOrder || to.order == libraryOrder {
		return false
	}
	padded := t.shape[1]%onednn.ChannelBlock() != 0
	switch {
	case to.order == blocked:
		return !padded || from.order == blocked
	case from.order == blocked:
		return !padded || t.shape[0] == 1
	}
	return true
}
