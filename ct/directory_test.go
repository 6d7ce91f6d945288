package ct

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// writeDirectory writes a DICOMDIR at path that refers to files, by their parts
// separated by backslashes. Records of those that begin with a minus are out of use.
func writeDirectory(t *testing.T, path string, references ...string) {
	t.Helper()
	var records [][]dcmtk.Attribute
	for _, r := range references {
		inUse := "65535"
		if strings.HasPrefix(r, "-") {
			inUse = "0"
		}
		records = append(records, []dcmtk.Attribute{
			attr(0x0004, 0x1410, inUse), attr(0x0004, 0x1430, "IMAGE"), attr(0x0004, 0x1500, strings.TrimPrefix(r, "-")), attr(0x0004, 0x1510, classCT),
		})
	}
	attributes := []dcmtk.Attribute{
		attr(0x0004, 0x1130, "TEST"), attr(0x0004, 0x1212, "0"),
		attr(0x0008, 0x0016, classDirectory), attr(0x0008, 0x0018, dcmtk.UID("directory")),
	}
	if records != nil {
		attributes = append(attributes, items(0x0004, 0x1220, records...))
	}
	data, err := startWriter(t).Write(attributes, nil)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, data)
}

// medium writes a series as a medium has it and returns the references to it.
func medium(t *testing.T, n int) (dir string, references []string) {
	t.Helper()
	files := stack("s", n)
	for i := range files {
		files[i].name = filepath.Join("DICOM", "S1", "IM"+strconv.Itoa(i))
		references = append(references, `DICOM\S1\IM`+strconv.Itoa(i))
	}
	return writeFiles(t, files...), references
}

func TestADirectoryIsTheFilesThatItRefersTo(t *testing.T) {
	dir, references := medium(t, 5)
	writeTo(t, dir, stack("other", 3)...) // not referred to
	path := filepath.Join(dir, "DICOMDIR")
	writeDirectory(t, path, append(references, references[0], "DICOMDIR", "-GONE")...)
	in := open(t, path, Options{})
	checkStack(t, in, 5)
	if codes := warningCodes(in); len(codes) != 0 {
		t.Errorf("warnings %v", codes)
	}
	if got := in.Sources[0].File; !strings.HasPrefix(got, "DICOM/S1/IM") {
		t.Errorf("the first slice came from %q", got)
	}
	c, err := Survey(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if len(c.Studies) != 1 || len(c.Studies[0].Series) != 1 || c.Studies[0].Series[0].Files != 5 {
		t.Errorf("the list is %+v", c.Studies)
	}
}

func TestADirectoryBehindALinkRefersToFilesBesideItself(t *testing.T) {
	dir, references := medium(t, 4)
	writeDirectory(t, filepath.Join(dir, "DICOMDIR"), references...)
	name := filepath.Join(t.TempDir(), "LINK")
	link(t, filepath.Join(dir, "DICOMDIR"), name)
	checkStack(t, open(t, name, Options{}), 4)
}

func TestADirectoryOfAMediumWithLowerCaseNamesIsRead(t *testing.T) {
	dir, references := medium(t, 4)
	for i := range 4 {
		from := filepath.Join(dir, "DICOM", "S1", "IM"+strconv.Itoa(i))
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "dicom", "s1", "im"+strconv.Itoa(i)), data)
		if err := os.Remove(from); err != nil {
			t.Fatal(err)
		}
	}
	writeDirectory(t, filepath.Join(dir, "dicomdir"), references...)
	checkStack(t, open(t, filepath.Join(dir, "dicomdir"), Options{}), 4)
}

