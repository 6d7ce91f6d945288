package ct

import (
	"encoding/binary"
	"math"
)

// niftiType is NIfTI's code for the kind of a voxel (nifti1.h, DT_...).
type niftiType int

const (
	niftiUint8   niftiType = 2
	niftiInt16   niftiType = 4
	niftiInt32   niftiType = 8
	niftiFloat32 niftiType = 16
	niftiFloat64 niftiType = 64
	niftiInt8    niftiType = 256
	niftiUint16  niftiType = 512
	niftiUint32  niftiType = 768
	niftiInt64   niftiType = 1024
	niftiUint64  niftiType = 1280
)

// bytes returns the size of a voxel, 0 for kinds that are not read.
func (k niftiType) bytes() int {
	switch k {
	case niftiUint8, niftiInt8:
		return 1
	case niftiInt16, niftiUint16:
		return 2
	case niftiInt32, niftiUint32, niftiFloat32:
		return 4
	case niftiFloat64, niftiInt64, niftiUint64:
		return 8
	}
	return 0
}

// name says what voxels are that are not read.
func (k niftiType) name() string {
	switch k {
	case 1:
		return "single bits"
	case 32, 1792, 2048:
		return "complex numbers"
	case 128, 2304:
		return "colours"
	default:
		return "of an unknown kind"
	}
}

// value returns the function that reads a voxel as a number.
func (k niftiType) value(order binary.ByteOrder) func(b []byte) float64 {
	switch k {
	case niftiUint8:
		return func(b []byte) float64 { return float64(b[0]) }
	case niftiInt8:
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case niftiInt16:
		return func(b []byte) float64 { return float64(int16(order.Uint16(b))) }
	case niftiUint16:
		return func(b []byte) float64 { return float64(order.Uint16(b)) }
	case niftiInt32:
		return func(b []byte) float64 { return float64(int32(order.Uint32(b))) }
	case niftiUint32:
		return func(b []byte) float64 { return float64(order.Uint32(b)) }
	case niftiInt64:
		return func(b []byte) float64 { return float64(int64(order.Uint64(b))) }
	case niftiUint64:
		return func(b []byte) float64 { return float64(order.Uint64(b)) }
	case niftiFloat64:
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	default:
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	}
}

// niftiScale turns stored voxels into Hounsfield units, rounded to nearest. What
// is no number, and what lies below air, becomes [Air].
type niftiScale struct {
	bytes        int
	value        func(b []byte) float64
	slope, inter float64
	order        binary.ByteOrder
	table        []int16 // of the 8 and 16-bit kinds, by their bits; nil for others and for few voxels
	missing      int64   // voxels that were no number
}

// fewVoxels are not worth a table.
const fewVoxels = 1 << 11

func newNIfTIScale(h *niftiHeader) *niftiScale {
	s := &niftiScale{bytes: h.kind.bytes(), value: h.kind.value(h.order), slope: h.slope, inter: h.inter, order: h.order}
	if s.bytes <= 2 && h.voxels() > fewVoxels {
		table := make([]int16, 1<<(8*s.bytes))
		var b [2]byte
		for i := range table {
			if s.bytes == 1 {
				b[0] = byte(i)
			} else {
				h.order.PutUint16(b[:], uint16(i))
			}
			table[i] = s.hounsfield(b[:])
		}
		s.table = table
	}
	return s
}

func (s *niftiScale) hounsfield(b []byte) int16 {
	hu := math.Round(s.slope*s.value(b) + s.inter)
	if math.IsNaN(hu) || math.IsInf(hu, 0) {
		s.missing++
		return Air
	}
	return int16(max(Air, min(hu, math.MaxInt16)))
}

// apply converts voxels; b has s.bytes bytes for each of dst.
func (s *niftiScale) apply(dst []int16, b []byte) {
	switch {
	case s.table == nil:
		for i := range dst {
			dst[i] = s.hounsfield(b[s.bytes*i:])
		}
	case s.bytes == 1:
		for i := range dst {
			dst[i] = s.table[b[i]]
		}
	case s.order == binary.ByteOrder(binary.LittleEndian):
		for i := range dst {
			dst[i] = s.table[binary.LittleEndian.Uint16(b[2*i:])]
		}
	default:
		for i := range dst {
			dst[i] = s.table[binary.BigEndian.Uint16(b[2*i:])]
		}
	}
}
