package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Read reads a safetensors file of at most limit bytes. Memory is taken only
// as data arrives, so a short file cannot ask for much. What does not follow
// the format to the letter is refused: names given twice, holes, overlaps,
// unknown types, bytes after the end.
func Read(r io.Reader, limit int64) (*File, error) {
	var length [8]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, fmt.Errorf("reading safetensors: the file is shorter than 8 bytes: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n < 2 || n > maxHeader || int64(n) > limit-8 {
		return nil, fmt.Errorf("reading safetensors: a header of %d bytes is not possible (at most %d): is it a safetensors file?", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("reading safetensors: the file ends within its header: %w", err)
	}
	metadata, entries, err := parseHeader(text, uint64(limit)-8-n)
	if err != nil {
		return nil, fmt.Errorf("reading safetensors: %w", err)
	}
	f := NewFile()
	if metadata != nil {
		f.Metadata = metadata
	}
	for _, e := range byOffset(entries) {
		t, err := readTensor(r, e)
		if err != nil {
			return nil, fmt.Errorf("reading safetensors: tensor %.80q: %w", e.name, err)
		}
		f.Tensors[e.name] = t
	}
	for _, e := range entries {
		f.Order = append(f.Order, e.name)
	}
	if _, err := io.ReadFull(r, text[:1]); err == nil {
		return nil, errors.New("reading safetensors: the file goes on after its last tensor")
	} else if err != io.EOF {
		return nil, fmt.Errorf("reading safetensors: %w", err)
	}
	return f, nil
}

const chunk = 1 << 18 // elements that are read at once

func readTensor(r io.Reader, e entry) (Tensor, error) {
	t := Tensor{Shape: make([]int, len(e.Shape)), DType: e.DType}
	for i, n := range e.Shape {
		t.Shape[i] = int(n)
	}
	width := e.DType.size()
	elements := int(e.Offsets[1]-e.Offsets[0]) / width
	buffer := make([]byte, width*min(elements, chunk))
	for done := 0; done < elements; {
		n := min(elements-done, chunk)
		if _, err := io.ReadFull(r, buffer[:n*width]); err != nil {
			return t, fmt.Errorf("the file ends within it: %w", err)
		}
		if done+n > cap(t.Data) { // never more than twice what was there
			t.Data = slices.Grow(t.Data, min(elements, max(2*done, n))-done)
		}
		t.Data = t.Data[:done+n]
		if err := decode(t.Data[done:], buffer, e.DType); err != nil {
			return t, err
		}
		done += n
	}
	if t.Data == nil {
		t.Data = []float32{}
	}
	return t, nil
}

// maxCount is up to where float32 holds every integer.
const maxCount = 1 << 24

// decode widens little-endian elements.
func decode(dst []float32, src []byte, d DType) error {
	little := binary.LittleEndian
	for i := range dst {
		switch d {
		case F32:
			dst[i] = math.Float32frombits(little.Uint32(src[4*i:]))
		case F16:
			dst[i] = halfToFloat(little.Uint16(src[2*i:]))
		case BF16:
			dst[i] = bfloatToFloat(little.Uint16(src[2*i:]))
		case I64:
			n := int64(little.Uint64(src[8*i:]))
			if n < -maxCount || n > maxCount {
				return fmt.Errorf("the counter %d is beyond what float32 can hold exactly", n)
			}
			dst[i] = float32(n)
		default:
			return fmt.Errorf("type %q is not read", d)
		}
	}
	return nil
}
