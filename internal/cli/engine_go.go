//go:build !cgo

package cli

// enginePasses says whether compiling makes a network faster by passes.
const enginePasses = false

// engineVersion names the engine: without cgo the plain one.
func engineVersion() (engine, instructions string) {
	return "plain Go, without oneDNN: slow", ""
}
