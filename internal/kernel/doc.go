// Package kernel owns the loops over float32 that a training step spends its
// time in beside oneDNN's primitives: the optimisers', the losses', and, in
// builds with cgo, those of gradients that oneDNN has no primitive for.
//
// They are written in C, for the vector instructions of several generations of
// processors, of which the loader picks one. Those that builds without cgo need
// have a twin in Go, and both give the same bits, on any processor.
//
// All slices of a call are of one length, as the caller sees to.
package kernel
