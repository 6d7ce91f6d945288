package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// zipCheckpoint is a checkpoint of PyTorch 1.6 and later: NAME/data.pkl with
// the objects and NAME/data/KEY with a storage each. torch.save compresses
// nothing, so that a storage is a part of the file as it is.
type zipCheckpoint struct {
	file    io.ReaderAt
	size    int64
	folder  string
	entries map[string]*zip.File
	known   map[string]storageView
}

func openZip(r io.ReaderAt, size int64) (*zipCheckpoint, error) {
	m := &metered{ReaderAt: r, left: maxZipDirectory}
	archive, err := zip.NewReader(m, size)
	m.listed = true
	if err != nil {
		return nil, fmt.Errorf("its zip archive is broken, perhaps cut short: %w", err)
	}
	if len(archive.File) > 2*maxTensors {
		return nil, fmt.Errorf("its zip archive has %d entries, more than %d", len(archive.File), 2*maxTensors)
	}
	z := &zipCheckpoint{file: r, size: size, entries: map[string]*zip.File{}, known: map[string]storageView{}}
	found := false
	for _, f := range archive.File {
		if z.entries[f.Name] != nil {
			return nil, fmt.Errorf("its zip archive has two entries %.80q", f.Name)
		}
		z.entries[f.Name] = f
		if folder, ok := strings.CutSuffix(f.Name, "/data.pkl"); ok && !strings.Contains(folder, "/") {
			if found {
				return nil, errors.New("its zip archive holds two checkpoints")
			}
			z.folder, found = folder, true
		}
	}
	if !found {
		return nil, errors.New("its zip archive holds no data.pkl, so torch.save did not write it")
	}
	return z, z.checkByteOrder()
}

// checkByteOrder wants little-endian elements. Before PyTorch 2.1 nothing is
// said and they are.
func (z *zipCheckpoint) checkByteOrder() error {
	f := z.entries[z.folder+"/byteorder"]
	if f == nil {
		return nil
	}
	at, n, err := z.place(f)
	if err != nil {
		return err
	}
	text := make([]byte, min(n, 16))
	if _, err := z.file.ReadAt(text, at); err != nil {
		return fmt.Errorf("reading its byte order: %w", err)
	}
	if string(text) != "little" {
		return fmt.Errorf("its elements are in byte order %.16q, only little is read", text)
	}
	return nil
}

// place is where an entry's bytes begin and how many there are.
func (z *zipCheckpoint) place(f *zip.File) (at, n int64, err error) {
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 || f.Flags&1 != 0 {
		return 0, 0, fmt.Errorf("its entry %.80q is compressed or encrypted, which torch.save never does: save it again by torch.save", f.Name)
	}
	if at, err = f.DataOffset(); err != nil {
		return 0, 0, fmt.Errorf("its zip entry %.80q is broken: %w", f.Name, err)
	}
	if f.UncompressedSize64 > uint64(z.size) || at < 0 || at > z.size-int64(f.UncompressedSize64) {
		return 0, 0, fmt.Errorf("its zip entry %.80q reaches beyond the file", f.Name)
	}
	return at, int64(f.UncompressedSize64), nil
}

func (z *zipCheckpoint) unpickle() (any, error) {
	f := z.entries[z.folder+"/data.pkl"]
	at, n, err := z.place(f)
	if err != nil {
		return nil, err
	}
	if n > maxPickle {
		return nil, fmt.Errorf("its pickle has %d bytes, more than %d", n, maxPickle)
	}
	if err := z.checksum(f); err != nil {
		return nil, err
	}
	return unpickle(newPickleReader(z.file, at, n), z.storage)
}

// storage finds the entry of a storage.
func (z *zipCheckpoint) storage(id tuple) (any, error) {
	ref, err := parseStorageID(id)
	if err != nil {
		return nil, err
	}
	if s, ok := z.known[ref.key]; ok {
		return s, s.sameAs(ref)
	}
	f := z.entries[z.folder+"/data/"+ref.key]
	if f == nil {
		return nil, fmt.Errorf("the storage %.80q is missing", ref.key)
	}
	at, n, err := z.place(f)
	if err != nil {
		return nil, err
	}
	if n%ref.kind.size() != 0 || n/ref.kind.size() != ref.elements {
		return nil, fmt.Errorf("the storage %.80q has %d bytes, not %d elements of %s", ref.key, n, ref.elements, ref.kind)
	}
	s := storageView{
		storage:  &storage{key: ref.key, kind: ref.kind, elements: ref.elements, file: z.file, at: at},
		elements: ref.elements,
	}
	z.known[ref.key] = s
	return s, nil
}

// verify holds the storages of tensors against their checksums.
func (z *zipCheckpoint) verify(tensors []*StoredTensor) error {
	left := z.size
	done := map[*storage]bool{}
	for _, t := range tensors {
		if done[t.storage] {
			continue
		}
		done[t.storage] = true
		f := z.entries[z.folder+"/data/"+t.storage.key]
		if left -= int64(f.UncompressedSize64); left < 0 {
			return errors.New("its zip entries lie upon each other")
		}
		if err := z.checksum(f); err != nil {
			return err
		}
	}
	return nil
}

func (z *zipCheckpoint) checksum(f *zip.File) error {
	at, n, err := z.place(f)
	if err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(z.file, at, n)); err != nil {
		return fmt.Errorf("reading its zip entry %.80q: %w", f.Name, err)
	}
	if sum.Sum32() != f.CRC32 {
		return fmt.Errorf("its zip entry %.80q is damaged: its checksum does not hold", f.Name)
	}
	return nil
}

// maxZipDirectory is how much of a file is read to list it as a zip: an entry
// takes about 300 bytes of memory and no fewer than 46 in the file.
const maxZipDirectory = 16 << 20

// metered gives no more than so many bytes, until the zip is listed.
type metered struct {
	io.ReaderAt
	left   int64
	listed bool
}

func (m *metered) ReadAt(p []byte, at int64) (int, error) {
	if m.listed {
		return m.ReaderAt.ReadAt(p, at)
	}
	if m.left -= int64(len(p)); m.left < 0 {
		return 0, errors.New("its directory is too large")
	}
	return m.ReaderAt.ReadAt(p, at)
}
