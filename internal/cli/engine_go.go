//go:build !cgo

package cli

// engineVersion names the engine: without cgo the plain one.
func engineVersion() (engine, instructions string) {
	return "plain Go, without oneDNN: slow", ""
}
