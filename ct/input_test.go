package ct

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

// pngOf is a grey picture whose pixels differ.
func pngOf(w, h int) []byte {
	p := image.NewGray(image.Rect(0, 0, w, h))
	rng := rand.New(rand.NewPCG(1, 2)) // does not compress
	for i := range p.Pix {
		p.Pix[i] = uint8(rng.Uint32())
	}
	return encodePNG(p)
}

func encodePNG(p image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "study")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		writeFile(t, filepath.Join(dir, name), data)
	}
	return dir
}

func zipOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "study.zip")
	writeFile(t, path, b.Bytes())
	return path
}

func TestPicturesComeInTheNaturalOrderOfTheirNames(t *testing.T) {
	files := map[string][]byte{"notes.txt": []byte("x"), "list.csv": []byte("a,b")}
	for i, name := range []string{"slice2.png", "slice10.png", "slice1.png", "b/slice3.png"} {
		files[name] = pngOf(40+i, 50)
	}
	for kind, path := range map[string]string{"folder": folder(t, files), "zip": zipOf(t, files)} {
		in := open(t, path, Options{})
		var names []string
		for i, s := range in.Sources {
			names = append(names, s.File)
			if in.Picture(i, Window{}) != in.Pictures[i] || s.InstanceUID != "" || s.HasPosition {
				t.Errorf("%s: picture %d is not itself", kind, i)
			}
		}
		if !slices.Equal(names, []string{"b/slice3.png", "slice1.png", "slice2.png", "slice10.png"}) {
			t.Errorf("%s: order %v", kind, names)
		}
		if in.Kind != KindPictures || in.Volume != nil || in.Len() != 4 || in.Pictures[3].Rect.Dx() != 41 {
			t.Errorf("%s: %s of %d", kind, in.Kind, in.Len())
		}
		if _, _, _, ok := in.SpacingMM(); ok {
			t.Errorf("%s: pictures have millimetres", kind)
		}
		if len(in.Warnings) != 1 || in.Warnings[0].Code != "mixed_sizes" {
			t.Errorf("%s: warnings %+v", kind, in.Warnings)
		}
	}
}

func TestSinglePictureOpens(t *testing.T) {
	in := open(t, filepath.Join(folder(t, map[string][]byte{"a.jpg": pngOf(60, 60)}), "a.jpg"), Options{})
	if in.Len() != 1 || in.Sources[0].File != "a.jpg" || len(in.Warnings) != 0 {
		t.Errorf("%+v", in)
	}
}

func TestOddPicturesAreReadWithWarnings(t *testing.T) {
	black := image.NewGray(image.Rect(0, 0, 64, 64))
	for code, data := range map[string][]byte{"few_greys": encodePNG(black), "unusual_shape": pngOf(200, 60)} {
		in := open(t, folder(t, map[string][]byte{"a.png": data}), Options{})
		if len(in.Warnings) != 1 || in.Warnings[0].Code != code || !strings.Contains(in.Warnings[0].Message, "a.png") {
			t.Errorf("%s: %+v", code, in.Warnings)
		}
	}
}

