package ct

import (
	"fmt"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// objectsOf makes objects of a file: one of a classic file, one of each frame of
// a file with functional groups (PS3.3 C.7.6.16). A file whose groups are not
// those of its frames stays one object, and is refused.
func objectsOf(e entry, h *dcmtk.Header) []object {
	whole := object{entry: e, header: h, file: e.name}
	frames, ok, err := h.Int("NumberOfFrames")
	if !ok {
		frames = 1
	}
	if h.Frames() == 0 || err != nil || frames != h.Frames() || !whole.multiFrame() {
		return []object{whole}
	}
	objects := make([]object, frames)
	for i := range objects {
		o := object{entry: e, header: h.Frame(i), file: e.name, frame: i + 1}
		if frames > 1 {
			o.entry.name = fmt.Sprintf("%s (frame %d)", e.name, i+1)
		}
		objects[i] = o
	}
	return objects
}

// countFiles counts the files that objects are in.
func countFiles(objects []object) int {
	files := map[string]bool{}
	for _, o := range objects {
		files[o.file] = true
	}
	return len(files)
}
