package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/jcs-ct/jcs/diagnose"
)

// DiagnosisFile is the name of a result's JSON.
const DiagnosisFile = "diagnosis.json"

// StudiesFile is the name of the JSON that lists the results of several studies,
// each in a folder of its own.
const StudiesFile = "studies.json"

// OccupiedError says that an output folder holds something that is not to be
// replaced.
type OccupiedError struct{ Sentence string }

func (e *OccupiedError) Error() string { return e.Sentence }

// Folder is an output folder in the making. Either Commit or Discard ends it;
// Discard after Commit does nothing.
type Folder struct {
	out     string
	temp    string   // empty once ended
	parents []string // made for it, outermost first
	replace bool     // an earlier result lies at out

	// life is held for reading while a file is written: Discard, which may
	// come from an interrupt, waits for it.
	life sync.RWMutex

	mu    sync.Mutex
	files []diagnose.File

	parent *Folder // of a part: the folder that is ended
	name   string
}

// Below returns a part of the folder, with files and a listing of its own. It
// ends with the folder.
func (f *Folder) Below(name string) *Folder { return &Folder{parent: f, name: name} }

// Begin makes a folder beside out that Commit will rename to out. out must not
// exist or be empty; with force it may hold an earlier result and nothing else.
func Begin(out string, force bool) (*Folder, error) {
	out, err := filepath.Abs(out)
	if err != nil {
		return nil, fmt.Errorf("find the output folder: %w", err)
	}
	f := &Folder{out: out}
	if f.replace, err = occupied(out, force); err != nil {
		return nil, err
	}
	if err := f.makeParents(filepath.Dir(out)); err != nil {
		f.removeParents()
		return nil, fmt.Errorf("make the output folder: %w", err)
	}
	f.temp, err = os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+".partial-*")
	if err != nil {
		f.removeParents()
		return nil, fmt.Errorf("make the output folder: %w", err)
	}
	return f, nil
}

// occupied looks at what lies at out: nothing, or an earlier result that may be
// replaced.
func occupied(out string, force bool) (replace bool, err error) {
	info, err := os.Stat(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at the output folder: %w", err)
	case !info.IsDir():
		return false, &OccupiedError{fmt.Sprintf("%s is a file: name a folder that does not exist yet", out)}
	}
	entries, err := os.ReadDir(out)
	switch {
	case err != nil:
		return false, fmt.Errorf("look at the output folder: %w", err)
	case len(entries) == 0:
		return false, nil
	case !force:
		return false, &OccupiedError{fmt.Sprintf("%s is not empty: name another folder, or replace an earlier result with --force", out)}
	}
	if stranger := notOurs(out); stranger != "" {
		return false, &OccupiedError{fmt.Sprintf("%s holds %s, which is not part of an earlier result: name another folder", out, stranger)}
	}
	return true, nil
}

// notOurs returns the first file below out that an earlier result there does
// not list, or what keeps the folder from being one.
func notOurs(out string) string {
	ours := map[string]bool{}
	ownFiles(out, "", ours)
	for _, part := range ownParts(out, ours) {
		ownFiles(out, part+"/", ours)
	}
	stranger := ""
	err := filepath.WalkDir(out, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(out, name)
		if err == nil && !ours[filepath.ToSlash(below)] {
			stranger = below
			return filepath.SkipAll
		}
		return err
	})
	if err != nil {
		return "what cannot be read"
	}
	return stranger
}

// ownFiles marks the files that an earlier result below out lists.
func ownFiles(out, below string, ours map[string]bool) {
	for _, name := range []string{DiagnosisFile, SegmentationFile} {
		text, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(below+name)))
		var earlier struct {
			Schema string          `json:"schema"`
			Files  []diagnose.File `json:"files"`
		}
		if err != nil || json.Unmarshal(text, &earlier) != nil || !strings.HasPrefix(earlier.Schema, "jcs.") {
			continue
		}
		ours[below+name] = true
		for _, f := range earlier.Files {
			ours[below+f.Path] = true
		}
	}
}

