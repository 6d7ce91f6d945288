//go:build cgo && linux

package dcmtk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func startChild(t *testing.T, limits Limits) *Child {
	t.Helper()
	c, err := Start(t.Context(), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// testImage is a slice of rows x 64 whose pixel at (row, column) is
// -1024 + (16*row + column) mod 4096.
func testImage(rows int) *CTImage {
	im := &CTImage{
		StudyUID: UID("study"), SeriesUID: UID("series"), FrameOfReferenceUID: UID("frame"), InstanceUID: UID("slice"),
		PatientName: "Test^Slice", PatientID: "T1", Time: time.Date(2020, 4, 1, 12, 30, 0, 0, time.UTC),
		Rows: rows, Columns: 64, SpacingX: 0.7, SpacingY: 0.8, SliceThickness: 1.0 / 3,
		Position: [3]float64{-100, -200.5, 1.0 / 3}, Orientation: [6]float64{1, 0, 0, 0, 1, 0}, KVP: 120,
		HU: make([]int16, rows*64),
	}
	for i := range im.HU {
		im.HU[i] = int16(-1024 + (16*(i/64)+i%64)%4096)
	}
	return im
}

func writeImage(t *testing.T, c *Child, im *CTImage) []byte {
	t.Helper()
	file, err := c.WriteCT(im)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func checkSamples(t *testing.T, im *CTImage, samples []byte) {
	t.Helper()
	want, err := im.Samples()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(samples, want) {
		t.Errorf("the samples read are not those written")
	}
}

func TestWrittenSliceReadsBack(t *testing.T) {
	c := startChild(t, Limits{})
	im := testImage(48)
	file := writeImage(t, c, im)
	got, err := c.Image(file)
	if err != nil {
		t.Fatal(err)
	}
	checkSamples(t, im, got.Samples)
	for keyword, want := range map[string]string{
		"Rows": "48", "Columns": "64", "Modality": "CT", "SOPClassUID": ctImageStorage, "SeriesInstanceUID": UID("series"),
		"PixelSpacing": `0.8\0.7`, "ImagePositionPatient": `-100\-200.5\0.333333333333`, "RescaleIntercept": "-1024",
	} {
		if v := got.Header.Text(keyword); v != want {
			t.Errorf("%s is %q, want %q", keyword, v, want)
		}
	}
	if ts := got.Header.TransferSyntax(); ts != "1.2.840.10008.1.2.1" {
		t.Errorf("transfer syntax %s is not explicit little endian", ts)
	}
}

func TestHeaderNeedsOnlyWhatLiesBeforeThePixels(t *testing.T) {
	c := startChild(t, Limits{})
	file := writeImage(t, c, testImage(48))
	if _, err := c.Header(file[:600], false); !errors.Is(err, ErrHeaderUnfinished) {
		t.Errorf("a header that goes on gives %v", err)
	}
	h, err := c.Header(file[:len(file)-48*64*2], false)
	if err != nil {
		t.Fatal(err)
	}
	if h.Text("Rows") != "48" {
		t.Errorf("Rows is %q", h.Text("Rows"))
	}
}

// The validator of dicom3tools finds no error in what is written, and only the
// warnings named here.
func TestWrittenSliceIsValid(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		t.Skip("dciodvfy (Debian package dicom3tools) is not installed")
	}
	name := filepath.Join(t.TempDir(), "slice.dcm")
	im := testImage(48)
	im.Manufacturer, im.StudyDescription, im.SeriesDescription, im.ConvolutionKernel = "jcs", "Chest", "Lung", "NONE"
	if err := os.WriteFile(name, writeImage(t, startChild(t, Limits{}), im), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(validator, "-new", name).CombinedOutput() // its status is not documented
	t.Logf("%s", out)
	if !bytes.Contains(out, []byte("CTImage")) || bytes.Contains(out, []byte("Error - ")) {
		t.Error("the validator finds errors")
	}
}

func TestCompressedSlicesDecode(t *testing.T) {
	c := startChild(t, Limits{})
	im := testImage(48)
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.dcm")
	if err := os.WriteFile(plain, writeImage(t, c, im), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ tool, option, syntax string }{
		{"dcmconv", "+ti", "1.2.840.10008.1.2"},
		{"dcmconv", "+tb", "1.2.840.10008.1.2.2"},
		{"dcmconv", "+td", "1.2.840.10008.1.2.1.99"},
		{"dcmcrle", "+fo", "1.2.840.10008.1.2.5"},
		{"dcmcjpeg", "+el", "1.2.840.10008.1.2.4.57"},
		{"dcmcjpeg", "+e1", "1.2.840.10008.1.2.4.70"},
		{"dcmcjpls", "+el", "1.2.840.10008.1.2.4.80"},
	} {
		t.Run(test.syntax, func(t *testing.T) {
			tool, err := exec.LookPath(test.tool)
			if err != nil {
				t.Skipf("%s (Debian package dcmtk) is not installed", test.tool)
			}
			name := filepath.Join(dir, test.syntax+".dcm")
			args := []string{test.option, plain, name}
			if test.option == "+fo" {
				args = args[1:]
			}
			if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", test.tool, err, out)
			}
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Image(file)
			if err != nil {
				t.Fatal(err)
			}
			if ts := got.Header.TransferSyntax(); ts != test.syntax {
				t.Errorf("the file is in %s", ts)
			}
			checkSamples(t, im, got.Samples)
			// Two thirds of a file are never a picture.
			if _, err := c.Image(file[:len(file)*2/3]); !isProblem(err, Broken) {
				t.Errorf("two thirds of the file give %v", err)
			}
		})
	}
}

// A decoder may paint the missing rest of a stream grey; DCMTK's must not.
func TestCutStreamInAnIntactFileIsBroken(t *testing.T) {
	tool, err := exec.LookPath("dcmcjpeg")
	if err != nil {
		t.Skip("dcmcjpeg (Debian package dcmtk) is not installed")
	}
	c := startChild(t, Limits{})
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "plain.dcm"), filepath.Join(dir, "packed.dcm")
	if err := os.WriteFile(plain, writeImage(t, c, testImage(64)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"+e1", "+ee", "+eb"} {
		if out, err := exec.Command(tool, option, plain, packed).CombinedOutput(); err != nil {
			t.Fatalf("dcmcjpeg %s: %v: %s", option, err, out)
		}
		file, err := os.ReadFile(packed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Image(file); err != nil {
			t.Errorf("%s: the whole stream gives %v", option, err)
		}
		start := bytes.Index(file, []byte{0xff, 0xd8, 0xff})
		item := binary.LittleEndian.Uint32(file[start-4:])
		for _, cut := range []uint32{item / 2 &^ 1, item * 3 / 4 &^ 1, item - 32} {
			broken := bytes.Clone(file[:start+int(cut)])
			binary.LittleEndian.PutUint32(broken[start-4:], cut)
			broken = append(broken, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0) // sequence delimiter
			if _, err := c.Image(broken); !isProblem(err, Broken) {
				t.Errorf("%s: %d of %d bytes of the stream give %v", option, cut, item, err)
			}
		}
	}
}

func TestBrokenFilesAreProblemsAndTheChildLivesOn(t *testing.T) {
	c := startChild(t, Limits{})
	im := testImage(48)
	file := writeImage(t, c, im)
	declare := func(group, element, value uint16) []byte { return withUint16(file, group, element, value) }
	for _, test := range []struct {
		name string
		file []byte
		want Problem
	}{
		{"no bytes", nil, Broken},
		{"text", []byte("dear colleague"), Broken},
		{"preamble only", file[:132], Broken},
		{"cut in the meta header", file[:200], Broken},
		{"cut in the data set", file[:700], Broken},
		{"cut in the pixels", file[:len(file)-1000], Broken},
		{"last byte missing", file[:len(file)-1], Broken},
		{"more rows than there are pixels", declare(0x0028, 0x0010, 49), Broken},
		{"no rows", declare(0x0028, 0x0010, 0), Broken},
		{"7 bits", declare(0x0028, 0x0100, 7), Broken},
		{"colour", declare(0x0028, 0x0002, 3), Broken},
		{"a plane of 8 GB", withUint16(declare(0x0028, 0x0010, 65535), 0x0028, 0x0011, 65535), TooLarge},
		{"unknown transfer syntax", bytes.Replace(file, []byte("1.2.840.10008.1.2.1\x00"), []byte("1.2.840.10008.9.9.9\x00"), 1), Unsupported},
		{"JPEG 2000", bytes.Replace(file, []byte("1.2.840.10008.1.2.1\x00"), []byte("1.2.840.10008.1.2.4."), 1), Unsupported},
	} {
		_, err := c.Image(test.file)
		if !isProblem(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	got, err := c.Image(file)
	if err != nil {
		t.Fatal(err)
	}
	checkSamples(t, im, got.Samples)
}

// Every byte of the header is damaged in turn; no child dies of it or answers
// with other pixels than its header declares.
func TestDamagedHeadersNeverEndTheChild(t *testing.T) {
	c := startChild(t, Limits{})
	im := testImage(16)
	file := writeImage(t, c, im)
	header := len(file) - 2*len(im.HU)
	for i := 128; i < header; i++ {
		damaged := bytes.Clone(file)
		damaged[i] ^= 0xff
		if _, err := c.Image(damaged); isProblem(err, Crashed) || isProblem(err, Timeout) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func TestPixelsBeyondTheLimitAreTooLarge(t *testing.T) {
	file := writeImage(t, startChild(t, Limits{}), testImage(48))
	c := startChild(t, Limits{Pixels: 48*64*2 - 1})
	if _, err := c.Image(file); !isProblem(err, TooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	file := writeImage(t, startChild(t, Limits{}), testImage(48))
	huge := bytes.Clone(file)
	at := bytes.Index(huge, []byte{0xe0, 0x7f, 0x10, 0x00, 'O', 'W', 0, 0})
	binary.LittleEndian.PutUint32(huge[at+8:], 2<<30)
	c := startChild(t, Limits{})
	if _, err := c.Image(huge); !isProblem(err, Broken) {
		t.Errorf("pixel data that declare 2 GiB give %v", err)
	}
	// The limit holds for whatever the child does: here, to take the request.
	c = startChild(t, Limits{Memory: 64 << 20})
	if _, err := c.Image(make([]byte, 128<<20)); !isProblem(err, Crashed) {
		t.Errorf("a request of 128 MiB within 64 MiB gives %v", err)
	}
}

func TestKilledChildIsOneProblem(t *testing.T) {
	c := startChild(t, Limits{})
	file := writeImage(t, c, testImage(48))
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err := c.Image(file)
	if !isProblem(err, Crashed) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
	if _, again := c.Image(file); again != err {
		t.Errorf("a further request gives %v", again)
	}
}

func TestChildThatHangsIsStopped(t *testing.T) {
	c := startChild(t, Limits{})
	file := writeImage(t, c, testImage(48))
	suspend(t, c)
	c.limits.Wall = 50 * time.Millisecond
	begin := time.Now()
	if _, err := c.Image(file); !isProblem(err, Timeout) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if c.cmd.ProcessState == nil {
		t.Error("the child still runs")
	}
}

func TestCancelledContextEndsTheChild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Start(ctx, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file := writeImage(t, c, testImage(48))
	suspend(t, c)
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	if _, err := c.Image(file); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("it took %v", d)
	}
}

func suspend(t *testing.T, c *Child) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// impostor is a child that answers one request with what it likes.
func impostor(t *testing.T, reply []byte) *Child {
	t.Helper()
	fromParent, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toParent, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{ctx: t.Context(), cmd: exec.Command("sleep", "60"), in: in, out: out, limits: Limits{}.orDefaults()}
	if err := c.cmd.Start(); err != nil {
		t.Skip(err)
	}
	go func() {
		defer fromParent.Close()
		defer toParent.Close()
		if r, err := readRequest(fromParent); err == nil {
			io.CopyN(io.Discard, fromParent, int64(r.n))
			toParent.Write(reply)
		}
	}()
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAnswersThatContradictThemselvesAreNotUsed(t *testing.T) {
	header := `{"values":{"Rows":"2","Columns":"2","SamplesPerPixel":"1","BitsAllocated":"8"}}`
	image := func(text string, data []byte) []byte {
		return answerBytes(answer{statusOK, uint32(len(text)), uint64(len(data))}, text, data)
	}
	if _, err := impostor(t, image(header, make([]byte, 4))).Image(nil); err != nil {
		t.Errorf("a good answer gives %v", err)
	}
	for name, reply := range map[string][]byte{
		"too few pixels":  image(header, make([]byte, 3)),
		"too many pixels": image(header, make([]byte, 5)),
		"no header":       image("", make([]byte, 4)),
		"another header":  image(`{"values":{"PatientName":"x"}}`, make([]byte, 4)),
		"half an answer":  image(header, make([]byte, 4))[:30],
		"noise":           bytes.Repeat([]byte("noise"), 20),
	} {
		if _, err := impostor(t, reply).Image(nil); !isProblem(err, Crashed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func isProblem(err error, p Problem) bool {
	var e *Error
	return errors.As(err, &e) && e.Problem == p
}

// withUint16 returns a copy of a file with an attribute of VR US changed.
func withUint16(file []byte, group, element, value uint16) []byte {
	tag := binary.LittleEndian.AppendUint16(nil, group)
	tag = binary.LittleEndian.AppendUint16(tag, element)
	changed := bytes.Clone(file)
	at := bytes.Index(changed, append(tag, 'U', 'S', 2, 0))
	binary.LittleEndian.PutUint16(changed[at+8:], value)
	return changed
}

func BenchmarkImage(b *testing.B) {
	c, err := Start(b.Context(), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	file, err := c.WriteCT(testImage(4096))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := c.Image(file); err != nil {
			b.Fatal(err)
		}
	}
}
