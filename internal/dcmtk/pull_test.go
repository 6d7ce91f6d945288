//go:build cgo && linux

package dcmtk

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"
)

// kept is a file that tells how much of it was read, and whether it was closed.
type kept struct {
	*bytes.Reader
	read   int
	closed bool
	fails  error
}

func (k *kept) ReadAt(p []byte, at int64) (int, error) {
	if k.fails != nil {
		return 0, k.fails
	}
	n, err := k.Reader.ReadAt(p, at)
	k.read += n
	return n, err
}

func (k *kept) Close() error {
	k.closed = true
	return nil
}

func keepFile(data []byte) *kept { return &kept{Reader: bytes.NewReader(data)} }

// framesIn is an enhanced CT of noise, and its samples.
func framesIn(t *testing.T, c *Child, syntax string, frames int) (file, samples []byte) {
	t.Helper()
	e := &EnhancedCT{InstanceUID: UID("enhanced")}
	for i := range frames {
		im := testImage(500)
		im.TransferSyntax, im.InstanceNumber, im.Time = syntax, i+1, time.Unix(0, 0)
		for k := range im.HU {
			im.HU[k] = int16((k*k+i*37)%2000 - 1000)
		}
		e.Frames = append(e.Frames, im)
	}
	samples, err := e.Samples()
	if err != nil {
		t.Fatal(err)
	}
	if file, err = c.WriteEnhancedCT(e); err != nil {
		t.Fatal(err)
	}
	return file, samples
}

func TestAFileIsPulledFrameByFrameInEverySyntaxAndOrder(t *testing.T) {
	c := startChild(t, Limits{})
	for _, syntax := range written() {
		if syntax == Deflated {
			continue
		}
		const frames = 12
		file, samples := framesIn(t, c, syntax, frames)
		n := len(samples) / frames
		source := keepFile(file)
		image, err := c.ImageOf(source, int64(len(file)))
		if err != nil {
			t.Fatalf("%s: %v", syntax, err)
		}
		if !bytes.Equal(image.Samples, samples[:n]) {
			t.Errorf("%s: other samples in the first frame", syntax)
		}
		if source.read > len(file)*3/4 {
			t.Errorf("%s: %d of %d bytes were read for one of %d frames", syntax, source.read, len(file), frames)
		}
		for _, i := range []int{1, 2, 7, 3, 11, 0, 11} {
			got, err := c.Frame(i)
			if err != nil || !bytes.Equal(got, samples[i*n:(i+1)*n]) {
				t.Errorf("%s: frame %d is another one (%v)", syntax, i, err)
			}
		}
		if source.closed {
			t.Errorf("%s: the file was closed before its frames were read", syntax)
		}
		if _, err := c.Image(file); err != nil || !source.closed {
			t.Errorf("%s: the file was left open (%v)", syntax, err)
		}
	}
}

func TestWhatCannotBePulledIsAProblem(t *testing.T) {
	c := startChild(t, Limits{})
	file, _ := framesIn(t, c, ExplicitLittleEndian, 3)
	for name, cut := range map[string]int{"in the pixels": len(file) - 5000, "in the header": 900, "at nothing": 0} {
		if _, err := c.ImageOf(keepFile(file[:cut]), int64(cut)); !isProblem(err, Broken) {
			t.Errorf("cut %s: %v", name, err)
		}
	}
	deflated, _ := framesIn(t, c, Deflated, 3)
	if _, err := c.ImageOf(keepFile(deflated), int64(len(deflated))); !isProblem(err, Broken) {
		t.Errorf("a deflated file: %v", err)
	}
	if c.Ended() {
		t.Fatal("the child ended of a broken file")
	}
	gone := errors.New("the disk is gone")
	source := keepFile(file)
	source.fails = gone
	if _, err := c.ImageOf(source, int64(len(file))); !errors.Is(err, gone) || !c.Ended() || !source.closed {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// What a child asks for is as little to be trusted as what it answers.
func TestQuestionsThatMakeNoSenseEndTheChild(t *testing.T) {
	ask := func(text []byte) []byte {
		return answerBytes(answer{status: statusNeed, text: uint32(len(text))}, string(text), nil)
	}
	for name, question := range map[string][]byte{
		"beyond the end":    ask(need{90, 11}.encode()),
		"far beyond":        ask(need{1 << 63, 1}.encode()),
		"a sum too large":   ask(need{10, ^uint64(0) - 5}.encode()),
		"more than at once": ask(need{0, maxNeed + 1}.encode()),
		"no question":       ask([]byte("what?")),
	} {
		source := keepFile(make([]byte, 100))
		if _, err := impostor(t, question).ImageOf(source, 100); !isProblem(err, Crashed) || !source.closed || source.read > 0 {
			t.Errorf("%s: %v, %d bytes given", name, err, source.read)
		}
	}
	if _, err := impostor(t, ask(need{0, 1}.encode())).Image(nil); !isProblem(err, Crashed) {
		t.Errorf("a question for no file: %v", err)
	}
}

func TestAnEnhancedCTOfUnlikeFramesIsNotWritten(t *testing.T) {
	small, large := testImage(8), testImage(9)
	for name, frames := range map[string][]*CTImage{"none": nil, "two sizes": {small, large}} {
		if _, err := (&EnhancedCT{Frames: frames}).Samples(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	e := &EnhancedCT{InstanceUID: "1.2", Frames: []*CTImage{small}}
	if !slices.ContainsFunc(e.Attributes(), func(a Attribute) bool { return a.Tag == Tag{0x5200, 0x9230} && len(a.Items) == 1 }) {
		t.Error("no functional groups")
	}
}
