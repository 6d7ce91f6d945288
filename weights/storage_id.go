package weights

import (
	"errors"
	"fmt"
)

// storageID is what a checkpoint's pickle says of a storage outside of it.
type storageID struct {
	kind     elementType
	key      string
	elements int64

	// A part of it, in the legacy format only.
	part          bool
	first, length int64
}

// maxElements is more than any file holds, and small enough to reckon with.
const maxElements = 1 << 40

// parseStorageID reads ("storage", type, key, device, elements) and, in the
// legacy format, a sixth member: nil or (key, first, length) of a part.
func parseStorageID(id tuple) (storageID, error) {
	var s storageID
	if len(id) < 5 || id[0] != any("storage") {
		if len(id) > 0 && id[0] == any("module") {
			return s, errors.New("it holds a whole model with its program: open it in PyTorch, if you trust it, and save its state_dict() alone")
		}
		return s, errors.New("a reference to something outside the pickle is no storage")
	}
	class, isGlobal := id[1].(global)
	key, isText := id[2].(string)
	elements, isNumber := id[4].(int64)
	if !isGlobal || class.storageType() == "" || !isText || len(key) > maxName || !isNumber || elements < 0 || elements > maxElements {
		return s, errors.New("a storage's type, key and size are not what they should be")
	}
	s = storageID{kind: class.storageType(), key: key, elements: elements}
	if len(id) == 5 || id[5] == nil {
		return s, nil
	}
	part, ok := id[5].(tuple)
	if !ok || len(part) != 3 {
		return s, errors.New("a part of a storage is not what it should be")
	}
	s.part = true
	first, isFirst := part[1].(int64)
	length, isLength := part[2].(int64)
	if !isFirst || !isLength || first < 0 || length < 0 || first > elements || length > elements-first {
		return s, fmt.Errorf("a part of the storage %.80q reaches beyond it", key)
	}
	s.first, s.length = first, length
	return s, nil
}

// sameAs wants all references to a storage to say the same of it.
func (v storageView) sameAs(ref storageID) error {
	if v.kind != ref.kind || v.storage.elements != ref.elements {
		return fmt.Errorf("the storage %.80q is %d elements of %s and then %d of %s", ref.key, v.storage.elements, v.kind, ref.elements, ref.kind)
	}
	return nil
}
