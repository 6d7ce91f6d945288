//go:build cgo && linux

package dcmtk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// available says that this build has DCMTK.
const available = true

// childName is the first argument by which a process knows that it is a child.
const childName = "jcs-dcmtk-child"

// Child is a process that reads and writes DICOM files. It is not safe for use
// by several goroutines at once; each has its own. The zero value is of no use.
type Child struct {
	ctx               context.Context
	cmd               *exec.Cmd
	in                *os.File // to the child
	out               *os.File // from the child
	limits            Limits
	version, openJPEG string
	buffer            []byte
	ended             error // why there is no child any more

	file       []byte  // where files are read to
	size       int64   // of that file
	piece      []byte  // of it
	pulled     Pieces  // the open image's file where the child asks for its bytes
	held       string  // the key of the open image; see FrameOf
	open       *Header // of the open image
	frameBytes int64   // of a frame of the open image; 0 where none is open
}

// Image is a decoded file: its header and the stored values of its first frame,
// 8 or 16 bits each as BitsAllocated says, little endian, colours interleaved or
// not as the file has them. Samples are valid until the child's next request.
type Image struct {
	Header  *Header
	Samples []byte
}

// Start starts a child. It lives until Close, until ctx is done, or until a
// request fails by [Memory], [Crashed] or [Timeout].
func Start(ctx context.Context, limits Limits) (*Child, error) {
	c := &Child{ctx: ctx, limits: limits.orDefaults()}
	if err := c.start(); err != nil {
		return nil, fmt.Errorf("dcmtk: start decoder process: %w", err)
	}
	if err := c.greet(); err != nil {
		c.Close()
		return nil, fmt.Errorf("dcmtk: start decoder process: %w", err)
	}
	return c, nil
}

func (c *Child) start() error {
	fromParent, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer fromParent.Close()
	out, toParent, err := os.Pipe()
	if err != nil {
		in.Close()
		return err
	}
	defer toParent.Close()
	// The link in /proc is this very binary, even if its file was replaced.
	c.cmd = exec.CommandContext(c.ctx, "/proc/self/exe")
	c.cmd.Args = []string{
		childName,
		strconv.FormatInt(c.limits.Memory, 10),
		strconv.FormatInt(int64(c.limits.CPU/time.Second)+1, 10),
	}
	c.cmd.Env = childEnv(os.Environ())
	c.cmd.Dir = "/"
	c.cmd.Stdin, c.cmd.Stdout = fromParent, toParent
	// Its own process group keeps Ctrl-C from it: the parent decides.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		in.Close()
		out.Close()
		return err
	}
	c.in, c.out = in, out
	return nil
}

// childEnv passes on only where libraries and the data dictionary are.
func childEnv(env []string) []string {
	kept := []string{"GOTRACEBACK=none", "MALLOC_ARENA_MAX=1", "OMP_NUM_THREADS=1", "GOMAXPROCS=1"}
	for _, e := range env {
		if strings.HasPrefix(e, "LD_LIBRARY_PATH=") || strings.HasPrefix(e, "DCMDICTPATH=") {
			kept = append(kept, e)
		}
	}
	return kept
}

// greet waits for the child's first words: the versions of its libraries.
func (c *Child) greet() error {
	if err := c.out.SetReadDeadline(time.Now().Add(c.limits.Wall)); err != nil {
		return c.end(err)
	}
	s, text, _, err := readAnswer(c.out, 0, nil)
	if err != nil {
		return c.end(err)
	}
	if s != statusOK {
		return errors.New(clean(text))
	}
	c.version, c.openJPEG, _ = strings.Cut(clean(text), " ")
	return nil
}

// Version returns the version of DCMTK.
func (c *Child) Version() string { return c.version }

// OpenJPEGVersion returns the version of OpenJPEG.
func (c *Child) OpenJPEGVersion() string { return c.openJPEG }

// Header reads a file's header from its first bytes. whole says that they are
// all of the file; otherwise the error may be [ErrHeaderUnfinished].
func (c *Child) Header(start []byte, whole bool) (*Header, error) {
	op := opHeader
	if whole {
		op = opWhole
	}
	text, _, err := c.ask(request{op: op}, start)
	if err != nil {
		return nil, err
	}
	return c.header(text)
}

// HeaderFrom is [Child.Header] of the first bytes of a file of so many, which are
// read into the buffer that is given, where that is large enough.
func (c *Child) HeaderFrom(read func(buffer []byte) ([]byte, error), size int64) (*Header, error) {
	start, err := read(c.file)
	if err != nil {
		return nil, err
	}
	c.file = start[:0]
	return c.Header(start, int64(len(start)) == size)
}

