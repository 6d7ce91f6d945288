//go:build !race

package parsetest

const slower = 1

// RaceDetector says whether the race detector's own memory, several times the
// program's, counts in what this process takes.
const RaceDetector = false
