//go:build race

package parsetest

// slower is by how much the race detector slows a parser, at most.
const slower = 20

// RaceDetector says whether the race detector's own memory, several times the
// program's, counts in what this process takes.
const RaceDetector = true