// References returns the files that a DICOMDIR refers to: of each its path below
// the DICOMDIR's folder as the file has it, part by part. A part may be anything.
func (c *Child) References(file []byte) ([][]string, error) {
	text, _, err := c.ask(request{op: opDirectory}, file)
	if err != nil {
		return nil, err
	}
	return decodeReferences(text)
}

// Image reads a file and decodes its first frame; [Child.Frame] gives the others.
func (c *Child) Image(file []byte) (*Image, error) {
	c.release()
	return c.first(request{op: opImage, max: uint64(c.limits.Pixels)}, file)
}

// first asks for an image's header and first frame.
func (c *Child) first(r request, payload []byte) (*Image, error) {
	text, samples, err := c.ask(r, payload)
	if err != nil {
		return nil, err
	}
	h, err := c.header(text)
	if err != nil {
		return nil, err
	}
	n, err := h.frameBytes()
	if err != nil {
		return nil, &Error{Problem: Broken, Detail: err.Error()}
	}
	if n != int64(len(samples)) {
		return nil, c.end(fmt.Errorf("%d bytes of pixels where the header says %d", len(samples), n))
	}
	c.open, c.frameBytes = h, n
	return &Image{Header: h, Samples: samples}, nil
}

// Pieces is a file that is read piece by piece.
type Pieces interface {
	io.ReaderAt
	io.Closer
}

// ImageOf is [Child.Image] of a file of so many bytes that no process holds as a
// whole. The child closes it when another image is opened, and when it ends
// itself. Deflated files are [Broken] to it.
func (c *Child) ImageOf(file Pieces, size int64) (*Image, error) {
	c.release()
	c.pulled, c.size = file, size
	return c.first(request{op: opPull, max: uint64(c.limits.Pixels)}, binary.LittleEndian.AppendUint64(nil, uint64(size)))
}

// release lets go of the open image.
func (c *Child) release() {
	c.held, c.frameBytes = "", 0
	if c.pulled != nil {
		c.pulled.Close()
		c.pulled, c.size = nil, 0
	}
}

// Frame decodes a frame, counted from 0, of the file that was last given to
// [Child.Image] or [Child.ImageOf], and returns its samples, which are valid until the next
// request. Frames in their order are the fastest.
func (c *Child) Frame(i int) ([]byte, error) {
	if c.frameBytes == 0 {
		return nil, errors.New("dcmtk: no image is open")
	}
	_, samples, err := c.ask(request{op: opFrame, max: uint64(c.frameBytes)}, binary.LittleEndian.AppendUint32(nil, uint32(i)))
	if err != nil {
		return nil, err
	}
	if int64(len(samples)) != c.frameBytes {
		return nil, c.end(fmt.Errorf("%d bytes of pixels where the header says %d", len(samples), c.frameBytes))
	}
	return samples, nil
}

// ImageFrom is [Child.Image] of a file that is read into the buffer that it is
// given, where that is large enough.
func (c *Child) ImageFrom(read func(buffer []byte) ([]byte, error)) (*Image, error) {
	data, err := read(c.file)
	if err != nil {
		return nil, err
	}
	if cap(data) <= maxKeptFile {
		c.file = data[:0]
	}
	return c.Image(data)
}

// maxKeptFile is the largest buffer for files that is kept for the next one.
const maxKeptFile = 4 << 20

// FrameOf decodes a frame, counted from 0, of the file that key names. open opens
// that file, by [Child.Image] or [Child.ImageOf]; it is not called where the last
// frame was of the same file.
func (c *Child) FrameOf(key string, i int, open func() (*Image, error)) (*Image, error) {
	if c.held != key || c.frameBytes == 0 {
		image, err := open()
		if err != nil {
			return nil, err
		}
		c.held = key
		if i == 0 {
			return image, nil
		}
	}
	samples, err := c.Frame(i)
	if err != nil {
		return nil, err
	}
	return &Image{Header: c.open, Samples: samples}, nil
}

func (c *Child) header(text []byte) (*Header, error) {
	h, err := decodeHeader(text)
	if err != nil {
		return nil, c.end(err)
	}
	return h, nil
}

// Write returns a DICOM file of the attributes and, as its pixel data, the
// samples of 16 bits in little endian; the file is explicit little endian.
func (c *Child) Write(attributes []Attribute, samples []byte) ([]byte, error) {
	return c.WriteAs(ExplicitLittleEndian, attributes, samples)
}

