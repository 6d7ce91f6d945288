//go:build cgo && linux

package dcmtk

/*
#include <stdlib.h>
#include "dicom.h"
*/
import "C"

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unsafe"
)

// image is the file of which a child decodes frames; the zero value is none.
type image struct{ d *C.jcs_dicom }

// hold takes the place of the file before.
func (im *image) hold(d *C.jcs_dicom) {
	if im.d != nil {
		C.jcs_dicom_free(im.d)
	}
	im.d = d
}

// reason is room for C to say why.
type reason struct{ text *C.char }

const reasonBytes = 256

func newReason() reason { return reason{(*C.char)(C.calloc(1, reasonBytes))} }

func (r reason) free() { C.free(unsafe.Pointer(r.text)) }

func (r reason) String() string { return C.GoString(r.text) }

// reply answers one request.
func reply(out fd, r request, payload []byte, held *image) error {
	switch r.op {
	case opHeader, opWhole:
		return replyHeader(out, payload, r.op == opWhole)
	case opImage:
		held.hold(nil) // its memory is free for the next
		return replyImage(out, payload, r.max, held)
	case opPull:
		held.hold(nil)
		return replyPulled(out, payload, r.max, held)
	case opFrame:
		return replyFrame(out, payload, held, nil)
	case opWrite:
		return replyWrite(out, payload)
	case opDirectory:
		return replyDirectory(out, payload)
	default:
		return send(out, statusFault, "unknown request", nil)
	}
}

func replyHeader(out fd, payload []byte, whole bool) error {
	why := newReason()
	defer why.free()
	var all C.int
	if whole {
		all = 1
	}
	var d *C.jcs_dicom
	code := C.jcs_dicom_header(unsafe.Pointer(unsafe.SliceData(payload)), C.size_t(len(payload)), all, &d, why.text, reasonBytes)
	if code != C.JCS_DICOM_OK {
		return send(out, status(code), why.String(), nil)
	}
	defer C.jcs_dicom_free(d)
	text, err := lookUp(d).encode()
	if err != nil {
		return err
	}
	return sendText(out, text)
}

// replyDirectory sends what a DICOMDIR refers to, as JSON.
func replyDirectory(out fd, payload []byte) error {
	why := newReason()
	defer why.free()
	var d *C.jcs_dicom
	code := C.jcs_dicom_header(unsafe.Pointer(unsafe.SliceData(payload)), C.size_t(len(payload)), 1, &d, why.text, reasonBytes)
	if code != C.JCS_DICOM_OK {
		return send(out, status(code), why.String(), nil)
	}
	defer C.jcs_dicom_free(d)
	value := (*C.char)(C.malloc(maxValue))
	defer C.free(unsafe.Pointer(value))
	references := []string{}
	for i := range uint32(C.jcs_dicom_records(d)) {
		if n := C.jcs_dicom_record_file(d, C.uint32_t(i), value, maxValue); n > 0 {
			references = append(references, ascii(C.GoStringN(value, C.int(n))))
		}
	}
	text, err := json.Marshal(references)
	if err != nil {
		return err
	}
	return sendText(out, text)
}

// sendText sends a header, which may be too long for the parent.
func sendText(out fd, text []byte) error {
	if len(text) > maxText {
		return send(out, statusTooLarge, "attributes of its frames or records", nil)
	}
	return send(out, statusOK, string(text), nil)
}

// replyImage opens a file and sends its header and its first frame.
func replyImage(out fd, payload []byte, limit uint64, held *image) error {
	why := newReason()
	defer why.free()
	var d *C.jcs_dicom
	code := C.jcs_dicom_open(unsafe.Pointer(unsafe.SliceData(payload)), C.size_t(len(payload)), C.size_t(limit), &d, why.text, reasonBytes)
	if code != C.JCS_DICOM_OK {
		return send(out, status(code), why.String(), nil)
	}
	held.hold(d)
	return replyFirst(out, held)
}

// replyPulled does the same with a file that the parent keeps.
func replyPulled(out fd, payload []byte, limit uint64, held *image) error {
	if len(payload) != 8 {
		return send(out, statusFault, "no size of a file", nil)
	}
	why := newReason()
	defer why.free()
	var d *C.jcs_dicom
	code := C.jcs_dicom_open_pulled(C.uint64_t(binary.LittleEndian.Uint64(payload)), C.size_t(limit), &d, why.text, reasonBytes)
	if code != C.JCS_DICOM_OK {
		return send(out, status(code), why.String(), nil)
	}
	held.hold(d)
	return replyFirst(out, held)
}

// replyFirst sends the header and the first frame of the file that is held.
func replyFirst(out fd, held *image) error {
	text, err := lookUp(held.d).encode()
	if err != nil {
		return err
	}
	if len(text) > maxText {
		return sendText(out, text)
	}
	return replyFrame(out, make([]byte, 4), held, text)
}

