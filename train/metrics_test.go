package train

import (
	"path/filepath"
	"strings"
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

// A run begun by a version that wrote other columns is not gone on with: its
// rows would stand below names that are not theirs.
func TestMetricsOfOtherColumnsAreNotGoneOnWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), MetricsFile)
	r := newRecord(path, []string{"discs"})
	if err := r.add(row{Step: 10}); err != nil {
		t.Fatal(err)
	}
	if err := newRecord(path, []string{"discs"}).resume(1); err != nil {
		t.Errorf("the same columns: %v", err)
	}
	if err := newRecord(path, []string{"rings"}).resume(1); err == nil || !strings.Contains(err.Error(), "other columns") {
		t.Errorf("other columns: the error is %v", err)
	}
}
