package ct

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skip(err)
	}
}

func TestLinksOutOfAFolderAreNotFollowed(t *testing.T) {
	outside := filepath.Join(folder(t, map[string][]byte{"other patient.png": pngOf(50, 50)}), "other patient.png")
	dir := folder(t, map[string][]byte{"a.png": pngOf(64, 64), "sub/real.png": pngOf(40, 40)})
	link(t, outside, filepath.Join(dir, "absolute.png"))
	link(t, "../../../../../../../../"+outside, filepath.Join(dir, "relative.png"))
	link(t, "/dev/zero", filepath.Join(dir, "endless.png"))
	link(t, "circle2", filepath.Join(dir, "circle1"))
	link(t, "circle1", filepath.Join(dir, "circle2"))
	link(t, "sub/real.png", filepath.Join(dir, "within.png"))
	link(t, "..", filepath.Join(dir, "sub", "up"))
	in := open(t, dir, Options{})
	var names []string
	for _, s := range in.Sources {
		names = append(names, s.File)
	}
	if got := strings.Join(names, " "); got != "a.png sub/real.png within.png" {
		t.Errorf("read %s", got)
	}
	if last := in.Warnings[len(in.Warnings)-1]; last.Code != "links_ignored" || !strings.HasPrefix(last.Message, "5 links were") {
		t.Errorf("warnings %v", in.Warnings)
	}
}

func TestAFolderOfNothingButLinksOutOfItSaysSo(t *testing.T) {
	dir := folder(t, nil)
	link(t, filepath.Join(folder(t, map[string][]byte{"a.png": pngOf(50, 50)}), "a.png"), filepath.Join(dir, "a.png"))
	_, err := Open(t.Context(), dir, Options{})
	checkRefusal(t, err, "only_links", "study", "1 link out of it")
}

func TestDevicesAreNoInput(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip(err)
	}
	_, err := Open(t.Context(), "/dev/zero", Options{})
	checkRefusal(t, err, "not_a_file", "zero")
	dir := folder(t, map[string][]byte{"a.png": pngOf(64, 64)})
	if err := syscall.Mknod(filepath.Join(dir, "b.png"), syscall.S_IFCHR|0o600, 1<<8|5); err != nil {
		t.Skip(err)
	}
	if in := open(t, dir, Options{}); in.Len() != 1 {
		t.Errorf("%d pictures", in.Len())
	}
}

func TestAFolderOf50000FilesIsRefusedSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 50,000 files")
	}
	dir := folder(t, map[string][]byte{"0.png": pngOf(40, 40)})
	for i := 1; i < 50_000; i++ {
		if err := os.Link(filepath.Join(dir, "0.png"), filepath.Join(dir, fmt.Sprint(i, ".png"))); err != nil {
			t.Skip(err)
		}
	}
	parsetest.Hold(t, 0, func() {
		_, err := Open(t.Context(), dir, Options{})
		checkRefusal(t, err, "too_many_files", "20000 files")
	})
}

func TestFoldersWithoutEndAreRefused(t *testing.T) {
	dir := folder(t, nil)
	if err := os.MkdirAll(filepath.Join(dir, strings.Repeat("d/", maxDepth+1)), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir, Options{})
	checkRefusal(t, err, "too_deep", "study")

	dir = folder(t, map[string][]byte{"a.png": pngOf(40, 40)})
	for i := range 40 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Open(t.Context(), dir, Options{Limits: Limits{Files: 4}})
	checkRefusal(t, err, "too_many_files", "4 files")
	open(t, dir, Options{Limits: Limits{Files: 5}})
}

func TestNamesCannotReachTheTerminal(t *testing.T) {
	bad := "\x1b[31mred\n\xff.png"
	for _, path := range []string{folder(t, map[string][]byte{bad: []byte("\x89PNG\r\n\x1a\n")}), zipOf(t, map[string][]byte{bad: []byte("\x89PNG\r\n\x1a\n")})} {
		_, err := Open(t.Context(), path, Options{})
		checkRefusal(t, err, "bad_picture", "?[31mred??.png")
		if strings.ContainsAny(err.Error(), "\x1b\n\xff") {
			t.Errorf("%q", err)
		}
	}
}

