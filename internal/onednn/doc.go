// Package onednn owns the only cgo to oneDNN: layouts, memory, primitives and
// the thread that runs them. Nothing of oneDNN's types leaves it.
//
// Everything but layouts belongs to one [Engine] and must be made, run and
// freed on its thread, that is inside [Engine.Do]: OpenMP keeps a pool of
// threads, and oneDNN a scratch memory, for each calling thread.
package onednn
