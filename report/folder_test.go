package report

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/jcs-ct/jcs/diagnose"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// result puts a result with one listed file at out.
func result(t *testing.T, out, content string, force bool) {
	t.Helper()
	f, err := Begin(out, force)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Add("slices/a.txt", "text", text(content)); err != nil {
		t.Fatal(err)
	}
	if err := WriteDiagnosis(f, &diagnose.Diagnosis{Schema: diagnose.Schema}); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
}

// names are all files and folders below a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if name != dir {
			below, _ := filepath.Rel(dir, name)
			out = append(out, below)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAFolderHasItsNameOnlyOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "result")
	f, err := Begin(out, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Add("a.txt", "text", text("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder is there before it is whole")
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 2 || got[1] != filepath.Join("result", "a.txt") {
		t.Errorf("there is %v", got)
	}
	const sum = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // of "a"
	if list := f.Files(); len(list) != 1 || list[0] != (diagnose.File{Path: "a.txt", Kind: "text", SHA256: sum}) {
		t.Errorf("files %v", list)
	}
	if f.Discard() != nil || len(names(t, dir)) != 2 {
		t.Error("discarding after the end did something")
	}
	if f.Add("b.txt", "text", text("b")) == nil || f.Commit() == nil {
		t.Error("the folder could be written after its end")
	}
}

func TestADiscardedFolderLeavesNothingNotEvenItsParents(t *testing.T) {
	dir := t.TempDir()
	f, err := Begin(filepath.Join(dir, "new", "deep", "result"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Add("slices/a.txt", "text", text("a")); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
}

func TestAFailedFileIsAnErrorThatNamesIt(t *testing.T) {
	f, err := Begin(filepath.Join(t.TempDir(), "result"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	full := errors.New("disk full")
	err = f.Add("a.txt", "text", func(io.Writer) error { return full })
	if !errors.Is(err, full) || err.Error() != "write a.txt: disk full" {
		t.Errorf("error %v", err)
	}
	if len(f.Files()) != 0 {
		t.Error("the file is listed")
	}
}

func TestOnlyAnEarlierResultIsReplacedAndOnlyByForce(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "result")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	result(t, out, "first", false) // an empty folder may be filled
	var occupied *OccupiedError
	if _, err := Begin(out, false); !errors.As(err, &occupied) {
		t.Errorf("without force: %v", err)
	}
	result(t, out, "second", true)
	got, err := os.ReadFile(filepath.Join(out, "slices", "a.txt"))
	if err != nil || string(got) != "second" {
		t.Errorf("content %q, %v", got, err)
	}
	if left := names(t, dir); len(left) != 4 {
		t.Errorf("there is %v", left)
	}
	// One file more, and it is not ours to delete.
	if err := os.WriteFile(filepath.Join(out, "slices", "mine.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Begin(out, true); !errors.As(err, &occupied) {
		t.Errorf("with a stranger's file: %v", err)
	}
	// A folder that is no result.
	other := filepath.Join(dir, "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "diagnosis.json"), []byte(`{"schema":"mine"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Begin(other, true); !errors.As(err, &occupied) {
		t.Errorf("no result: %v", err)
	}
	if _, err := Begin(filepath.Join(other, "diagnosis.json"), true); !errors.As(err, &occupied) {
		t.Errorf("a file: %v", err)
	}
}
