package cli

import (
	"bufio"
	"os"
	"runtime"
	"strings"
)

// processor names the processor as Linux does, with family and model, or by
// its architecture.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	values := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			break // the end of the first processor
		}
		values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if values["model name"] == "" {
		return runtime.GOARCH
	}
	return values["model name"] + " (family " + values["cpu family"] + ", model " + values["model"] + ")"
}
