package report

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"

	"github.com/klauspost/compress/zlib"
)

// pngOf writes a picture as PNG. A study has hundreds of large ones: they take
// a quarter of the time that image/png needs, which tries every filter on every
// row and has the standard library's deflate, and come out smaller. Pictures
// that are neither opaque RGBA nor grey go to image/png.
func pngOf(m image.Image) func(io.Writer) error {
	return func(w io.Writer) error {
		switch m := m.(type) {
		case *image.RGBA:
			if m.Opaque() {
				return encodePNG(w, m.Rect.Size(), pngTrueColour, 3, func(line []byte, y int) {
					row := m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:4*m.Rect.Dx()]
					for i, o := 0, 0; i+3 < len(row) && o+2 < len(line); i, o = i+4, o+3 {
						line[o], line[o+1], line[o+2] = row[i], row[i+1], row[i+2]
					}
				})
			}
		case *image.Gray:
			return encodePNG(w, m.Rect.Size(), pngGrey, 1, func(line []byte, y int) {
				copy(line, m.Pix[m.PixOffset(m.Rect.Min.X, m.Rect.Min.Y+y):][:m.Rect.Dx()])
			})
		}
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		return e.Encode(w, m)
	}
}

// Colour types and the filter that is used (Portable Network Graphics, W3C, 11.2.2
// and 9.2): each byte less the one above it.
const (
	pngGrey       = 0
	pngTrueColour = 2
	filterUp      = 2
)

// encodePNG writes rows of so many bytes a pixel, 8 bits a sample. fill gives a
// row, for which there are rowSpare bytes more than it has.
func encodePNG(w io.Writer, size image.Point, colour byte, bytes int, fill func(line []byte, y int)) error {
	if size.X <= 0 || size.Y <= 0 {
		return fmt.Errorf("a picture of %d x %d pixels cannot be a PNG", size.X, size.Y)
	}
	if _, err := io.WriteString(w, "\x89PNG\r\n\x1a\n"); err != nil {
		return err
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(size.X))
	header = binary.BigEndian.AppendUint32(header, uint32(size.Y))
	header = append(header, 8, colour, 0, 0, 0)
	if err := writeChunk(w, "IHDR", header); err != nil {
		return err
	}
	out := bufio.NewWriterSize(chunks{w}, 1<<15)
	z, err := zlib.NewWriterLevel(out, zlib.BestSpeed)
	if err != nil {
		return err
	}
	n := size.X * bytes
	line, above, filtered := make([]byte, n+rowSpare), make([]byte, n+rowSpare), make([]byte, 1+n+rowSpare)
	filtered[0] = filterUp
	for y := range size.Y {
		fill(line, y)
		for i := 0; i < n; i += 8 {
			a, b := binary.NativeEndian.Uint64(line[i:]), binary.NativeEndian.Uint64(above[i:])
			binary.NativeEndian.PutUint64(filtered[1+i:], lessBytes(a, b))
		}
		if _, err := z.Write(filtered[:1+n]); err != nil {
			return err
		}
		line, above = above, line
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return writeChunk(w, "IEND", nil)
}

// rowSpare lets whole words be read and written at a row's end.
const rowSpare = 8

// lessBytes takes each byte of b from that of a, without borrowing from the next.
func lessBytes(a, b uint64) uint64 {
	const top = 0x8080808080808080
	return (a | top - b&^top) ^ (a^^b)&top
}

// chunks writes whatever it is given as chunks of pixel data.
type chunks struct{ w io.Writer }

func (c chunks) Write(data []byte) (int, error) {
	if err := writeChunk(c.w, "IDAT", data); err != nil {
		return 0, err
	}
	return len(data), nil
}

// writeChunk writes length, type, data and checksum.
func writeChunk(w io.Writer, kind string, data []byte) error {
	chunk := make([]byte, 0, 12+len(data))
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(len(data)))
	chunk = append(append(chunk, kind...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	_, err := w.Write(chunk)
	return err
}
