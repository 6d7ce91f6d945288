package ct

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

func attr(group, element uint16, text string) dcmtk.Attribute {
	return dcmtk.Attribute{Tag: dcmtk.Tag{Group: group, Element: element}, Text: text}
}

func items(group, element uint16, items ...[]dcmtk.Attribute) dcmtk.Attribute {
	return dcmtk.Attribute{Tag: dcmtk.Tag{Group: group, Element: element}, Items: items}
}

// enhanced is an Enhanced CT to be written by a test.
type enhanced struct {
	syntax  string
	places  []float64 // of the frames, in their order in the file
	declare int       // frames; those that there are where 0
	rescale bool      // every other frame has another rescale
	side    int       // of a frame that is larger than usual and shows another thing
}

// write makes the file. Frame i shows testHU at its place.
func (e enhanced) write(t *testing.T, c *dcmtk.Child) []byte {
	t.Helper()
	frames := e.declare
	if frames == 0 {
		frames = len(e.places)
	}
	var perFrame [][]dcmtk.Attribute
	var samples []byte
	rows, columns := 0, 0
	for i, place := range e.places {
		im := file{place: place}.image()
		if e.side > 0 {
			im.Rows, im.Columns, im.HU = e.side, e.side, largeSlice(e.side)
		}
		rows, columns = im.Rows, im.Columns
		groups := []dcmtk.Attribute{
			items(0x0020, 0x9113, []dcmtk.Attribute{attr(0x0020, 0x0032, fmt.Sprintf(`-10\-20\%g`, place))}),
		}
		if e.rescale {
			im.Stored.Slope, im.Stored.Intercept = 1, -1024-float64(i%2)
			groups = append(groups, items(0x0028, 0x9145, []dcmtk.Attribute{
				attr(0x0028, 0x1052, strconv.Itoa(-1024-i%2)), attr(0x0028, 0x1053, "1"), attr(0x0028, 0x1054, "HU"),
			}))
		}
		b, err := im.Samples()
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, b...)
		perFrame = append(perFrame, groups)
	}
	shared := []dcmtk.Attribute{
		items(0x0020, 0x9116, []dcmtk.Attribute{attr(0x0020, 0x0037, `1\0\0\0\1\0`)}),
		items(0x0028, 0x9110, []dcmtk.Attribute{attr(0x0018, 0x0050, "2"), attr(0x0028, 0x0030, `0.75\0.5`)}),
	}
	if !e.rescale {
		shared = append(shared, items(0x0028, 0x9145, []dcmtk.Attribute{
			attr(0x0028, 0x1052, "-1024"), attr(0x0028, 0x1053, "1"), attr(0x0028, 0x1054, "HU"),
		}))
	}
	data, err := c.WriteAs(e.syntax, []dcmtk.Attribute{
		attr(0x0008, 0x0008, `ORIGINAL\PRIMARY\VOLUME\NONE`),
		attr(0x0008, 0x0016, classEnhancedCT), attr(0x0008, 0x0018, dcmtk.UID("enhanced")),
		attr(0x0008, 0x0060, "CT"),
		attr(0x0020, 0x000d, dcmtk.UID("study")), attr(0x0020, 0x000e, dcmtk.UID("series", "enhanced")),
		attr(0x0020, 0x0052, dcmtk.UID("frame")),
		attr(0x0028, 0x0002, "1"), attr(0x0028, 0x0004, "MONOCHROME2"), attr(0x0028, 0x0008, strconv.Itoa(frames)),
		attr(0x0028, 0x0010, strconv.Itoa(rows)), attr(0x0028, 0x0011, strconv.Itoa(columns)),
		attr(0x0028, 0x0100, "16"), attr(0x0028, 0x0101, "16"), attr(0x0028, 0x0102, "15"), attr(0x0028, 0x0103, "0"),
		items(0x5200, 0x9229, shared), items(0x5200, 0x9230, perFrame...),
	}, samples)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func startWriter(t *testing.T) *dcmtk.Child {
	t.Helper()
	c, err := dcmtk.Start(t.Context(), dcmtk.Limits{})
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestFramesOfAnEnhancedCTAreSlices(t *testing.T) {
	c := startWriter(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range dcmtk.Syntaxes() {
		if !s.Write {
			continue
		}
		for _, rescale := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s rescale per frame %v", s.Name, rescale), func(t *testing.T) {
				e := enhanced{syntax: s.UID, rescale: rescale}
				for _, i := range r.Perm(7) {
					e.places = append(e.places, 2*float64(i))
				}
				path := filepath.Join(t.TempDir(), "enhanced.dcm")
				writeFile(t, path, e.write(t, c))
				in := open(t, path, Options{})
				checkStack(t, in, 7)
				if x, y, z, ok := in.SpacingMM(); x != 0.5 || y != 0.75 || z != 2 || !ok {
					t.Errorf("spacing %v %v %v", x, y, z)
				}
				for k, source := range in.Sources {
					if source.File != "enhanced.dcm" || e.places[source.Frame-1] != 2*float64(k) {
						t.Errorf("slice %d is of %s, frame %d", k, source.File, source.Frame)
					}
				}
			})
		}
	}
}

func TestEnhancedCTThatContradictsItselfIsRefused(t *testing.T) {
	c := startWriter(t)
	for _, test := range []struct {
		name  string
		e     enhanced
		code  string
		words string
	}{
		{"more frames than groups", enhanced{places: []float64{0, 2, 4}, declare: 4}, "multi_frame", "one.dcm"},
		{"fewer frames than groups", enhanced{places: []float64{0, 2, 4}, declare: 2}, "multi_frame", "one.dcm"},
		{"two frames in one place", enhanced{places: []float64{0, 2, 1.999}}, "same_place", "frame 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.e.syntax = dcmtk.ExplicitLittleEndian
			path := filepath.Join(t.TempDir(), "one.dcm")
			writeFile(t, path, test.e.write(t, c))
			_, err := Open(t.Context(), path, Options{})
			checkRefusal(t, err, test.code, "one.dcm", test.words)
		})
	}
}

func TestCopyOfAnEnhancedCTIsLeftOut(t *testing.T) {
	c := startWriter(t)
	dir := t.TempDir()
	data := enhanced{syntax: dcmtk.RLE, places: []float64{0, 2, 4}}.write(t, c)
	writeFile(t, filepath.Join(dir, "a.dcm"), data)
	writeFile(t, filepath.Join(dir, "b.dcm"), data)
	checkStack(t, open(t, dir, Options{}), 3)
}

// The enhanced CT of the samples is a map of blood flow, whose values are no
// Hounsfield units; that is found in its shared groups.
func TestPerfusionMapIsNoCT(t *testing.T) {
	path := shared(t, "dicom-samples/pdd_ect_supplemental.dcm") //nolint:misspell // the name of the file
	_, err := Open(t.Context(), path, Options{})
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	checkRefusal(t, err, "bad_pixels", "frame 1", "RescaleType")
}
