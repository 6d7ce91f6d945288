package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
)

// Limits bound what [Decode] reads and allocates. The zero value means the
// defaults named at each field.
type Limits struct {
	MaxBytes  int // size of the file; 64 MiB if zero
	MaxPixels int // width times height; 32 million if zero
	MinSide   int // pixels of the shorter side; 32 if zero
}

func (l Limits) orDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 64 << 20
	}
	if l.MaxPixels <= 0 {
		l.MaxPixels = 32_000_000
	}
	if l.MinSide <= 0 {
		l.MinSide = 32
	}
	return l
}

// Refusal is the error of a picture that was read in full and is not taken. Its
// parts are phrases without a capital or a full stop, to be joined into one
// sentence.
type Refusal struct {
	Problem string // what is wrong
	Advice  string // what would help; may be empty
	Err     error  // the decoder's error; may be nil
}

func (r *Refusal) Error() string {
	if r.Advice == "" {
		return r.Problem
	}
	return r.Problem + ": " + r.Advice
}

// Unwrap returns the decoder's error, if there is one.
func (r *Refusal) Unwrap() error { return r.Err }

// maxScans bounds the passes of a progressive JPEG: each costs the time of the
// whole picture, and real encoders write about ten.
const maxScans = 100

// Decode reads one PNG or JPEG picture of 8 bits or fewer a channel and returns
// it in grey. Colours, palette entries included, become luminance as Pillow's
// mode "L" has it (ITU-R BT.601 in 16-bit fixed point), transparent pixels lie
// on black. An orientation noted in a JPEG is not applied: left and right of a
// slice are not a camera's to turn. The size is checked before pixels are
// allocated.
//
// Bytes that are no such picture yield a [*Refusal]; an error of r itself is
// passed on as it is.
func Decode(r io.Reader, l Limits) (*image.Gray, error) {
	l = l.orDefaults()
	data, err := io.ReadAll(io.LimitReader(r, int64(l.MaxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	if len(data) > l.MaxBytes {
		return nil, &Refusal{
			Problem: fmt.Sprintf("the file is larger than the %d MiB allowed for a picture", l.MaxBytes>>20),
			Advice:  "give one slice as an 8-bit PNG or JPEG",
		}
	}
	f, err := sniff(data)
	if err != nil {
		return nil, err
	}
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, f.broken(err)
	}
	if err := check(config, l); err != nil {
		return nil, err
	}
	if need := f.memory(config, data); need > freeMemory+len(data) {
		return nil, &Refusal{
			Problem: fmt.Sprintf("the picture has %d x %d pixels, which takes %d MB of memory and far more than a file of its size usually does", config.Width, config.Height, need/1_000_000),
			Advice:  "save it again in grey and at the size of the slice, usually 512 x 512",
		}
	}
	decoded, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, f.broken(err)
	}
	return grey(decoded), nil
}

// freeMemory is what decoding may take beside the size of the file, so that a
// small file of one colour cannot fill the memory: enough for 4096 x 4096 greys.
const freeMemory = 48 << 20

// memory is how many bytes decoding takes at most, the grey picture included.
func (f format) memory(c image.Config, data []byte) int {
	bytes := 4 // red, green, blue, transparency or black
	switch c.ColorModel {
	case color.GrayModel:
		bytes = 1
	case color.YCbCrModel:
		bytes = 3
	}
	if _, palette := c.ColorModel.(color.Palette); palette {
		bytes = 1
	}
	switch {
	case f.name == "PNG" && len(data) > pngInterlace && data[pngInterlace] != 0:
		bytes *= 2 // a pass beside the whole
	case f.name == "JPEG" && progressive(data):
		bytes *= 5 // coefficients of 32 bits
	}
	return (bytes + 1) * c.Width * c.Height
}

// pngInterlace is where a PNG says how its lines follow each other.
const pngInterlace = 28

// progressive reports whether a JPEG may be one: a start of frame 2.
func progressive(data []byte) bool { return bytes.Contains(data, []byte{0xff, 0xc2}) }

type format struct {
	name   string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func (f format) broken(err error) error {
	return &Refusal{
		Problem: fmt.Sprintf("the %s is cut short or broken", f.name),
		Advice:  "export or copy it again",
		Err:     err,
	}
}

func sniff(data []byte) (format, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return format{"PNG", png.DecodeConfig, png.Decode}, nil
	case bytes.HasPrefix(data, []byte{0xff, 0xd8}):
		if bytes.Count(data, []byte{0xff, 0xda}) > maxScans {
			return format{}, &Refusal{
				Problem: fmt.Sprintf("the JPEG has more than %d scans", maxScans),
				Advice:  "save it again as PNG or plain JPEG",
			}
		}
		return format{"JPEG", jpeg.DecodeConfig, jpeg.Decode}, nil
	case len(data) == 0:
		return format{}, &Refusal{Problem: "the file is empty", Advice: "export or copy it again"}
	default:
		return format{}, &Refusal{Problem: "the file is neither PNG nor JPEG", Advice: "save the slice as an 8-bit PNG"}
	}
}

func check(c image.Config, l Limits) error {
	switch c.ColorModel {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return &Refusal{
			Problem: "the PNG has 16 bits a channel, and what window its values are in is not known",
			Advice:  "give the DICOM file, or convert it to 8 bits with a lung window (level -600 HU, width 1500 HU)",
		}
	}
	if c.Width < l.MinSide || c.Height < l.MinSide {
		return &Refusal{
			Problem: fmt.Sprintf("the picture has %d x %d pixels, too few for a CT slice (at least %d x %d)", c.Width, c.Height, l.MinSide, l.MinSide),
			Advice:  "give the slice at its own size, usually 512 x 512",
		}
	}
	if c.Height > l.MaxPixels/c.Width {
		return &Refusal{
			Problem: fmt.Sprintf("the picture has %d x %d pixels, more than the %d million allowed", c.Width, c.Height, l.MaxPixels/1_000_000),
			Advice:  "give the slice at its own size, usually 512 x 512",
		}
	}
	return nil
}
