// Package checkpointtest writes PyTorch checkpoints as torch.save does, for
// the tests of what reads them. It is no part of the program.
package checkpointtest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
)

// Tensor is one entry of a state dict: contiguous float32.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Zip is a checkpoint in the format of PyTorch 1.6 and later: the state dict
// alone, or a dict that has it under a key.
func Zip(key string, tensors []Tensor) ([]byte, error) {
	entries := map[string][]byte{"toy/data.pkl": pickle(key, tensors, false)}
	names := []string{"toy/data.pkl"}
	for i, t := range tensors {
		name := "toy/data/" + strconv.Itoa(i)
		names, entries[name] = append(names, name), raw(t.Data)
	}
	return Archive(names, entries)
}

// Archive is a zip archive of entries that are not compressed.
func Archive(names []string, entries map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		data := entries[name]
		f, err := w.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(data),
			CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
		})
		if err != nil {
			return nil, fmt.Errorf("writing a zip archive: %w", err)
		}
		if _, err := f.Write(data); err != nil {
			return nil, fmt.Errorf("writing a zip archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("writing a zip archive: %w", err)
	}
	return b.Bytes(), nil
}

// Legacy is a checkpoint in the format before PyTorch 1.6.
func Legacy(key string, tensors []Tensor) []byte {
	keys := []byte("\x80\x02](")
	var storages []byte
	for i, t := range tensors {
		keys = append(keys, text(strconv.Itoa(i))...)
		storages = binary.LittleEndian.AppendUint64(storages, uint64(len(t.Data)))
		storages = append(storages, raw(t.Data)...)
	}
	return LegacyFile(pickle(key, tensors, true), append(keys, "e."...), storages)
}

// LegacyFile puts the parts of a legacy checkpoint together: the pickle of its
// objects, that of the storages' keys, and the storages.
func LegacyFile(objects, keys, storages []byte) []byte {
	b := []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + "\x80\x02M\xe9\x03." + "\x80\x02}")
	b = append(append(b, text("little_endian")...), "\x88s."...)
	return append(append(append(b, objects...), keys...), storages...)
}

// pickle is the pickle of the objects.
func pickle(key string, tensors []Tensor, legacy bool) []byte {
	b := []byte("\x80\x02")
	if key != "" {
		b = append(append(append(b, '}'), text("epoch")...), "K\x03s"...)
		b = append(b, text(key)...)
	}
	b = append(b, "ccollections\nOrderedDict\n)R("...)
	for i, t := range tensors {
		b = append(b, text(t.Name)...)
		b = append(b, "ctorch._utils\n_rebuild_tensor_v2\n(("...)
		b = append(append(b, text("storage")...), "ctorch\nFloatStorage\n"...)
		b = append(append(b, text(strconv.Itoa(i))...), text("cpu")...)
		b = append(b, number(len(t.Data))...)
		if legacy {
			b = append(b, 'N')
		}
		b = append(b, "tQK\x00"...)
		strides := make([]int, len(t.Shape))
		for axis, n := len(strides)-1, 1; axis >= 0; axis-- {
			strides[axis] = n
			n *= t.Shape[axis]
		}
		for _, list := range [][]int{t.Shape, strides} {
			b = append(b, '(')
			for _, n := range list {
				b = append(b, number(n)...)
			}
			b = append(b, 't')
		}
		b = append(b, "\x89ccollections\nOrderedDict\n)RtR"...)
	}
	b = append(b, 'u')
	if key != "" {
		b = append(b, 's')
	}
	return append(b, '.')
}

func text(s string) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{'X'}, uint32(len(s))), s...)
}

func number(n int) []byte {
	return binary.LittleEndian.AppendUint32([]byte{'J'}, uint32(n))
}

func raw(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