func TestUnusableInputsAreRefused(t *testing.T) {
	deep := image.NewGray16(image.Rect(0, 0, 64, 64))
	deep.Set(1, 1, color.Gray16{Y: 300})
	wide := pngOf(64, 64)
	binary.BigEndian.PutUint32(wide[16:], 60000) // its checksum is wrong now too
	one := func(name string, data []byte) func(t *testing.T) string {
		return func(t *testing.T) string { return filepath.Join(folder(t, map[string][]byte{name: data}), name) }
	}
	many := func(files map[string][]byte) func(t *testing.T) string {
		return func(t *testing.T) string { return folder(t, files) }
	}
	zipped := func(files map[string][]byte) func(t *testing.T) string {
		return func(t *testing.T) string { return zipOf(t, files) }
	}
	for _, test := range []struct {
		name  string
		path  func(t *testing.T) string
		code  string
		words string
	}{
		{"nothing there", func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, "not_found", "none does not exist"},
		{"an empty folder", many(nil), "empty", "study holds no files"},
		{"a folder of hidden files", many(map[string][]byte{".DS_Store": {1}, ".git/x.png": pngOf(64, 64)}), "empty", "study"},
		{"a folder of text files", many(map[string][]byte{"a.txt": []byte("hello"), "b.txt": []byte("there")}), "unknown_format", "2 files"},
		{"a folder of NIfTI", many(map[string][]byte{"a.nii.gz": {0x1f, 0x8b, 8, 0}}), "unknown_format", "a.nii.gz"},
		{"an empty file", one("a.dcm", nil), "empty", "a.dcm is empty"},
		{"a text file named DICOM", one("a.dcm", []byte("dear colleague")), "unknown_format", "a.dcm"},
		{"a GIF", one("a.gif", []byte("GIF89a........")), "unknown_format", "GIF"},
		{"a PDF", one("a.dcm", []byte("%PDF-1.4 ......")), "unknown_format", "PDF"},
		{"a 16-bit PNG", one("a.png", encodePNG(deep)), "bad_picture", "16 bits"},
		{"a 1x1 PNG", one("a.png", pngOf(1, 1)), "bad_picture", "1 x 1"},
		{"a strip", one("a.png", pngOf(500, 8)), "bad_picture", "500 x 8"},
		{"half a PNG", one("a.png", pngOf(64, 64)[:300]), "bad_picture", "cut short"},
		{"a PNG that declares 60000 pixels", one("a.png", wide), "bad_picture", "a.png"},
		{"one broken picture of many", many(map[string][]byte{"a.png": pngOf(64, 64), "b.png": pngOf(64, 64)[:300]}), "bad_picture", "b.png"},
		{"an empty zip", zipped(nil), "empty", "study.zip"},
		{"a zip that points outside", zipped(map[string][]byte{"../escape.png": pngOf(64, 64)}), "unsafe_zip", "study.zip"},
		{"a zip with an absolute name", zipped(map[string][]byte{"/tmp/escape.png": pngOf(64, 64)}), "unsafe_zip", "study.zip"},
		{"a zip with a Windows path", zipped(map[string][]byte{`..\escape.png`: pngOf(64, 64)}), "unsafe_zip", "study.zip"},
		{"a zip in a zip", zipped(map[string][]byte{"a.zip": []byte("PK\x03\x04........")}), "unknown_format", "a.zip"},
		{"a zip that unpacks to a hundred times more", zipped(map[string][]byte{"a.png": make([]byte, 70<<20)}), "zip_bomb", "study.zip"},
		{"a zip cut short", func(t *testing.T) string {
			path := zipOf(t, map[string][]byte{"a.png": pngOf(64, 64)})
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, data[:len(data)/2])
			return path
		}, "broken_zip", "study.zip"},
		{"a zip with a damaged file", func(t *testing.T) string {
			path := zipOf(t, map[string][]byte{"a.png": pngOf(64, 64)})
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 600; i < 700; i++ {
				data[i] ^= 0xff
			}
			writeFile(t, path, data)
			return path
		}, "broken_zip", "a.png in study.zip"},
		{"a pipe", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Skip(err)
			}
			return path
		}, "not_a_file", "pipe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(t.Context(), test.path(t), Options{})
			checkRefusal(t, err, test.code, test.words)
		})
	}
}

func TestEncryptedZipIsRefused(t *testing.T) {
	path := zipOf(t, map[string][]byte{"a.png": pngOf(64, 64)})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("PK\x01\x02"))
	data[at+8] |= 1
	writeFile(t, path, data)
	_, err = Open(t.Context(), path, Options{})
	checkRefusal(t, err, "encrypted_zip", "study.zip")
}

func TestZipLimitsAreRefusals(t *testing.T) {
	path := zipOf(t, map[string][]byte{"a.png": pngOf(64, 64), "b.png": pngOf(64, 64)})
	size := int64(len(pngOf(64, 64)))
	for _, test := range []struct {
		limits Limits
		code   string
	}{
		{Limits{Files: 1}, "too_many_files"},
		{Limits{FileBytes: size - 1}, "too_large"},
		{Limits{TotalBytes: 2*size - 1}, "too_large"},
		{Limits{Slices: 1}, "too_many_slices"},
		{Limits{Voxels: 2*64*64 - 1}, "too_large"},
	} {
		_, err := Open(t.Context(), path, Options{Limits: test.limits})
		checkRefusal(t, err, test.code)
	}
	open(t, path, Options{Limits: Limits{Files: 2, FileBytes: size, TotalBytes: 2 * size, Slices: 2, Voxels: 2 * 64 * 64}})
}

