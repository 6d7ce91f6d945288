package nn

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

func TestTimingsAreFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "not", "there", "yet")
	a, err := OpenTimings(path, "machine")
	if err != nil {
		t.Fatal(err)
	}
	a.put("way", 0.25)
	a.save()
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	b, err := OpenTimings(path, "machine")
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := b.get("way"); !ok || s != 0.25 {
		t.Errorf("found %g, %t", s, ok)
	}
	if c, err := OpenTimings(path, "another"); err == nil {
		t.Error("another machine's file is taken without a word")
	} else if _, ok := c.get("way"); ok {
		t.Error("another machine's times are taken")
	}
}

func TestTimingsThatCannotBeUsedAreMadeAnew(t *testing.T) {
	for name, text := range map[string]string{
		"broken":          "{",
		"of another form": `{"schema": "jcs.timings/9", "machine": "machine", "seconds": {"way": 1}}`,
		"foreign":         `{"schema": "jcs.timings/1", "machine": "elsewhere", "seconds": {"way": 1}}`,
		"empty":           "",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "timings.json")
			a, err := OpenTimings(path, "machine")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(a.path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := OpenTimings(path, "machine")
			if err == nil || !strings.Contains(err.Error(), "made anew") {
				t.Errorf("no warning: %v", err)
			}
			if _, ok := b.get("way"); ok {
				t.Error("its times are taken")
			}
			b.put("way", 2)
			b.save()
			if c, err := OpenTimings(path, "machine"); err != nil {
				t.Errorf("it was not written anew: %v", err)
			} else if s, _ := c.get("way"); s != 2 {
				t.Errorf("written anew as %g", s)
			}
		})
	}
}

func TestTimingsThatCannotBeKeptSaySo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := OpenTimings(filepath.Join(dir, "file", "below"), "machine")
	if err == nil { // a file stands where a folder should
		a.put("way", 1)
		a.save()
		err = a.Err()
	}
	if err == nil {
		t.Error("nothing is said")
	}
	a.put("way", 3)
	if s, ok := a.get("way"); !ok || s != 3 {
		t.Error("the process has lost them")
	}
}

func FuzzTimings(f *testing.F) {
	f.Add([]byte(`{"schema":"jcs.timings/1","machine":"m","seconds":{"a":0.5,"b":-1}}`))
	f.Add([]byte(`{"schema":"jcs.timings/1","machine":"m","seconds":{"a":1e999}}`))
	f.Add([]byte(`{"seconds":[[[[]]]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var seconds map[string]float64
		var err error
		parsetest.Hold(t, len(text), func() { seconds, err = parseTimings(text, "m") })
		if err != nil && seconds != nil {
			t.Fatalf("%v, and yet %v", err, seconds)
		}
		for key, s := range seconds {
			if math.IsNaN(s) || math.IsInf(s, 0) {
				t.Fatalf("%q takes %v", key, s)
			}
		}
	})
}