// Offsets of records to each other are not followed: a reader that does goes round
// for ever where they lead in a circle.
func TestADirectoryMadeByDCMTKIsReadEvenWhereItsRecordsLeadInACircle(t *testing.T) {
	dcmmkdir, err := exec.LookPath("dcmmkdir")
	if err != nil {
		t.Skip("dcmmkdir is not installed: make deps does that")
	}
	dir, _ := medium(t, 5)
	command := exec.Command(dcmmkdir, "--general-purpose", "--invent", "--recurse", "--input-directory", dir)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("dcmmkdir: %v: %s", err, out)
	}
	path := filepath.Join(dir, "DICOMDIR")
	checkStack(t, open(t, path, Options{}), 5)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.Index(data, []byte{0xfe, 0xff, 0x00, 0xe0}) // the first record's item
	offsets := 0
	for _, element := range []string{"\x04\x00\x00\x14UL\x04\x00", "\x04\x00\x20\x14UL\x04\x00"} { // to the next, and to the lower ones
		for at := 0; ; offsets++ {
			i := bytes.Index(data[at:], []byte(element))
			if i < 0 {
				break
			}
			at += i + len(element)
			binary.LittleEndian.PutUint32(data[at:], uint32(first))
		}
	}
	if offsets < 10 {
		t.Fatalf("%d offsets were bent", offsets)
	}
	writeFile(t, path, data)
	checkStack(t, open(t, path, Options{}), 5)
}

func TestWhatADirectoryRefersToInVainIsTold(t *testing.T) {
	dir, references := medium(t, 5)
	outside := filepath.Dir(dir)
	writeTo(t, outside, file{name: "OUT.DCM", series: "s", place: 500})
	link(t, filepath.Join(outside, "OUT.DCM"), filepath.Join(dir, "LINK"))
	link(t, outside, filepath.Join(dir, "UP"))
	link(t, "CIRCLE", filepath.Join(dir, "CIRCLE"))
	for name, test := range map[string]struct {
		reference, code string
	}{
		"a file that is not there":      {`DICOM\S1\IM99`, "missing_files"},
		"a folder":                      {`DICOM\S1`, "missing_files"},
		"a file above the folder":       {`..\OUT.DCM`, "references_ignored"},
		"a file above by a way down":    {`DICOM\..\..\OUT.DCM`, "references_ignored"},
		"two dots and slashes in one":   {`../OUT.DCM`, "references_ignored"},
		"an absolute path":              {outside + "/OUT.DCM", "references_ignored"},
		"an absolute path in parts":     {strings.ReplaceAll(outside, "/", `\`) + `\OUT.DCM`, "references_ignored"},
		"the folder itself":             {".", "references_ignored"},
		"a link out of the folder":      {"LINK", "links_ignored"},
		"a file behind a link that way": {`UP\OUT.DCM`, "links_ignored"},
		"links in a circle":             {"CIRCLE", "links_ignored"},
	} {
		path := filepath.Join(dir, "DICOMDIR")
		writeDirectory(t, path, append(slices.Clone(references), test.reference)...)
		in := open(t, path, Options{})
		checkStack(t, in, 5)
		if codes := warningCodes(in); !slices.Equal(codes, []string{test.code}) {
			t.Errorf("%s: warnings %v, want %s", name, codes, test.code)
		}
		writeDirectory(t, path, test.reference)
		_, err := Open(t.Context(), path, Options{})
		checkRefusal(t, err, "missing_files", "DICOMDIR")
	}
}

func TestDirectoriesWithoutAChestAreRefused(t *testing.T) {
	dir, references := medium(t, 5)
	path := filepath.Join(dir, "DICOMDIR")
	writeDirectory(t, path)
	_, err := Open(t.Context(), path, Options{})
	checkRefusal(t, err, "empty", "DICOMDIR", "refers to no file")

	writeFile(t, filepath.Join(dir, "TEXT"), []byte("no DICOM"))
	writeDirectory(t, path, "TEXT")
	_, err = Open(t.Context(), path, Options{})
	checkRefusal(t, err, "not_ct", "none is DICOM")

	writeDirectory(t, filepath.Join(dir, "OTHER"), references...)
	writeDirectory(t, path, "OTHER") // a directory of directories leads no further
	_, err = Open(t.Context(), path, Options{})
	checkRefusal(t, err, "not_ct")

	writeDirectory(t, path, references...)
	_, err = Open(t.Context(), path, Options{Limits: Limits{Files: 4}})
	checkRefusal(t, err, "too_many_files", "4 files")
}

func warningCodes(in *Input) []string {
	var codes []string
	for _, w := range in.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}