// replyFrame sends a frame of the file that is held.
func replyFrame(out fd, payload []byte, held *image, text []byte) error {
	if held.d == nil || len(payload) != 4 {
		return send(out, statusFault, "no image is open", nil)
	}
	why := newReason()
	defer why.free()
	var samples unsafe.Pointer
	var n C.size_t
	code := C.jcs_dicom_frame(held.d, C.uint32_t(binary.LittleEndian.Uint32(payload)), &samples, &n, why.text, reasonBytes)
	if code != C.JCS_DICOM_OK {
		return send(out, status(code), why.String(), nil)
	}
	return send(out, statusOK, string(text), unsafe.Slice((*byte)(samples), int(n)))
}

// lookUp collects the wanted attributes.
func lookUp(d *C.jcs_dicom) *Header {
	value := (*C.char)(C.malloc(maxValue))
	defer C.free(unsafe.Pointer(value))
	h := &Header{values: map[string]string{}}
	if uid := C.GoString(C.jcs_dicom_transfer_syntax(d)); len(uid) <= maxUID {
		h.values[transferSyntax] = ascii(uid)
	}
	for keyword, tag := range wanted() {
		n := C.jcs_dicom_text(d, C.uint16_t(tag.Group), C.uint16_t(tag.Element), value, maxValue)
		if n > 0 {
			h.values[keyword] = ascii(C.GoStringN(value, C.int(n)))
		}
	}
	grouped := grouped()
	for i := range uint32(C.jcs_dicom_groups(d)) {
		frame := map[string]string{}
		for keyword, at := range grouped {
			n := C.jcs_dicom_group_text(d, C.uint32_t(i), C.uint16_t(at.sequence.Group), C.uint16_t(at.sequence.Element),
				C.uint16_t(at.tag.Group), C.uint16_t(at.tag.Element), value, maxValue)
			if n > 0 {
				frame[keyword] = ascii(C.GoStringN(value, C.int(n)))
			}
		}
		h.frames = append(h.frames, frame)
	}
	return h
}

// maxUID is the longest identifier (PS3.5 section 9.1).
const maxUID = 64

// ascii puts a question mark for what is none, so that JSON makes no text longer.
func ascii(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c >= 0x80 {
			b[i] = '?'
		}
	}
	return string(b)
}

func replyWrite(out fd, payload []byte) error {
	w, samples, err := decodeWrite(payload)
	if err != nil {
		return send(out, statusFault, err.Error(), nil)
	}
	d := C.jcs_dicom_new()
	if d == nil {
		return send(out, statusMemory, "", nil)
	}
	defer C.jcs_dicom_free(d)
	if err := setAll(d, "", w.Attributes); err != nil {
		return send(out, statusFault, err.Error(), nil)
	}
	if len(samples) > 0 {
		// DCMTK wants aligned words; the copy also frees it of Go's memory.
		words := C.CBytes(samples)
		code := C.jcs_dicom_set_pixels(d, words, C.size_t(len(samples)))
		C.free(words)
		if code != C.JCS_DICOM_OK {
			return send(out, statusFault, "pixel data cannot be written", nil)
		}
	}
	syntax := C.CString(w.Syntax)
	defer C.free(unsafe.Pointer(syntax))
	why := newReason()
	defer why.free()
	var file unsafe.Pointer
	var n C.size_t
	switch code := C.jcs_dicom_write(d, syntax, &file, &n, why.text, reasonBytes); code {
	case C.JCS_DICOM_OK:
	case C.JCS_DICOM_UNSUPPORTED, C.JCS_DICOM_MEMORY:
		return send(out, status(code), why.String(), nil)
	default:
		return send(out, statusFault, "DCMTK cannot write the data set: "+why.String(), nil)
	}
	defer C.jcs_dicom_free_bytes(file)
	return send(out, statusOK, "", unsafe.Slice((*byte)(file), int(n)))
}

// setAll sets attributes, at the path of a sequence's item if that is not empty.
func setAll(d *C.jcs_dicom, below string, attributes []Attribute) error {
	for _, a := range attributes {
		if len(a.Items) == 0 {
			if err := set(d, below, a); err != nil {
				return err
			}
			continue
		}
		path := a.Tag.String()
		if below != "" {
			path = below + "." + path
		}
		for i, item := range a.Items {
			if err := setAll(d, fmt.Sprintf("%s[%d]", path, i), item); err != nil {
				return err
			}
		}
	}
	return nil
}

func set(d *C.jcs_dicom, below string, a Attribute) error {
	path, text := C.CString(below), C.CString(a.Text)
	defer C.free(unsafe.Pointer(path))
	defer C.free(unsafe.Pointer(text))
	if C.jcs_dicom_set(d, path, C.uint16_t(a.Tag.Group), C.uint16_t(a.Tag.Element), text) != C.JCS_DICOM_OK {
		return fmt.Errorf("attribute %v cannot be written", a.Tag)
	}
	return nil
}

func send(out fd, s status, text string, data []byte) error {
	var b bytes.Buffer
	b.Write(answer{status: s, text: uint32(len(text)), data: uint64(len(data))}.encode())
	b.WriteString(text)
	if _, err := out.Write(b.Bytes()); err != nil {
		return err
	}
	_, err := out.Write(data)
	return err
}
