//go:build cgo

package cli

import "github.com/jcs-ct/jcs/internal/onednn"

// enginePasses says whether compiling makes a network faster by passes.
const enginePasses = true

// engineVersion names the engine and the instructions it uses.
func engineVersion() (engine, instructions string) {
	return "oneDNN " + onednn.LibraryVersion(), onednn.InstructionSet()
}
