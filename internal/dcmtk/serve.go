//go:build cgo && linux

package dcmtk

/*
#cgo CXXFLAGS: -std=c++17 -O2
#cgo LDFLAGS: -lz -lopenjp2 -ldcmjpls -ldcmjpeg -ldcmimage -ldcmimgle -ldcmdata -loflog -lofstd
#include "dicom.h"
*/
import "C"

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
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
	if send(out, statusOK, C.GoString(C.jcs_dicom_version())+" "+C.GoString(C.jcs_dicom_jpeg2000_version()), nil) != nil {
		return 1
	}
	var held image
	var payload []byte
	for {
		r, err := readRequest(in)
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err != nil {
			return 1
		}
		if uint64(cap(payload)) < r.n || cap(payload) > maxKeptFile && r.n <= maxKeptFile {
			payload = make([]byte, r.n)
		}
		payload = payload[:r.n]
		if _, err := io.ReadFull(in, payload); err != nil {
			return 1
		}
		if err := reply(out, r, payload, &held); err != nil {
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
