package ct

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// faults are small ones of files that hospitals have: each must be read all the
// same, to the same pixels at the same place.
func faults() map[string]func(s *seed) []byte {
	// edit changes an element, in its own copy of the bytes.
	edit := func(tag uint32, change func(e *element)) func(s *seed) []byte {
		return func(s *seed) []byte {
			for i := range s.elements {
				if e := &s.elements[i]; e.tag == tag {
					e.value = slices.Clone(e.value)
					change(e)
				}
			}
			return s.bytes()
		}
	}
	value := func(tag uint32, text string) func(s *seed) []byte {
		return edit(tag, func(e *element) { e.value = []byte(text) })
	}
	vr := func(tag uint32, vr string) func(s *seed) []byte {
		return edit(tag, func(e *element) { e.vr, e.long = vr, longVR(vr) })
	}
	with := func(extra element) func(s *seed) []byte {
		return func(s *seed) []byte { s.insert(extra); return s.bytes() }
	}
	without := func(s *seed, gone func(tag uint32) bool) []byte {
		s.elements = slices.DeleteFunc(s.elements, func(e element) bool { return gone(e.tag) })
		return s.bytes()
	}
	undefinedSequence := append([]byte{0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff}, // item
		0x08, 0x00, 0x50, 0x11, 'U', 'I', 4, 0, '1', '.', '2', 0, 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0)
	return map[string]func(s *seed) []byte{
		"nothing wrong": func(s *seed) []byte { return s.bytes() },

		"no preamble":                 func(s *seed) []byte { return s.bytes()[132:] },
		"no preamble and no meta":     func(s *seed) []byte { return without(s, func(tag uint32) bool { return tag>>16 == 2 })[132:] },
		"preamble of a TIFF file":     func(s *seed) []byte { return append([]byte("II*\x00\x08\x00\x00\x00"), s.bytes()[8:]...) },
		"no group length of the meta": func(s *seed) []byte { return without(s, func(tag uint32) bool { return tag == 0x00020000 }) },
		"meta without transfer syntax": func(s *seed) []byte {
			return without(s, func(tag uint32) bool { return tag == 0x00020010 || tag == 0x00020000 })
		},
		"wrong group length of the meta": edit(0x00020000, func(e *element) {
			binary.LittleEndian.PutUint32(e.value, binary.LittleEndian.Uint32(e.value)+20)
		}),
		"group lengths in the data set":      with(element{tag: 0x00280000, vr: "UL", value: []byte{100, 0, 0, 0}}),
		"wrong group length in the data set": with(element{tag: 0x00280000, vr: "UL", value: []byte{255, 255, 255, 127}}),
		"no media storage identifiers": func(s *seed) []byte {
			return without(s, func(tag uint32) bool { return tag == 0x00020002 || tag == 0x00020003 || tag == 0x00020000 })
		},
		"pixels as OB":                        vr(0x7fe00010, "OB"),
		"slope as LO":                         vr(0x00281053, "LO"),
		"slope as UN":                         vr(0x00281053, "UN"),
		"position as UN":                      vr(0x00200032, "UN"),
		"rows as UN":                          vr(0x00280010, "UN"),
		"rows as SS":                          vr(0x00280010, "SS"),
		"instance number as DS":               vr(0x00200013, "DS"),
		"UIDs padded with blanks":             value(0x0020000e, "1.2.826.0.1.9 "),
		"UIDs padded with many NULs":          value(0x0020000e, "1.2.826.0.1.9\x00\x00\x00\x00\x00"),
		"UID of odd length":                   value(0x0020000e, "1.2.826.0.1.9"),
		"UID with a leading blank":            value(0x0020000e, " 1.2.826.0.1.9"),
		"transfer syntax padded with a blank": value(0x00020010, dcmtk.ExplicitLittleEndian+" "),
		"modality padded with NULs":           value(0x00080060, "CT\x00\x00"),
		"modality of odd length":              value(0x00080060, "CT "),
		"numbers of odd length":               value(0x00281053, "1"),
		"numbers with blanks and plus signs":  value(0x00200032, ` -10.0 \ -2.0E+01\+2 `),
		"numbers that are too long":           value(0x00200032, `-10.000000000000000000000001\-20.00000000000000000000\2.0000000000000000000000`),
		"numbers with a NUL at the end":       value(0x00281052, "-1024\x00"),
		"empty window":                        value(0x00281050, ""),
		"junk in a name":                      value(0x00100010, "\xff\xfe\x1b$B^^=="),
		"unknown private element":             with(element{tag: 0x00091001, vr: "UN", long: true, value: []byte{1, 2, 3, 4}}),
		"private sequence without a length": func(s *seed) []byte {
			at := slices.IndexFunc(s.elements, func(e element) bool { return e.tag > 0x00091010 })
			s.elements = slices.Insert(s.elements, at, element{
				tag: 0x00091010, vr: "SQ", long: true, value: append(undefinedSequence, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0),
			})
			return s.with(at, 0xffffffff)
		},
		"an element twice": func(s *seed) []byte {
			s.insert(element{tag: 0x00080060, vr: "CS", value: []byte("CT")})
			return s.bytes()
		},
		"padding element after pixels": func(s *seed) []byte {
			return element{tag: 0xfffcfffc, vr: "OB", long: true, value: make([]byte, 300)}.appendTo(s.bytes(), 300)
		},
		"zeros after the pixels": edit(0x7fe00010, func(e *element) { e.value = append(e.value, make([]byte, 64)...) }),
		"no patient, no dates": func(s *seed) []byte {
			return without(s, func(tag uint32) bool {
				return tag>>16 == 0x10 || tag>>16 == 8 && tag&0xffff >= 0x20 && tag&0xffff < 0x60
			})
		},
		"no number of the instance": func(s *seed) []byte { return without(s, func(tag uint32) bool { return tag == 0x00200013 }) },
		"lower case in coded text":  value(0x00080008, `original\primary\axial`),
		"elements in the wrong order": func(s *seed) []byte {
			i := len(s.elements) - 3
			s.elements[i], s.elements[i-1] = s.elements[i-1], s.elements[i]
			return s.bytes()
		},
		"number of frames 1":              with(element{tag: 0x00280008, vr: "IS", value: []byte("1 ")}),
		"direction cosines of few digits": value(0x00200037, `1.0\0.001\0.0\-0.001\1.0\0.0`),
	}
}

