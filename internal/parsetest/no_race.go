//go:build !race

package parsetest

const slower = 1
