// Command jcs reads a chest CT and says whether it shows COVID-19 pneumonia,
// where, how much, and why it thinks so.
package main

import (
	"os"

	"github.com/jcs-ct/jcs/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
