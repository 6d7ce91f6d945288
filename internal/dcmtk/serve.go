//go:build cgo && linux

package dcmtk

/*
#cgo pkg-config: libopenjp2
#cgo CXXFLAGS: -std=c++17 -O2
#cgo LDFLAGS: -ldcmjpls -ldcmjpeg -ldcmimage -ldcmimgle -ldcmdata -loflog -lofstd
#include <stdlib.h>
#include "dicom.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	if len(os.Args) == 3 && os.Args[0] == childName {
		os.Exit(serve(os.Args[1], os.Args[2]))
	}
}

// fd is a pipe's end, without the runtime's poller, which wants more files.
type fd int

func (f fd) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(f), p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f fd) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(int(f), p[done:])
		if err != nil && err != syscall.EINTR {
			return done, err
		}
		done += max(n, 0)
	}
	return done, nil
}

// serve is a child's life: it answers requests until its parent closes the
// pipe.
func serve(memory, cpu string) int {
	const in, out = fd(0), fd(1)
	if C.jcs_dicom_start() != C.JCS_DICOM_OK {
		_ = send(out, statusFault, "DCMTK's data dictionary is missing: install DCMTK's library package again, or set DCMDICTPATH", nil)
		return 1
	}
	if err := confine(memory, cpu); err != nil {
		_ = send(out, statusFault, "cannot set the limits of the process: "+err.Error(), nil)
		return 1
	}
	if send(out, statusOK, C.GoString(C.jcs_dicom_version()), nil) != nil {
		return 1
	}
	var payload []byte
	for {
		r, err := readRequest(in)
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err != nil {
			return 1
		}
		if uint64(cap(payload)) < r.n {
			payload = make([]byte, r.n)
		}
		payload = payload[:r.n]
		if _, err := io.ReadFull(in, payload); err != nil {
			return 1
		}
		if err := reply(out, r, payload); err != nil {
			return 1
		}
	}
}

// confine gives up what reading bytes does not need: more memory, endless time,
// files, core dumps.
func confine(memory, cpu string) error {
	more, err := strconv.ParseUint(memory, 10, 63)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseUint(cpu, 10, 63)
	if err != nil {
		return err
	}
	now, err := addressSpace()
	if err != nil {
		return err
	}
	time.Sleep(time.Nanosecond) // the runtime opens its poller with the first timer
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{syscall.RLIMIT_AS, now + more},
		{syscall.RLIMIT_CPU, seconds},
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_FSIZE, 0},
		{syscall.RLIMIT_NOFILE, 0},
	} {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return err
		}
	}
	// Where cores go to a program, their size limit does not count.
	if _, _, e := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); e != 0 {
		return e
	}
	return nil
}

// addressSpace returns the bytes of address space in use.
func addressSpace() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseUint(pages, 10, 50)
	return n * uint64(os.Getpagesize()), err
}

// whySize is the room for a reason, in bytes.
const whySize = 256

// reply answers one request.
func reply(out fd, r request, payload []byte) error {
	if r.op == opWrite {
		return replyWrite(out, payload)
	}
	var d *C.jcs_dicom
	why := (*C.char)(C.calloc(1, whySize))
	defer C.free(unsafe.Pointer(why))
	var code C.jcs_dicom_status
	bytes, n := unsafe.Pointer(unsafe.SliceData(payload)), C.size_t(len(payload))
	switch r.op {
	case opImage:
		code = C.jcs_dicom_image(bytes, n, C.size_t(r.max), &d, why, whySize)
	case opHeader, opWhole:
		code = C.jcs_dicom_header(bytes, n, C.int(r.op-opHeader), &d, why, whySize)
	default:
		return send(out, statusFault, "unknown request", nil)
	}
	if code != C.JCS_DICOM_OK {
		return send(out, status(code), C.GoString(why), nil)
	}
	defer C.jcs_dicom_free(d)
	text, err := lookUp(d).encode()
	if err != nil {
		return err
	}
	var samples []byte
	if r.op == opImage {
		var length C.size_t
		first := (*byte)(C.jcs_dicom_samples(d, &length))
		samples = unsafe.Slice(first, int(length))
	}
	return send(out, statusOK, string(text), samples)
}

// lookUp collects the wanted attributes.
func lookUp(d *C.jcs_dicom) *Header {
	h := &Header{values: map[string]string{transferSyntax: C.GoString(C.jcs_dicom_transfer_syntax(d))}}
	value := (*C.char)(C.malloc(maxValue))
	defer C.free(unsafe.Pointer(value))
	for keyword, tag := range wanted() {
		n := C.jcs_dicom_text(d, C.uint16_t(tag.Group), C.uint16_t(tag.Element), value, maxValue)
		if n > 0 {
			h.values[keyword] = C.GoStringN(value, C.int(n))
		}
	}
	return h
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
	why := (*C.char)(C.calloc(1, whySize))
	defer C.free(unsafe.Pointer(why))
	var file unsafe.Pointer
	var n C.size_t
	switch code := C.jcs_dicom_write(d, syntax, &file, &n, why, whySize); code {
	case C.JCS_DICOM_OK:
	case C.JCS_DICOM_UNSUPPORTED, C.JCS_DICOM_MEMORY:
		return send(out, status(code), C.GoString(why), nil)
	default:
		return send(out, statusFault, "DCMTK cannot write the data set: "+C.GoString(why), nil)
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
