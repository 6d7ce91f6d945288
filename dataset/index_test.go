package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

func TestIndexRowsBecomeItems(t *testing.T) {
	text := "\ufefffile,label,patient,mask,finding\n" +
		"a/1.png,1,p1,m/1.png,opacity\n" +
		"\"b, c.jpg\",0,p2,,\n" +
		"d.png,,p2,m/d.png,\n"
	items, err := parseIndex(strings.NewReader(text), "/data", Columns{Group: "patient", Mask: "mask"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{Image: "/data/a/1.png", Label: 1, Group: "p1", Mask: "/data/m/1.png"},
		{Image: "/data/b, c.jpg", Label: 0, Group: "p2"},
		{Image: "/data/d.png", Label: Unknown, Group: "p2", Mask: "/data/m/d.png"},
	}
	if len(items) != len(want) {
		t.Fatalf("%d items, want %d", len(items), len(want))
	}
	for i, w := range want {
		g := items[i]
		if g.Image != w.Image || g.Label != w.Label || g.Group != w.Group || g.Mask != w.Mask {
			t.Errorf("item %d is %+v, want %+v", i, g, w)
		}
	}
	finding, _ := items[0].Columns.Value("finding")
	file, _ := items[1].Columns.Value("file")
	if _, there := items[0].Columns.Value("none"); finding != "opacity" || file != "b, c.jpg" || there {
		t.Errorf("columns are %v and %v", items[0].Columns, items[1].Columns)
	}
}

func TestItemsWithoutAGroupAreGroupsOfTheirOwn(t *testing.T) {
	items, err := parseIndex(strings.NewReader("file\na.png\nb.png\n"), "", Columns{})
	if err != nil {
		t.Fatal(err)
	}
	if items[0].Group == items[1].Group || items[0].Label != Unknown {
		t.Errorf("items are %+v", items)
	}
}

func TestFaultyIndexesAreRefusedByLine(t *testing.T) {
	cases := map[string]struct {
		text    string
		columns Columns
		want    string
	}{
		"an empty file":                        {"", Columns{}, "is empty"},
		"a header alone":                       {"file,label\n", Columns{}, "names no pictures"},
		"no file column":                       {"name,label\na,1\n", Columns{}, `no column "file"`},
		"a group column that is not there":     {"file,label\na,1\n", Columns{Group: "run"}, `no column "run", only file, label`},
		"a label column that is not there":     {"file\na\n", Columns{Label: "class"}, `no column "class"`},
		"a column named twice":                 {"file,file\na,b\n", Columns{}, "line 1"},
		"a label that is no number":            {"file,label\na.png,1\nb.png,covid\n", Columns{}, "line 3: label \"covid\""},
		"a negative label":                     {"file,label\na.png,-1\n", Columns{}, "line 2: label"},
		"a file that leads out of the root":    {"file\n../secret.png\n", Columns{}, "line 2: file \"../secret.png\""},
		"an absolute file":                     {"file\n/etc/passwd\n", Columns{}, "line 2"},
		"a mask that leads out of the root":    {"file,mask\na.png,x/../../b.png\n", Columns{Mask: "mask"}, "line 2"},
		"an empty file name":                   {"file,label\n,1\n", Columns{}, "line 2"},
		"a file named twice":                   {"file\na.png\nb.png\na.png\n", Columns{}, "line 4: \"a.png\" stands on line 2"},
		"one file under two names":             {"file\na.png\n./a.png\n", Columns{}, "line 3"},
		"a row that is too short":              {"file,label\na.png\n", Columns{}, "line 2"},
		"a quote that is left open":            {"file\n\"a.png\n", Columns{}, "line 2"},
		"an empty group":                       {"file,run\na.png,\n", Columns{Group: "run"}, "line 2: column \"run\" is empty"},
		"a line counted over a quoted newline": {"file,label\n\"a\nb.png\",1\nc.png,x\n", Columns{}, "line 4"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parseIndex(strings.NewReader(c.text), "", c.columns)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAnIndexLargerThanTheLimitsIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		width int // of a row
		want  string
	}{
		"too many rows":  {8, "no index of pictures"},
		"too many bytes": {4000, "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseIndex(&endless{width: c.width}, "", Columns{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// endless is a header and then rows of a width without end.
type endless struct {
	width, n int
	rest     []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		e.rest = []byte("file\n")
	}
	if len(e.rest) == 0 {
		e.rest = fmt.Appendf(nil, "%0*d\n", e.width-1, e.n)
	}
	e.n++
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestReadIndexTakesTheIndexesFolderAsRoot(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "index.csv")
	if err := os.WriteFile(name, []byte("file,label\na.png,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	items, err := ReadIndex(name, "", Columns{})
	if err != nil {
		t.Fatal(err)
	}
	if items[0].Image != filepath.Join(dir, "a.png") {
		t.Errorf("image is %s", items[0].Image)
	}
	if _, err := ReadIndex(filepath.Join(dir, "none.csv"), "", Columns{}); err == nil {
		t.Error("an index that does not exist was read")
	}
}

func TestFoldersArePairedByName(t *testing.T) {
	images, masks := t.TempDir(), t.TempDir()
	touch := func(dir, name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"b.jpg", "a.png", "notes.txt", ".hidden.png"} {
		touch(images, n)
	}
	touch(masks, "a.png")
	touch(masks, "b.png")
	items, err := PairFolders(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	if len(items) != 2 || filepath.Base(items[0].Image) != "a.png" || filepath.Base(items[1].Mask) != "b.png" {
		t.Errorf("items are %+v", items)
	}
	for _, c := range []struct{ dir, name, want string }{
		{masks, "c.png", "mask c.png has no picture"},
		{images, "d.png", "picture d.png has no mask"},
		{images, "a.jpeg", "holds both"},
	} {
		touch(c.dir, c.name)
		if _, err := PairFolders(images, masks); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
		os.Remove(filepath.Join(c.dir, c.name))
	}
}

// Rows with hardly any text take many times their size.
func TestManyEmptyRowsCannotTakeMuchMemory(t *testing.T) {
	rows := func(n int, pad string) string {
		var b strings.Builder
		b.WriteString("file\n")
		for i := range n {
			fmt.Fprintf(&b, "%s%x\n", pad, i)
		}
		return b.String()
	}
	if _, err := parseIndex(strings.NewReader(rows(250_000, "")), "/data", Columns{}); err == nil || !strings.Contains(err.Error(), "no index of pictures") {
		t.Errorf("250,000 rows of five letters: %v", err)
	}
	for n, pad := range map[int]string{150_000: "", 250_000: "patient/study/series/the slice of "} {
		text := rows(n, pad)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		items, err := parseIndex(strings.NewReader(text), "/data", Columns{})
		runtime.GC() // what the items keep; the collector may let garbage grow to as much again
		runtime.ReadMemStats(&after)
		if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); err != nil || len(items) != n || took > freeMemory+4*int64(len(text)) {
			t.Errorf("%d rows in %d bytes: %d items, %d bytes, %v", n, len(text), len(items), took, err)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add("file,label,run\na.png,1,r\n\"b\"\"c\",0,s\n")
	f.Add("\ufefffile\n../a\n")
	f.Add("file,label\n\"a\n")
	f.Fuzz(func(t *testing.T, text string) {
		var items []Item
		var err error
		parsetest.Hold(t, len(text), func() { items, err = parseIndex(strings.NewReader(text), "/data", Columns{}) })
		if (err == nil) != (len(items) > 0) {
			t.Fatalf("%d items and error %v", len(items), err)
		}
		for _, it := range items {
			if !strings.HasPrefix(it.Image, "/data") || it.Label < Unknown {
				t.Fatalf("item %+v", it)
			}
		}
	})
}
