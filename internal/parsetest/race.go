//go:build race

package parsetest

// slower is by how much the race detector slows a parser, at most.
const slower = 20
