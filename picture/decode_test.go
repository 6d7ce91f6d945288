package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jcs-ct/jcs/internal/parsetest"
	"github.com/jcs-ct/jcs/picture"
)

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// filled returns a picture of one colour in the colour model of m.
func filled(m interface {
	image.Image
	Set(x, y int, c color.Color)
}, c color.Color) image.Image {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			m.Set(x, y, c)
		}
	}
	return m
}

var square = image.Rect(0, 0, 40, 36)

func TestDecodeKeepsGreyPixels(t *testing.T) {
	want := noise(61, 47)
	got, err := picture.Decode(bytes.NewReader(encodePNG(t, want)), picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	samePicture(t, got, want)
}

func TestDecodeTurnsColourIntoPillowsLuminance(t *testing.T) {
	// The values on the right are those of Pillow's Image.convert("L").
	for _, c := range []struct {
		colour color.NRGBA
		want   uint8
	}{
		{color.NRGBA{255, 0, 0, 255}, 76},
		{color.NRGBA{0, 255, 0, 255}, 150},
		{color.NRGBA{0, 0, 255, 255}, 29},
		{color.NRGBA{10, 200, 30, 255}, 124},
		{color.NRGBA{56, 255, 255, 255}, 195},
		{color.NRGBA{77, 77, 77, 255}, 77},
		{color.NRGBA{255, 255, 255, 255}, 255},
		{color.NRGBA{200, 200, 200, 0}, 0},
		{color.NRGBA{200, 200, 200, 51}, 40},
	} {
		forms := map[string][]byte{
			"PNG":     encodePNG(t, filled(image.NewNRGBA(square), c.colour)),
			"palette": encodePNG(t, filled(image.NewPaletted(square, color.Palette{color.NRGBA{1, 2, 3, 255}, c.colour}), c.colour)),
		}
		if c.colour.A == 255 && c.colour.R == c.colour.B {
			forms["JPEG"] = encodeJPEG(t, filled(image.NewNRGBA(square), c.colour))
			forms["grey JPEG"] = encodeJPEG(t, filled(image.NewGray(square), c.colour))
		}
		for name, data := range forms {
			got, err := picture.Decode(bytes.NewReader(data), picture.Limits{})
			if err != nil {
				t.Fatalf("%s of %v: %v", name, c.colour, err)
			}
			for i, v := range got.Pix {
				if v != c.want {
					t.Fatalf("%s of %v: pixel %d is %d, want %d", name, c.colour, i, v, c.want)
				}
			}
		}
	}
}

func TestDecodeReadsMasksByTheirPalette(t *testing.T) {
	mask := image.NewPaletted(image.Rect(0, 0, 33, 33), color.Palette{color.Black, color.White})
	mask.SetColorIndex(4, 7, 1)
	got, err := picture.Decode(bytes.NewReader(encodePNG(t, mask)), picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := image.NewGray(mask.Rect)
	want.SetGray(4, 7, color.Gray{255})
	samePicture(t, got, want)
}

// declare rewrites the size in a PNG's header and its checksum.
func declare(data []byte, w, h uint32) []byte {
	out := bytes.Clone(data)
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

func TestDecodeRefusesWhatIsNoSlice(t *testing.T) {
	plain := encodePNG(t, noise(64, 64))
	photo := encodeJPEG(t, noise(64, 64))
	scans := append(bytes.Clone(photo[:len(photo)-2]), bytes.Repeat([]byte{0xff, 0xda}, 200)...)
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"nothing", nil, "the file is empty"},
		{"text", []byte("no picture at all"), "neither PNG nor JPEG"},
		{"a GIF", []byte("GIF89a\x01\x00\x01\x00"), "neither PNG nor JPEG"},
		{"a 16-bit grey PNG", encodePNG(t, image.NewGray16(square)), "give the DICOM file, or convert it to 8 bits"},
		{"a 16-bit colour PNG", encodePNG(t, filled(image.NewNRGBA64(square), color.NRGBA64{1, 2, 3, 9})), "16 bits a channel"},
		{"an opaque 16-bit colour PNG", encodePNG(t, filled(image.NewRGBA64(square), color.RGBA64{1, 2, 3, 0xffff})), "16 bits a channel"},
		{"a 1x1 PNG", encodePNG(t, noise(1, 1)), "1 x 1 pixels, too few"},
		{"a thin PNG", encodePNG(t, noise(200, 31)), "200 x 31 pixels, too few"},
		{"a PNG that declares 2 gigapixels", declare(plain, 1<<16, 1<<15), "65536 x 32768 pixels, more than"},
		{"a PNG that declares the largest size", declare(plain, 1<<31-1, 1<<31-1), ""},
		{"a truncated PNG", plain[:len(plain)/2], "PNG is cut short or broken"},
		{"a PNG signature", plain[:8], "PNG is cut short or broken"},
		{"a truncated JPEG", photo[:len(photo)/2], "JPEG is cut short or broken"},
		{"a JPEG of too many scans", scans, "more than 100 scans"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := picture.Decode(bytes.NewReader(c.data), picture.Limits{})
			var refusal *picture.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v and %v, want a refusal", got, err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %q, want %q in it", err, c.says)
			}
		})
	}
}