func TestUnreadableFolderIsRefused(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := folder(t, nil)
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir, Options{})
	checkRefusal(t, err, "not_readable", "study")
}

func TestALinkToAFolderIsThatFolder(t *testing.T) {
	link := filepath.Join(t.TempDir(), "study")
	if err := os.Symlink(folder(t, map[string][]byte{"a.png": pngOf(40, 40)}), link); err != nil {
		t.Fatal(err)
	}
	in, err := Open(context.Background(), link, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Len() != 1 || in.Sources[0].File != "a.png" {
		t.Errorf("%d slices from %v", in.Len(), in.Sources)
	}
}

func TestLinksToFoldersAndPipesInAFolderArePassedOver(t *testing.T) {
	dir := folder(t, map[string][]byte{"a.png": pngOf(64, 64)})
	if err := os.Symlink(dir, filepath.Join(dir, "again")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("missing.png", filepath.Join(dir, "gone.png")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.png"), 0o600); err != nil {
		t.Skip(err)
	}
	if in := open(t, dir, Options{}); in.Len() != 1 {
		t.Errorf("sources %+v", in.Sources)
	}
}

func TestCancelledContextIsPassedOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{folder(t, map[string][]byte{"a.png": pngOf(64, 64)}), zipOf(t, map[string][]byte{"a.png": pngOf(64, 64)})} {
		if _, err := Open(ctx, path, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}

func TestNaturalOrder(t *testing.T) {
	order := []string{"", "01", "1", "1a", "2", "10", "100000000000000000000000", "a", "a1b2", "a1b10", "a2", "a10", "b"}
	for i, a := range order {
		for j, b := range order {
			if got := compareNatural(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%q and %q compare as %d", a, b, got)
			}
		}
	}
}

func FuzzNaturalOrder(f *testing.F) {
	f.Add("a1", "a01", "a10")
	f.Add("", "0", "00")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareNatural(a, b) != -compareNatural(b, a) {
			t.Fatalf("%q and %q have no order", a, b)
		}
		if (compareNatural(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q are equal or not", a, b)
		}
		if compareNatural(a, b) < 0 && compareNatural(b, c) < 0 && compareNatural(a, c) >= 0 {
			t.Fatalf("%q, %q, %q make a circle", a, b, c)
		}
	})
}

// FuzzZip lists and reads hostile zips within small limits.
func FuzzZip(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"a.png", "../b", "d/"} {
		if w, err := z.Create(name); err == nil {
			fmt.Fprint(w, strings.Repeat("x", 99))
		}
	}
	z.Close()
	f.Add(b.Bytes())
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsetest.Hold(t, len(data), func() { holdZip(t, data) })
	})
}

func holdZip(t *testing.T, data []byte) {
	limits := Limits{Files: 3, FileBytes: 1 << 16, TotalBytes: 1 << 17}.orDefaults()
	l := &listing{name: "fuzz.zip"}
	if err := l.addZip(t.Context(), bytes.NewReader(data), int64(len(data)), limits); err != nil {
		return
	}
	if len(l.entries) > limits.Files {
		t.Fatalf("%d files", len(l.entries))
	}
	for _, e := range l.entries {
		if !filepath.IsLocal(e.name) {
			t.Fatalf("%q points outside", e.name)
		}
		if whole, err := e.read(limits.FileBytes); err == nil && int64(len(whole)) != e.size {
			t.Fatalf("%q declares %d bytes and has %d", e.name, e.size, len(whole))
		}
		if _, err := e.format(); err != nil {
			var r *Refusal
			if !errors.As(err, &r) {
				t.Fatalf("%q: %v", e.name, err)
			}
		}
	}
}
