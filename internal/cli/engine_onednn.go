//go:build cgo

package cli

import "github.com/jcs-ct/jcs/internal/onednn"

// engineVersion names the engine and the instructions it uses.
func engineVersion() (engine, instructions string) {
	return "oneDNN " + onednn.LibraryVersion(), onednn.InstructionSet()
}