// WriteAs returns a DICOM file as [Child.Write] does, in the transfer syntax of
// a UID. One that is not written ([Syntaxes]) is an [*Error] that is
// [Unsupported].
func (c *Child) WriteAs(syntax string, attributes []Attribute, samples []byte) ([]byte, error) {
	payload, err := encodeWrite(writing{syntax, attributes}, samples)
	if err != nil {
		return nil, err
	}
	// Noise grows by encoding, but never to twice its size.
	_, data, err := c.ask(request{op: opWrite, max: 2*uint64(len(payload)) + 1<<20}, payload)
	if err != nil {
		return nil, err
	}
	c.buffer = nil // the caller keeps the file
	return data, nil
}

// ask sends a request and returns the answer's parts.
func (c *Child) ask(r request, payload []byte) (text, data []byte, err error) {
	if err := c.ctx.Err(); err != nil {
		return nil, nil, err
	}
	if c.ended != nil {
		return nil, nil, c.ended
	}
	r.n = uint64(len(payload))
	wall := c.limits.Wall + time.Duration((int64(len(payload))+c.size)>>25)*time.Second
	deadline := time.Now().Add(wall)
	if err := errors.Join(c.in.SetWriteDeadline(deadline), c.out.SetReadDeadline(deadline)); err != nil {
		return nil, nil, c.end(err)
	}
	if _, err := c.in.Write(r.encode()); err != nil {
		return nil, nil, c.end(err)
	}
	if _, err := c.in.Write(payload); err != nil {
		return nil, nil, c.end(err)
	}
	s, text, data, err := readAnswer(c.out, int64(r.max), c.buffer)
	for err == nil && s == statusNeed {
		if err := c.give(text); err != nil {
			return nil, nil, err
		}
		s, text, data, err = readAnswer(c.out, int64(r.max), c.buffer)
	}
	if err != nil {
		return nil, nil, c.end(err)
	}
	c.buffer = data[:cap(data)]
	switch s {
	case statusOK:
		return text, data, nil
	case statusMore:
		return nil, nil, ErrHeaderUnfinished
	case statusBroken:
		return nil, nil, &Error{Problem: Broken, Detail: clean(text)}
	case statusUnsupported:
		return nil, nil, &Error{Problem: Unsupported, Detail: clean(text)}
	case statusTooLarge:
		return nil, nil, &Error{Problem: TooLarge, Detail: clean(text)}
	case statusMemory:
		return nil, nil, &Error{Problem: Memory}
	default:
		return nil, nil, fmt.Errorf("dcmtk: decoder process: %s", clean(text))
	}
}

// give sends the child the piece of its file that it asks for.
func (c *Child) give(question []byte) error {
	if c.pulled == nil {
		return c.end(errors.New("question for a file where there is none"))
	}
	n, err := decodeNeed(question, c.size)
	if err != nil {
		return c.end(err)
	}
	if uint64(cap(c.piece)) < n.n {
		c.piece = make([]byte, n.n)
	}
	if _, err := c.pulled.ReadAt(c.piece[:n.n], int64(n.offset)); err != nil && !(errors.Is(err, io.EOF) && n.offset+n.n == uint64(c.size)) {
		c.stop()
		c.ended = fmt.Errorf("dcmtk: read the file again: %w", err)
		return c.ended
	}
	if _, err := c.in.Write(c.piece[:n.n]); err != nil {
		return c.end(err)
	}
	return nil
}

// end stops the child after a failed exchange and says why it failed.
func (c *Child) end(cause error) error {
	c.stop()
	switch {
	case c.ctx.Err() != nil:
		c.ended = c.ctx.Err()
	case errors.Is(cause, os.ErrDeadlineExceeded):
		c.ended = &Error{Problem: Timeout, Detail: fmt.Sprintf("no answer in %v", c.limits.Wall)}
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF), errors.Is(cause, syscall.EPIPE):
		c.ended = &Error{Problem: Crashed, Detail: c.cmd.ProcessState.String()}
	default:
		c.ended = &Error{Problem: Crashed, Detail: cause.Error()}
	}
	return c.ended
}

// stop ends the process and waits for it.
func (c *Child) stop() {
	c.release()
	c.in.Close()
	c.out.Close()
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill() // it may have ended by itself
		_ = c.cmd.Wait()         // its error is how the process ended; ProcessState holds it
	}
}

// Ended reports whether the child answers no more.
func (c *Child) Ended() bool { return c.ended != nil }

// MaxResident returns the most memory in bytes that the child has had; 0 once it
// has ended. (What the system tells of ended processes counts their parent's in.)
func (c *Child) MaxResident() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil || c.Ended() {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	text, _, _ := strings.Cut(after, " kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// Close ends the child. It may be called more than once.
func (c *Child) Close() error {
	if c.ended == nil {
		c.ended = os.ErrClosed
		c.stop()
	}
	return nil
}

// clean makes a child's words fit to be shown.
func clean(text []byte) string {
	return strings.Map(printable, string(text[:min(len(text), 200)]))
}
