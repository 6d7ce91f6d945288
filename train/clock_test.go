package train

import (
	"testing"
	"time"
)

// A step that waits for its batch a quarter of its time says so.
func TestTheClockTellsTheShareOfWaiting(t *testing.T) {
	c := newClock(4)
	for range 30 {
		c.last = time.Now().Add(-200 * time.Millisecond)
		c.wait(50 * time.Millisecond)
		c.tick()
	}
	if s := c.dataShare(); s < 0.24 || s > 0.2501 {
		t.Errorf("a share of %.3f, want a quarter", s)
	}
	for range 60 {
		c.last = time.Now().Add(-200 * time.Millisecond)
		c.wait(0)
		c.tick()
	}
	if s := c.dataShare(); s > 0.01 {
		t.Errorf("a share of %.3f long after the last waiting", s)
	}
	if s := newClock(1).dataShare(); s != 0 {
		t.Errorf("a share of %.3f before the first step", s)
	}
}
