//go:build !long

package network

// long says that tests which take minutes run too: go test -tags long.
const long = false
