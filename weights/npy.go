package weights

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// WriteNPY writes a tensor as a NumPy file of version 1.0: little-endian
// float32 in row-major order.
func WriteNPY(w io.Writer, t Tensor) error {
	axes := make([]string, len(t.Shape))
	for i, n := range t.Shape {
		axes[i] = fmt.Sprintf("%d,", n)
	}
	const magic = "\x93NUMPY\x01\x00"
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", strings.Join(axes, " "))
	used := len(magic) + 2 + len(header) + 1
	header += strings.Repeat(" ", (64-used%64)%64) + "\n" // data begins at a multiple of 64
	out := bufio.NewWriter(w)
	head := binary.LittleEndian.AppendUint16([]byte(magic), uint16(len(header)))
	out.Write(append(head, header...))
	writeData(out, t.Data)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing a NumPy file: %w", err)
	}
	return nil
}
