package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// legacyMagic begins a file of torch.save before PyTorch 1.6: the pickle of a
// number.
const legacyMagic = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

// legacyProtocol is the only version of that format.
const legacyProtocol = 1001

// readLegacy reads the pickles magic, protocol, system, objects and keys, and
// finds the storages, which follow in the order of the keys, each after the
// number of its elements.
func readLegacy(r io.ReaderAt, size int64) (any, error) {
	in := newPickleReader(r, int64(len(legacyMagic)), size-int64(len(legacyMagic)))
	protocol, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	if protocol != any(int64(legacyProtocol)) {
		return nil, fmt.Errorf("its format has version %v, only %d is known", printable(protocol), legacyProtocol)
	}
	system, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	if d, ok := system.(*dict); !ok || !d.isTrue("little_endian") {
		return nil, errors.New("its elements are not little-endian")
	}
	storages := legacyStorages{}
	root, err := unpickle(in, storages.storage)
	if err != nil {
		return nil, err
	}
	keys, err := unpickle(in, nil)
	if err != nil {
		return nil, err
	}
	l, ok := keys.(*list)
	if !ok {
		return nil, errors.New("its keys are no list")
	}
	return root, storages.locate(r, in.at(), size, l.items)
}

// printable is a value for a message.
func printable(v any) any {
	if n, ok := v.(int64); ok {
		return n
	}
	return "that is no number"
}

// isTrue reports whether the dict has True under a key.
func (d *dict) isTrue(key string) bool {
	for i, k := range d.keys {
		if k == any(key) {
			return d.values[i] == any(true)
		}
	}
	return false
}

// legacyStorages are the storages that the objects refer to, by key.
type legacyStorages map[string]*storage

// storage notes a storage. Where it lies is known only after the last pickle.
func (l legacyStorages) storage(id tuple) (any, error) {
	ref, err := parseStorageID(id)
	if err != nil {
		return nil, err
	}
	s := l[ref.key]
	if s == nil {
		s = &storage{key: ref.key, kind: ref.kind, elements: ref.elements, at: -1}
		l[ref.key] = s
	}
	v := storageView{storage: s, elements: ref.elements}
	if err := v.sameAs(ref); err != nil {
		return nil, err
	}
	if ref.part {
		v.first, v.elements = ref.first, ref.length
	}
	return v, nil
}

// locate finds the storages in the file from a place on.
func (l legacyStorages) locate(r io.ReaderAt, at, size int64, keys []any) error {
	for _, k := range keys {
		key, _ := k.(string)
		s := l[key]
		if s == nil || s.at >= 0 {
			return fmt.Errorf("the storage %.80q is not known or comes twice", key)
		}
		var count [8]byte
		if _, err := r.ReadAt(count[:], at); err != nil {
			return fmt.Errorf("the file ends before its storage %.80q: %w", key, err)
		}
		at += int64(len(count))
		if n := binary.LittleEndian.Uint64(count[:]); n != uint64(s.elements) {
			return fmt.Errorf("the storage %.80q has %d elements, its tensors say %d", key, n, s.elements)
		}
		if s.elements > (size-at)/s.kind.size() {
			return fmt.Errorf("the file ends within its storage %.80q", key)
		}
		s.file, s.at = r, at
		at += s.elements * s.kind.size()
	}
	for key, s := range l {
		if s.at < 0 {
			return fmt.Errorf("the storage %.80q is missing", key)
		}
	}
	if at != size {
		return errors.New("the file goes on after its last storage")
	}
	return nil
}
