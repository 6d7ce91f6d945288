package ct

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Sizes of the two forms of header, and where voxels begin at the earliest.
const (
	nifti1Size = 348
	nifti1Data = 352
	nifti2Size = 540
	nifti2Data = 544
)

// niftiHeader is what a NIfTI-1 or NIfTI-2 header says of the voxels and of
// their place (nifti1.h, nifti2.h).
type niftiHeader struct {
	order        binary.ByteOrder
	pair         bool // the voxels lie in another file, .img
	dims         []int64
	kind         niftiType
	offset       int64 // of the voxels in their file
	slope, inter float64
	units        int // of space and time
	sizes        [3]float64
	place        niftiPlace
}

// niftiMagic tells a NIfTI header by its mark: which form it has, whether its
// voxels lie in another file, and the order of its bytes.
func niftiMagic(b []byte) (form int, pair bool, order binary.ByteOrder) {
	if len(b) < nifti1Size {
		return 0, false, nil
	}
	switch mark := b[344:348]; {
	case bytes.Equal(mark, []byte("n+1\x00")):
		form = 1
	case bytes.Equal(mark, []byte("ni1\x00")):
		form, pair = 1, true
	case bytes.Equal(b[4:12], []byte("n+2\x00\r\n\x1a\n")):
		form = 2
	case bytes.Equal(b[4:12], []byte("ni2\x00\r\n\x1a\n")):
		form, pair = 2, true
	default:
		return 0, false, nil
	}
	size := uint32(nifti1Size)
	if form == 2 {
		size = nifti2Size
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(b) == size {
			return form, pair, order
		}
	}
	return 0, false, nil
}

// isNIfTI reports whether a file begins as NIfTI does; it needs its first 348
// bytes.
func isNIfTI(b []byte) bool {
	form, _, _ := niftiMagic(b)
	return form != 0
}

// parseNIfTI reads a header from the start of a file, of which it needs at most
// 544 bytes. Its errors are phrases.
func parseNIfTI(b []byte) (*niftiHeader, error) {
	form, pair, order := niftiMagic(b)
	h := &niftiHeader{order: order, pair: pair}
	switch {
	case form == 0:
		return nil, phrase("it has no NIfTI header")
	case form == 1:
		h.readFirst(fields{order, b})
	case len(b) < nifti2Size:
		return nil, phrase("its header is cut short")
	default:
		h.readSecond(fields{order, b})
	}
	if !(math.Abs(h.slope) <= math.MaxFloat32) || h.slope == 0 {
		h.slope, h.inter = 1, 0 // as nifti1.h has it for 0
	}
	if !(math.Abs(h.inter) <= math.MaxFloat32) {
		h.inter = 0
	}
	return h, h.check(form)
}

// fields reads numbers of a header in its byte order.
type fields struct {
	order binary.ByteOrder
	b     []byte
}

func (f fields) short(at int) int     { return int(int16(f.order.Uint16(f.b[at:]))) }
func (f fields) long(at int) int      { return int(int32(f.order.Uint32(f.b[at:]))) }
func (f fields) huge(at int) int64    { return int64(f.order.Uint64(f.b[at:])) }
func (f fields) float(at int) float64 { return float64(math.Float32frombits(f.order.Uint32(f.b[at:]))) }
func (f fields) double(at int) float64 {
	return math.Float64frombits(f.order.Uint64(f.b[at:]))
}

// readFirst reads the fields of NIfTI-1.
func (h *niftiHeader) readFirst(f fields) {
	for i := range max(0, min(7, f.short(40))) {
		h.dims = append(h.dims, int64(f.short(42+2*i)))
	}
	h.kind = niftiType(f.short(70))
	if at := f.float(108); at >= 0 && at < math.MaxInt32 && at == math.Trunc(at) {
		h.offset = int64(at)
	} else {
		h.offset = -1
	}
	h.slope, h.inter = f.float(112), f.float(116)
	h.units = int(f.b[123])
	h.place = niftiPlace{factor: f.float(76), qform: f.short(252), sform: f.short(254)}
	for i := range 3 {
		h.sizes[i] = f.float(80 + 4*i)
		h.place.parts[i] = f.float(256 + 4*i)
		h.place.shift[i] = f.float(268 + 4*i)
		for j := range 4 {
			h.place.rows[i][j] = f.float(280 + 16*i + 4*j)
		}
	}
}

// readSecond reads the fields of NIfTI-2.
func (h *niftiHeader) readSecond(f fields) {
	for i := range max(0, min(7, f.huge(16))) {
		h.dims = append(h.dims, f.huge(int(24+8*i)))
	}
	h.kind = niftiType(f.short(12))
	h.offset = f.huge(168)
	h.slope, h.inter = f.double(176), f.double(184)
	h.units = f.long(500)
	h.place = niftiPlace{factor: f.double(104), qform: f.long(344), sform: f.long(348)}
	for i := range 3 {
		h.sizes[i] = f.double(112 + 8*i)
		h.place.parts[i] = f.double(352 + 8*i)
		h.place.shift[i] = f.double(376 + 8*i)
		for j := range 4 {
			h.place.rows[i][j] = f.double(400 + 32*i + 8*j)
		}
	}
}

// maxNIfTIOffset is far beyond any header extension.
const maxNIfTIOffset = 16 << 20

// check refuses headers of what is no volume, and brings the rest to one form.
func (h *niftiHeader) check(form int) error {
	least := int64(nifti1Data)
	switch {
	case h.pair:
		least = 0
	case form == 2:
		least = nifti2Data
	}
	if h.offset == 0 {
		h.offset = least // as other readers take it
	}
	switch {
	case h.offset < least || h.offset > maxNIfTIOffset:
		return phrase("its header says that its voxels begin where they cannot")
	case len(h.dims) < 2:
		return phrase("it has no slices")
	case h.kind.bytes() == 0:
		return phrase("its voxels are %s, and only whole numbers and floating point numbers are CT", h.kind.name())
	}
	for i, n := range h.dims {
		switch {
		case n < 1:
			return phrase("its header declares %d voxels along axis %d", n, i+1)
		case i < 3 && n > math.MaxUint16:
			return phrase("its header declares %d voxels along axis %d, far more than a CT has", n, i+1)
		case i >= 3 && n > 1:
			return phrase("it holds %d volumes, as of several times or channels, and one is wanted", n)
		}
	}
	return nil
}

// size returns the voxels along the three axes, the fastest first.
func (h *niftiHeader) size() [3]int {
	s := [3]int{1, 1, 1}
	for i := range min(3, len(h.dims)) {
		s[i] = int(h.dims[i])
	}
	return s
}

// voxels returns their number, which is below 2^48.
func (h *niftiHeader) voxels() int64 {
	s := h.size()
	return int64(s[0]) * int64(s[1]) * int64(s[2])
}
