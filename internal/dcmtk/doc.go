// Package dcmtk owns DICOM: it reads headers and decodes pixels of DICOM files
// by DCMTK, and writes them.
//
// DCMTK is C++ over bytes that anyone may have made, so none of it ever runs in
// the program itself. A [Child] is a second process of the same binary with
// nothing but two pipes: it gets a file's bytes and answers with attributes and
// pixels. It has limits on memory and processor time, can open no file, leaves
// no core dump, and ends with its parent. What it answers is checked as strictly
// as a file. A child that crashes, hangs or is killed costs one [*Error].
//
// A binary that links this package needs no call for that: the package's init
// sees by the process's only argument that it is a child, serves, and exits. A
// hook for main to call would be forgotten by someone who uses package ct as a
// library, and their whole program would run a second time instead.
//
// The interface to DCMTK is the C functions of dicom.h. Without cgo, or on
// another system than Linux, [Start] returns [ErrUnavailable].
package dcmtk