// TestDecodeAnswersOddFiles needs the odd files, which are not part of the
// project. An empty answer means that the file is read.
func TestDecodeAnswersOddFiles(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "data", "dicom-odd")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the odd files are not here: %v", err)
	}
	for name, says := range map[string]string{
		"png16_grey.png":               "16 bits a channel",
		"png_1x1.png":                  "too few",
		"png_cut.png":                  "cut short or broken",
		"jpg_cut.jpg":                  "cut short or broken",
		"png_bad_crc.png":              "cut short or broken",
		"png_declares_60000x60000.png": "60000 x 60000 pixels, more than",
		"png_bomb_12000x12000.png":     "12000 x 12000 pixels, more than",
		"strip_5000x8.png":             "too few",
		"text.png":                     "neither PNG nor JPEG",
		"bmp.bmp":                      "neither PNG nor JPEG",
		"gif.gif":                      "neither PNG nor JPEG",
		"jpg_cmyk.jpg":                 "",
		"png_rgba_transparent.png":     "",
		"png_palette.png":              "",
		"png_1bit.png":                 "",
		"jpg_exif_rotated.jpg":         "",
		"jpg_progressive.jpg":          "",
		"png_interlaced_or_text.png":   "",
		"png_named.jpg":                "",
		"all_black.png":                "",
	} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := picture.Decode(bytes.NewReader(data), picture.Limits{})
		switch {
		case says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case says == "" && got.Rect.Empty():
			t.Errorf("%s: no pixels", name)
		case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("%s: got %v, want %q in it", name, err, says)
		}
	}
}

func TestDecodeKeepsToTheLimitsItIsGiven(t *testing.T) {
	data := encodePNG(t, noise(64, 50))
	for _, c := range []struct {
		name   string
		limits picture.Limits
		taken  bool
	}{
		{"just enough bytes", picture.Limits{MaxBytes: len(data)}, true},
		{"a byte too few", picture.Limits{MaxBytes: len(data) - 1}, false},
		{"just enough pixels", picture.Limits{MaxPixels: 64 * 50}, true},
		{"a pixel too few", picture.Limits{MaxPixels: 64*50 - 1}, false},
		{"the shorter side allowed", picture.Limits{MinSide: 50}, true},
		{"a side too short", picture.Limits{MinSide: 51}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := picture.Decode(bytes.NewReader(data), c.limits)
			if (err == nil) != c.taken {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A picture of one grey is a thousand times smaller than its pixels.
func TestSmallFilesCannotTakeMuchMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		image image.Image
		taken bool
	}{
		{"4096 x 4096 greys", image.NewGray(image.Rect(0, 0, 4096, 4096)), true},
		{"2500 x 2500 colours", image.NewNRGBA(image.Rect(0, 0, 2500, 2500)), true},
		{"5600 x 5600 greys", image.NewGray(image.Rect(0, 0, 5600, 5600)), false},
		{"4000 x 4000 colours", image.NewNRGBA(image.Rect(0, 0, 4000, 4000)), false},
	} {
		data := encodePNG(t, c.image)
		parsetest.Hold(t, len(data), func() {
			_, err := picture.Decode(bytes.NewReader(data), picture.Limits{})
			if (err == nil) != c.taken {
				t.Errorf("%s in %d bytes: %v", c.name, len(data), err)
			}
		})
	}
	// Start of frame 2 with 4000 x 4000 pixels of three components, start of scan.
	progressive := []byte("\xff\xd8\xff\xc2\x00\x11\x08\x0f\xa0\x0f\xa0\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00")
	_, err := picture.Decode(bytes.NewReader(progressive), picture.Limits{})
	if err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a progressive JPEG of 4000 x 4000 in %d bytes: %v", len(progressive), err)
	}
}

func TestDecodePassesReadErrorsOn(t *testing.T) {
	_, err := picture.Decode(iotest.ErrReader(io.ErrClosedPipe), picture.Limits{})
	var refusal *picture.Refusal
	if !errors.Is(err, io.ErrClosedPipe) || errors.As(err, &refusal) {
		t.Errorf("got %v, want the reader's error and no refusal", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encodePNG(f, noise(33, 32)))
	f.Add(encodePNG(f, image.NewGray16(square)))
	f.Add(encodePNG(f, filled(image.NewNRGBA(square), color.NRGBA{9, 8, 7, 6})))
	f.Add(encodePNG(f, image.NewPaletted(square, color.Palette{color.Black, color.White})))
	f.Add(encodeJPEG(f, noise(40, 32)))
	f.Add(encodeJPEG(f, filled(image.NewNRGBA(square), color.NRGBA{90, 8, 7, 255})))
	limits := picture.Limits{MaxBytes: 1 << 16, MaxPixels: 1 << 14, MinSide: 2}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p *image.Gray
		var err error
		parsetest.Hold(t, len(data), func() { p, err = picture.Decode(bytes.NewReader(data), limits) })
		if err != nil {
			var refusal *picture.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("an error that is no refusal: %v", err)
			}
			return
		}
		w, h := p.Rect.Dx(), p.Rect.Dy()
		if w < limits.MinSide || h < limits.MinSide || w*h > limits.MaxPixels || len(p.Pix) != w*h || p.Rect.Min != (image.Point{}) {
			t.Fatalf("a picture of %v with %d values passed the limits", p.Rect, len(p.Pix))
		}
	})
}