func TestFilesWithSmallFaultsKeepBeingRead(t *testing.T) {
	data, err := startWriter(t).WriteCT(file{series: "s", place: 2}.image())
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range faults() {
		s, ok := parseSeed(data)
		if !ok {
			t.Fatal("the good file does not parse")
		}
		path := filepath.Join(t.TempDir(), "fault.dcm")
		writeFile(t, path, fault(&s))
		in, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkFaultless(t, name, in)
	}
}

func checkFaultless(t *testing.T, name string, in *Input) {
	t.Helper()
	if in.Len() != 1 || in.Sources[0].PositionMM != 2 {
		t.Errorf("%s: %d slices, at %v mm", name, in.Len(), in.Sources[0].PositionMM)
	}
	for i, hu := range in.Volume.HU {
		if hu != testHU(2, i) {
			t.Errorf("%s: pixel %d is %d HU", name, i, hu)
			return
		}
	}
}

// The same without preamble and meta in the transfer syntaxes that need none to
// be known by. Big endian is not among them: nothing tells it from noise.
func TestFilesWithoutMetaKeepBeingRead(t *testing.T) {
	c := startWriter(t)
	for _, syntax := range []string{dcmtk.ImplicitLittleEndian, dcmtk.ExplicitLittleEndian} {
		im := file{series: "s", place: 2}.image()
		im.TransferSyntax = syntax
		data, err := c.WriteCT(im)
		if err != nil {
			t.Fatal(err)
		}
		meta := int(binary.LittleEndian.Uint32(data[140:]))
		path := filepath.Join(t.TempDir(), "nometa.dcm")
		writeFile(t, path, data[144+meta:])
		in, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Errorf("%s: %v", syntax, err)
			continue
		}
		checkFaultless(t, syntax, in)
	}
}

// Fragments may be cut anywhere, with an offset table or without one.
func TestFramesInSeveralFragmentsKeepBeingRead(t *testing.T) {
	c := startWriter(t)
	for _, syntax := range []string{dcmtk.RLE, dcmtk.JPEGLossless, dcmtk.JPEGLosslessFirst, dcmtk.JPEGLS, dcmtk.JPEG2000Lossless} {
		for _, frames := range [][]float64{{2}, {0, 2, 4}} {
			data := enhanced{syntax: syntax, places: frames}.write(t, c)
			for _, table := range []bool{true, false} {
				path := filepath.Join(t.TempDir(), "fragments.dcm")
				writeFile(t, path, refragment(data, 130, table))
				in, err := Open(t.Context(), path, Options{})
				if err != nil {
					t.Errorf("%s, %d frames, offset table %v: %v", syntax, len(frames), table, err)
					continue
				}
				for k, place := range frames {
					for i, hu := range in.Volume.Slice(k) {
						if hu != testHU(place, i) {
							t.Fatalf("%s, %d frames, offset table %v: frame %d, pixel %d is %d HU", syntax, len(frames), table, k, i, hu)
						}
					}
				}
			}
		}
	}
}

// refragment cuts each fragment of a file, which has one a frame, into pieces.
func refragment(data []byte, size int, table bool) []byte {
	start := bytes.Index(data, []byte{0xe0, 0x7f, 0x10, 0x00, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff})
	at := start + 12
	at += 8 + int(binary.LittleEndian.Uint32(data[at+4:]))
	item := func(b, value []byte) []byte {
		b = binary.LittleEndian.AppendUint32(append(b, 0xfe, 0xff, 0x00, 0xe0), uint32(len(value)))
		return append(b, value...)
	}
	var pieces, offsets []byte
	for binary.LittleEndian.Uint16(data[at+2:]) == 0xe000 {
		n := int(binary.LittleEndian.Uint32(data[at+4:]))
		offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(pieces)))
		for piece := range slices.Chunk(data[at+8:at+8+n], size) {
			pieces = item(pieces, piece)
		}
		at += 8 + n
	}
	if !table {
		offsets = nil
	}
	b := item(slices.Clone(data[:start+12]), offsets)
	b = append(b, pieces...)
	return append(b, data[at:]...)
}
