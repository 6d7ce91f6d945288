package ct

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// headerBytes is how much of a file is read for its header; if the pixel data
// have not begun by then, 16 times as much, and so on up to all of it.
const headerBytes = 64 << 10

// surveyDICOM reads the headers and chooses a series of each study.
func (c *Contents) surveyDICOM(ctx context.Context) error {
	entries := c.found[formatDICOM]
	var err error
	if c.decoders, err = startDecoders(ctx, entries, c.options.Limits); err != nil {
		return err
	}
	objects, broken, err := readHeaders(ctx, c.decoders, entries, c.options.Limits)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return broken[0].err
	}
	if c.listing.single && len(objects) == 1 && objects[0].directory() {
		return c.surveyDirectory(ctx)
	}
	return c.choose(ctx, objects, broken)
}

// readDICOM reads the series that was taken of a study.
func (c *Contents) readDICOM(ctx context.Context, s *Study) (*Input, error) {
	if err := c.wake(ctx); err != nil {
		return nil, err
	}
	defer c.rest()
	in := s.taken.in.clone()
	in.Series = s.told()
	stored := [3]int{in.Volume.Columns, in.Volume.Rows, in.Volume.Slices}
	if err := in.finish(); err != nil {
		return nil, err
	}
	l := latticeOf(in.Volume.Order, stored)
	if err := in.readPixels(ctx, c.decoders, l, c.options); err != nil {
		return nil, err
	}
	in.fillMissing(l)
	in.warnVolume()
	in.slices = nil
	return in, nil
}

// wake starts the decoders again that rest ended. They are not kept between two
// studies: children die with the thread that started them, and what is done with
// a study may end threads.
func (c *Contents) wake(ctx context.Context) error {
	if c.decoders != nil {
		return c.decoders.revive(ctx)
	}
	var err error
	c.decoders, err = startDecoders(ctx, c.found[formatDICOM], c.options.Limits)
	return err
}

func (c *Contents) rest() {
	c.decoders.close()
	c.decoders = nil
}

// clone copies an input whose pixels are not read yet, so that it can be read
// more than once.
func (in *Input) clone() *Input {
	copied, v := *in, *in.Volume
	copied.Volume = &v
	copied.Warnings = slices.Clone(in.Warnings)
	return &copied
}

// object is a DICOM file of which the header is known, or a frame of one.
type object struct {
	entry  entry // of a frame, its name says so
	header *dcmtk.Header
	file   string // the file's name
	frame  int    // counted from 1; 0 for the whole file
}

// brokenFile is a file whose header cannot be read, and the refusal for it.
type brokenFile struct {
	entry entry
	err   *Refusal
}