func TestPicturesOf100000PixelsASideAreRefusedBeforeTheyAreDecoded(t *testing.T) {
	wide := pngOf(64, 64)
	binary.BigEndian.PutUint32(wide[16:], 100_000)
	binary.BigEndian.PutUint32(wide[20:], 100_000)
	binary.BigEndian.PutUint32(wide[29:], crc32.ChecksumIEEE(wide[12:29]))
	// A JPEG's sides have 16 bits: start of image, start of frame, three components.
	jpeg := []byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00")
	for words, data := range map[string][]byte{"100000 x 100000": wide, "65535 x 65535": jpeg} {
		path := filepath.Join(folder(t, map[string][]byte{"a.png": data}), "a.png")
		parsetest.Hold(t, len(data), func() {
			_, err := Open(t.Context(), path, Options{})
			checkRefusal(t, err, "bad_picture", words)
		})
	}
}

// rawZip makes a zip of one stored file and of a directory that names it as
// often as is wanted.
func rawZip(entries int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "a.png", Method: zip.Store})
	if err != nil {
		panic(err)
	}
	w.Write(pngOf(40, 40))
	z.Close()
	data := b.Bytes()
	at, end := bytes.LastIndex(data, []byte("PK\x01\x02")), bytes.LastIndex(data, []byte("PK\x05\x06"))
	directory := bytes.Repeat(data[at:end], entries)
	tail := data[end:]
	binary.LittleEndian.PutUint16(tail[8:], uint16(entries))
	binary.LittleEndian.PutUint16(tail[10:], uint16(entries))
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(directory)))
	return append(append(data[:at:at], directory...), tail...)
}

func TestZipsThatTrickAreRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		zip  []byte
		code string
	}{
		{"a file", rawZip(1), ""},
		{"a hundred files upon each other", rawZip(100), "unsafe_zip"},
		{"20,001 entries", rawZip(20_001), "unsafe_zip"}, // they lie upon each other, too
		{"half a million entries", rawZip(500_000), "too_many_files"},
	} {
		path := filepath.Join(folder(t, map[string][]byte{"a.zip": test.zip}), "a.zip")
		parsetest.Hold(t, len(test.zip), func() {
			_, err := Open(t.Context(), path, Options{})
			if test.code == "" {
				if err != nil {
					t.Errorf("%s: %v", test.name, err)
				}
				return
			}
			checkRefusal(t, err, test.code, "a.zip")
		})
	}
}

func TestAZipOf25000SmallFilesIsRefused(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 25_000 {
		if w, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store}); err == nil {
			w.Write([]byte{1})
		}
	}
	z.Close()
	path := filepath.Join(folder(t, map[string][]byte{"a.zip": b.Bytes()}), "a.zip")
	parsetest.Hold(t, b.Len(), func() {
		_, err := Open(t.Context(), path, Options{})
		checkRefusal(t, err, "too_many_files", "20000 files")
	})
}

func TestAZipThatDeclaresLessThanItHoldsIsRefused(t *testing.T) {
	path := zipOf(t, map[string][]byte{"a.png": pngOf(64, 64)})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(data, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(data[at+24:], 1000) // unpacked
	writeFile(t, path, data)
	_, err = Open(t.Context(), path, Options{})
	checkRefusal(t, err, "broken_zip", "a.png in study.zip")
}

func TestLinksInAZipArePassedOver(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "link.png"}
	h.SetMode(os.ModeSymlink | 0o777)
	w, err := z.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("/etc/passwd"))
	if w, err = z.Create("a.png"); err != nil {
		t.Fatal(err)
	}
	w.Write(pngOf(40, 40))
	z.Close()
	path := filepath.Join(folder(t, map[string][]byte{"a.zip": b.Bytes()}), "a.zip")
	if in := open(t, path, Options{}); in.Len() != 1 || in.Sources[0].File != "a.png" {
		t.Errorf("%v", in.Sources)
	}
}
