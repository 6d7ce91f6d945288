package parsetest

import (
	"strings"
	"testing"
	"time"
)

var sink []byte

func TestParsersAreHeldToMemoryAndTime(t *testing.T) {
	spin := func(d time.Duration) func() {
		return func() {
			for begin := processor(); processor()-begin < d; {
			}
		}
	}
	take := func(n int) func() { return func() { sink = make([]byte, n) } }
	for _, test := range []struct {
		name  string
		size  int
		parse func()
		fault string
	}{
		{"nothing costs nothing", 0, func() {}, ""},
		{"64 MB are free", 100, take(63 << 20), ""},
		{"more than that is too much for a small file", 100, take(66 << 20), "memory"},
		{"a large file may take four times its size", 2 << 20, take(71 << 20), ""},
		{"and no more", 2 << 20, take(74 << 20), "memory"},
		{"a second is too long for a small file", 100, spin(1100 * time.Millisecond), "take 1."},
		{"but not for a larger one", 2 << 20, spin(1100 * time.Millisecond), ""},
		{"waiting is not the parser's fault", 100, func() { time.Sleep(1100 * time.Millisecond) }, ""},
	} {
		err := Cost(test.size, test.parse)
		if (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	sink = nil
}
