package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
)

// Write writes a safetensors file. Tensors without a type of their own are
// written as d. The same file gives the same bytes: the header follows
// f.Order, metadata is sorted, and the data of wider types comes first so that
// every tensor is aligned.
func Write(w io.Writer, f *File, d DType) error {
	entries, err := layOut(f, d)
	if err != nil {
		return fmt.Errorf("writing safetensors: %w", err)
	}
	header, err := marshalHeader(f.Metadata, entries)
	if err != nil {
		return fmt.Errorf("writing safetensors: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<20)
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	out.Write(length[:])
	out.Write(header)
	for _, e := range byOffset(entries) {
		if err := encode(out, f.Tensors[e.name].Data, e.DType); err != nil {
			return fmt.Errorf("writing safetensors: tensor %q: %w", e.name, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing safetensors: %w", err)
	}
	return nil
}

// layOut gives every tensor its type and place, in the order of f.Order.
func layOut(f *File, d DType) ([]entry, error) {
	if len(f.Order) != len(f.Tensors) {
		return nil, fmt.Errorf("the order names %d tensors of %d", len(f.Order), len(f.Tensors))
	}
	entries := make([]entry, 0, len(f.Order))
	for _, name := range f.Order {
		t, ok := f.Tensors[name]
		if !ok {
			return nil, fmt.Errorf("the order names %q, which is not there", name)
		}
		e := entry{name: name, DType: t.DType, Shape: make([]int64, len(t.Shape))}
		if e.DType == "" {
			e.DType = d
		}
		elements := 1
		for i, n := range t.Shape {
			e.Shape[i], elements = int64(n), elements*n
		}
		if e.DType.size() == 0 || elements != len(t.Data) || name == metadataKey {
			return nil, fmt.Errorf("tensor %q: type %q, shape %v and %d values do not go together", name, e.DType, t.Shape, len(t.Data))
		}
		entries = append(entries, e)
	}
	widest := make([]int, len(entries))
	for i := range widest {
		widest[i] = i
	}
	slices.SortStableFunc(widest, func(a, b int) int { return entries[b].DType.size() - entries[a].DType.size() })
	at := uint64(0)
	for _, i := range widest {
		size := uint64(len(f.Tensors[entries[i].name].Data) * entries[i].DType.size())
		entries[i].Offsets = [2]uint64{at, at + size}
		at += size
	}
	return entries, nil
}

// marshalHeader is the header's JSON, filled with spaces to a multiple of 8.
func marshalHeader(metadata map[string]string, entries []entry) ([]byte, error) {
	var b bytes.Buffer
	field := func(name string, value any) error {
		if b.Len() > 0 {
			b.WriteByte(',')
		} else {
			b.WriteByte('{')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(text)
		return nil
	}
	if len(metadata) > 0 {
		if err := field(metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	for _, e := range entries {
		if err := field(e.name, e); err != nil {
			return nil, err
		}
	}
	if b.Len() == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	return b.Bytes(), nil
}

// encode narrows and writes elements little-endian. Write errors of a
// bufio.Writer stick and surface in Flush.
func encode(w *bufio.Writer, values []float32, d DType) error {
	little := binary.LittleEndian
	var b [8]byte
	for i, v := range values {
		switch d {
		case F32:
			little.PutUint32(b[:], math.Float32bits(v))
		case F16, BF16:
			narrow := floatToHalf
			if d == BF16 {
				narrow = floatToBfloat
			}
			h, err := narrow(v)
			if err != nil {
				return fmt.Errorf("value %d: %w", i, err)
			}
			little.PutUint16(b[:], h)
		case I64:
			if float32(int64(v)) != v {
				return fmt.Errorf("value %d is %g, not an integer", i, v)
			}
			little.PutUint64(b[:], uint64(int64(v)))
		}
		w.Write(b[:d.size()])
	}
	return nil
}
