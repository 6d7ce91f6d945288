//go:build cgo && linux

package dcmtk

/*
#include <stddef.h>
#include <stdint.h>
*/
import "C"

import (
	"io"
	"unsafe"
)

// jcs_pull asks the parent for a piece of the file that is pulled: see dicom.h.
//
//export jcs_pull
func jcs_pull(offset C.uint64_t, to unsafe.Pointer, n C.size_t) C.int {
	const in, out = fd(0), fd(1)
	if send(out, statusNeed, string(need{uint64(offset), uint64(n)}.encode()), nil) != nil {
		return 0
	}
	if _, err := io.ReadFull(in, unsafe.Slice((*byte)(to), int(n))); err != nil {
		return 0
	}
	return 1
}