// readHeaders reads the headers of all files, and tells which cannot be read.
func readHeaders(ctx context.Context, d *decoders, entries []entry, limits Limits) (objects []object, broken []brokenFile, err error) {
	headers := make([]*dcmtk.Header, len(entries))
	refusals := make([]*Refusal, len(entries))
	err = d.eachOf(ctx, len(entries), func(worker, i int) error {
		h, err := readHeader(d.children[worker], entries[i], limits)
		headers[i] = h
		if errors.As(err, &refusals[i]) && len(entries) > 1 {
			return d.reviveOne(ctx, worker) // the next file is another matter
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for i, h := range headers {
		if h == nil {
			broken = append(broken, brokenFile{entries[i], refusals[i]})
			continue
		}
		objects = append(objects, objectsOf(entries[i], h)...)
	}
	return objects, broken, nil
}

func readHeader(c *dcmtk.Child, e entry, limits Limits) (*dcmtk.Header, error) {
	h, err := c.HeaderFrom(func(buffer []byte) ([]byte, error) { return e.prefixInto(buffer, headerBytes) }, e.size)
	for n := int64(16 * headerBytes); errors.Is(err, dcmtk.ErrHeaderUnfinished); n *= 16 {
		var start []byte
		if n < min(e.size, limits.FileBytes) {
			start, err = e.prefix(int(n))
		} else {
			start, err = e.read(limits.FileBytes)
		}
		if err != nil {
			return nil, err
		}
		h, err = c.Header(start, n >= min(e.size, limits.FileBytes))
	}
	if err != nil {
		return nil, decodeError(e.name, err)
	}
	return h, nil
}

// readPixels fills the volume's Hounsfield units, each slice where it belongs: to
// put them in order afterwards would take as much memory again.
func (in *Input) readPixels(ctx context.Context, d *decoders, l lattice, o Options) error {
	v := in.Volume
	v.HU = make([]int16, v.Columns*v.Rows*v.Slices)
	progress := counter(len(in.slices), o.Progress)
	scratch := make([][]int16, len(d.children))
	return d.eachOf(ctx, len(in.slices), func(worker, i int) error {
		s, child := in.slices[i], d.children[worker]
		switch {
		case s.missing: // see fillMissing
		case v.Order.AsStored():
			if err := s.read(child, v.Slice(i), o.Limits); err != nil {
				return err
			}
		default:
			if scratch[worker] == nil {
				scratch[worker] = make([]int16, l.size[0]*l.size[1])
			}
			if err := s.read(child, scratch[worker], o.Limits); err != nil {
				return err
			}
			l.put(v.HU, scratch[worker], i)
		}
		progress()
		return nil
	})
}

// read fills dst with the slice's Hounsfield units.
func (s *slice) read(c *dcmtk.Child, dst []int16, limits Limits) error {
	image, err := c.FrameOf(s.file, max(0, s.number-1), func() (*dcmtk.Image, error) {
		pieces, err := s.pieces(limits)
		if err != nil {
			return nil, err
		}
		if pieces != nil {
			return c.ImageOf(pieces, s.entry.size)
		}
		return c.ImageFrom(func(buffer []byte) ([]byte, error) { return s.entry.readInto(buffer, limits.FileBytes) })
	})
	if err != nil {
		return decodeError(s.entry.name, err)
	}
	return s.hounsfield(dst, image)
}

// pieces opens a file of several frames to be read piece by piece, since it is as
// large as the volume; nil where that cannot be: in a zip, and where the file is
// deflated.
func (s *slice) pieces(limits Limits) (dcmtk.Pieces, error) {
	if s.number == 0 || s.deflated {
		return nil, nil
	}
	if s.entry.size > limits.FileBytes {
		return nil, s.entry.tooLarge(limits.FileBytes)
	}
	r, err := s.entry.open()
	if err != nil {
		return nil, err
	}
	if p, ok := r.(dcmtk.Pieces); ok {
		return p, nil
	}
	r.Close()
	return nil, nil
}

// decodeError makes a refusal of what was wrong with a file.
func decodeError(name string, err error) error {
	var e *dcmtk.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	var r *Refusal
	switch e.Problem {
	case dcmtk.Broken:
		r = refuse("broken_dicom", "%s is cut short or broken (%s): copy or export it again", name, e.Detail)
	case dcmtk.Unsupported:
		r = refuse("transfer_syntax", "%s is stored as %s, which is not read: export the series uncompressed, or convert it with gdcmconv --raw", name, syntaxName(e.Detail))
	case dcmtk.TooLarge:
		r = refuse("too_large", "%s declares more data than one CT slice has (%s): give single slices", name, e.Detail)
	case dcmtk.Memory:
		r = refuse("too_large", "%s declares more data than the memory allowed for one file: copy or export it again", name)
	case dcmtk.Timeout:
		r = refuse("decoder_timeout", "%s took too long to decode (%s) and was given up: copy or export it again", name, e.Detail)
	default:
		r = refuse("decoder_crashed", "the decoder process ended while reading %s (%s): if it happens again the file is broken, copy or export it again", name, e.Detail)
	}
	r.Err = err
	return r
}

// syntaxName writes a transfer syntax that is not decoded with its name
// (PS3.6, table A-1).
func syntaxName(uid string) string {
	name := map[string]string{
		"1.2.840.10008.1.2.4.92":  "JPEG 2000 part 2",
		"1.2.840.10008.1.2.4.93":  "JPEG 2000 part 2",
		"1.2.840.10008.1.2.4.110": "JPEG XL",
		"1.2.840.10008.1.2.4.111": "JPEG XL",
		"1.2.840.10008.1.2.4.112": "JPEG XL",
	}[uid]
	switch {
	case name != "":
		return fmt.Sprintf("%s (transfer syntax %s)", name, uid)
	case strings.HasPrefix(uid, "1.2.840.10008.1.2.4.10"):
		return fmt.Sprintf("MPEG video (transfer syntax %s)", uid)
	default:
		return "transfer syntax " + uid
	}
}
