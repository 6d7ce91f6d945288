package ct

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// WriteNIfTI writes a volume as NIfTI-1, uncompressed: int16 Hounsfield units,
// little endian, its affine as sform (scanner coordinates, millimetres) and, where
// its axes stand at right angles, as qform too. A volume without millimetres is
// an error, as is one with more than 32,767 voxels along an axis.
func WriteNIfTI(w io.Writer, v *Volume) error {
	if err := v.Check(); err != nil {
		return fmt.Errorf("write NIfTI: %w", err)
	}
	return writeNIfTI(w, v, niftiInt16, func(i int, b []byte) []byte {
		for _, hu := range v.Slice(i) {
			b = binary.LittleEndian.AppendUint16(b, uint16(hu))
		}
		return b
	})
}

// WriteNIfTIMask writes a mask on a volume's grid as [WriteNIfTI] does the
// volume, as uint8. The mask has a value for each voxel, columns fastest; of the
// volume only sizes and affine count.
func WriteNIfTIMask(w io.Writer, grid *Volume, mask []uint8) error {
	plane := grid.Columns * grid.Rows
	if len(mask) != plane*grid.Slices {
		return fmt.Errorf("write NIfTI: a mask of %d values for %d x %d x %d voxels", len(mask), grid.Columns, grid.Rows, grid.Slices)
	}
	return writeNIfTI(w, grid, niftiUint8, func(i int, b []byte) []byte {
		return append(b, mask[i*plane:(i+1)*plane]...)
	})
}

// CreateNIfTI writes a volume to a file, gzipped where its name ends in .gz. The
// bytes are the same every time. Nothing is left where that fails.
func CreateNIfTI(name string, v *Volume) error {
	return createNIfTI(name, func(w io.Writer) error { return WriteNIfTI(w, v) })
}

// CreateNIfTIMask writes a mask as [CreateNIfTI] does a volume.
func CreateNIfTIMask(name string, grid *Volume, mask []uint8) error {
	return createNIfTI(name, func(w io.Writer) error { return WriteNIfTIMask(w, grid, mask) })
}

func createNIfTI(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write NIfTI: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("write NIfTI: %w", closeErr)
		}
		if err != nil {
			os.Remove(name)
		}
	}()
	if !strings.HasSuffix(name, ".gz") {
		return write(f)
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed) // noise hardly packs better
	if err != nil {
		return fmt.Errorf("write NIfTI: %w", err)
	}
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write NIfTI: %w", err)
	}
	return nil
}

// writeNIfTI writes header and slices; slice appends the bytes of one.
func writeNIfTI(w io.Writer, v *Volume, kind niftiType, slice func(i int, b []byte) []byte) error {
	header, err := newNIfTIHeader(v, kind)
	if err != nil {
		return fmt.Errorf("write NIfTI: %w", err)
	}
	buffered := bufio.NewWriter(w)
	buffered.Write(header)
	b := make([]byte, 0, v.Columns*v.Rows*kind.bytes())
	for i := range v.Slices {
		b = slice(i, b[:0])
		if _, err := buffered.Write(b); err != nil {
			return fmt.Errorf("write NIfTI: %w", err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write NIfTI: %w", err)
	}
	return nil
}

// newNIfTIHeader returns the 352 bytes before the voxels of a NIfTI-1 file.
func newNIfTIHeader(v *Volume, kind niftiType) ([]byte, error) {
	x, y, _, ok := v.SpacingMM()
	if !ok {
		return nil, fmt.Errorf("a volume without millimetres has no place in a NIfTI file")
	}
	b := make([]byte, nifti1Data)
	order := binary.LittleEndian
	short := func(at, value int) { order.PutUint16(b[at:], uint16(value)) }
	float := func(at int, value float64) { order.PutUint32(b[at:], math.Float32bits(float32(value))) }

	order.PutUint32(b, nifti1Size)
	short(40, 3)
	for i, n := range [3]int{v.Columns, v.Rows, v.Slices} {
		if n < 1 || n > math.MaxInt16 {
			return nil, fmt.Errorf("%d voxels along an axis: NIfTI-1 holds 1 to %d", n, math.MaxInt16)
		}
		short(42+2*i, n)
	}
	for i := 3; i < 7; i++ {
		short(42+2*i, 1)
	}
	short(70, int(kind))
	short(72, 8*kind.bytes())
	for i, size := range [3]float64{x, y, norm(v.axis(2))} {
		float(80+4*i, size)
	}
	float(108, nifti1Data)
	float(112, 1) // slope
	b[123] = niftiMillimetres
	copy(b[148:], "jcs")

	ras := mirrorXY(v.Affine)
	if q, ok := quaternionOf(ras); ok {
		short(252, niftiScanner)
		float(76, q.factor)
		for i, part := range [3]float64{q.b, q.c, q.d} {
			float(256+4*i, part)
		}
		for i := range 3 {
			float(268+4*i, ras[i][3])
		}
	} else {
		float(76, 1)
	}
	short(254, niftiScanner)
	for i := range 3 {
		for j := range 4 {
			float(280+16*i+4*j, ras[i][j])
		}
	}
	copy(b[344:], "n+1\x00")
	return b, nil
}