// ownParts are the folders of an earlier result of several studies.
func ownParts(out string, ours map[string]bool) []string {
	text, err := os.ReadFile(filepath.Join(out, StudiesFile))
	var earlier struct {
		Schema  string `json:"schema"`
		Studies []struct {
			Folder string `json:"folder"`
		} `json:"studies"`
	}
	if err != nil || json.Unmarshal(text, &earlier) != nil || !strings.HasPrefix(earlier.Schema, "jcs.studies/") {
		return nil
	}
	ours[StudiesFile] = true
	var parts []string
	for _, s := range earlier.Studies {
		if s.Folder != "" && filepath.IsLocal(s.Folder) {
			parts = append(parts, s.Folder)
		}
	}
	return parts
}

// makeParents makes the folders above out, and remembers which.
func (f *Folder) makeParents(dir string) error {
	var missing []string
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing = append(missing, dir)
		dir = filepath.Dir(dir)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], 0o755); err != nil {
			return err
		}
		f.parents = append(f.parents, missing[i])
	}
	return nil
}

// removeParents removes the folders that makeParents made, if still empty.
func (f *Folder) removeParents() {
	for i := len(f.parents) - 1; i >= 0; i-- {
		if os.Remove(f.parents[i]) != nil {
			return
		}
	}
}

// Files are the files added so far, by path.
func (f *Folder) Files() []diagnose.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(f.files)
	slices.SortFunc(out, func(a, b diagnose.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Add writes a file at a path below the folder, with forward slashes, and lists
// it as of a kind.
func (f *Folder) Add(path, kind string, write func(io.Writer) error) error {
	sum, err := f.write(path, write)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files = append(f.files, diagnose.File{Path: path, Kind: kind, SHA256: sum})
	return nil
}

// Fill lets a function write into the folder whatever it writes. Such files are
// not listed.
func (f *Folder) Fill(write func(dir string) error) error {
	f.life.RLock()
	defer f.life.RUnlock()
	if f.temp == "" {
		return errEnded
	}
	return write(f.temp)
}

var errEnded = errors.New("the output folder was discarded")

func (f *Folder) write(path string, write func(io.Writer) error) (sum string, err error) {
	if f.parent != nil {
		return f.parent.write(f.name+"/"+path, write)
	}
	f.life.RLock()
	defer f.life.RUnlock()
	if f.temp == "" {
		return "", errEnded
	}
	name := filepath.Join(f.temp, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	file, err := os.Create(name)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	digest := sha256.New()
	err = write(io.MultiWriter(file, digest))
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// Commit gives the folder its name. An earlier result goes only once the new
// one is in its place.
func (f *Folder) Commit() error {
	f.life.Lock()
	defer f.life.Unlock()
	if f.temp == "" {
		return errEnded
	}
	if err := os.Chmod(f.temp, 0o755); err != nil {
		return fmt.Errorf("finish the output folder: %w", err)
	}
	old := ""
	if f.replace {
		old = f.temp + ".old"
		if err := os.Rename(f.out, old); err != nil {
			return fmt.Errorf("replace the earlier result: %w", err)
		}
	} else if err := os.Remove(f.out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("finish the output folder: %w", err)
	}
	if err := os.Rename(f.temp, f.out); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(old, f.out))
		}
		return fmt.Errorf("finish the output folder: %w", err)
	}
	f.temp = ""
	if old != "" {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("remove the earlier result: %w", err)
		}
	}
	return nil
}

// Discard removes what was written.
func (f *Folder) Discard() error {
	f.life.Lock()
	defer f.life.Unlock()
	if f.temp == "" {
		return nil
	}
	err := os.RemoveAll(f.temp)
	f.temp = ""
	f.removeParents()
	if err != nil {
		return fmt.Errorf("remove an unfinished result: %w", err)
	}
	return nil
}
