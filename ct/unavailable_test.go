//go:build !cgo || !linux

package ct

import "testing"

func TestWithoutDCMTKEveryDICOMFileIsRefusedPlainly(t *testing.T) {
	path := folder(t, map[string][]byte{"a.dcm": append(make([]byte, 128), "DICM\x02\x00"...)})
	_, err := Open(t.Context(), path, Options{})
	checkRefusal(t, err, "no_dicom", "reads no DICOM", "without cgo", "PNG")
}
