package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/jcs-ct/jcs/network"
)

// openTimings finds what was measured of this machine in earlier runs, below
// the user's cache folder. Without such a folder it is measured in each run.
func (t *terminal) openTimings() *network.Timings {
	if t.timings != nil {
		return t.timings
	}
	t.timings = &network.Timings{}
	cache, err := os.UserCacheDir()
	if err != nil {
		return t.timings
	}
	digest := sha256.Sum256([]byte(machine()))
	path := filepath.Join(cache, "jcs", "timings-"+hex.EncodeToString(digest[:8])+".json")
	if t.timings, err = network.OpenTimings(path, machine()); err != nil {
		t.say("warning: %v", err)
	}
	return t.timings
}

// machine names all that the speed of an operation depends on.
func machine() string {
	engine, instructions := engineVersion()
	return processor() + ", " + engine + ", " + instructions
}
