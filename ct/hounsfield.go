package ct

import (
	"encoding/binary"
	"math"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// rescale turns stored values into Hounsfield units: which bits of a sample
// count (PS3.5 section 8.1.1), their sign, which values are padding (PS3.3
// C.7.5.1.1.2), and the modality rescale (PS3.3 C.11.1).
type rescale struct {
	bytes            int // of a sample: 1 or 2
	bits             int // stored, the lowest of the sample
	signed           bool
	padded           bool
	padLow, padHigh  int
	slope, intercept float64

	// MONOCHROME1 with a positive slope: by the standard the values are Hounsfield
	// units, only to be shown inverted, but some programs invert the values too.
	inverted bool
}

// newRescale reads a header. Its errors are phrases that name the attribute.
func newRescale(h *dcmtk.Header) (rescale, error) {
	var r rescale
	if err := r.readBits(h); err != nil {
		return r, err
	}
	if err := r.readPadding(h); err != nil {
		return r, err
	}
	return r, r.readSlope(h)
}

func (r *rescale) readBits(h *dcmtk.Header) error {
	var values [4]int
	for i, keyword := range []string{"BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"} {
		v, ok, err := h.Int(keyword)
		if err != nil {
			return err
		}
		if !ok {
			return phrase("%s is missing", keyword)
		}
		values[i] = v
	}
	allocated, stored, high, representation := values[0], values[1], values[2], values[3]
	switch {
	case allocated != 8 && allocated != 16:
		return phrase("its samples have %d bits, and only 8 and 16 are CT", allocated)
	case stored < 1 || stored > allocated || high != stored-1: // PS3.3 C.8.2.1.1.4
		return phrase("BitsAllocated, BitsStored and HighBit contradict each other")
	case representation != 0 && representation != 1:
		return phrase("PixelRepresentation is neither 0 nor 1")
	}
	r.bytes, r.bits, r.signed = allocated/8, stored, representation == 1
	return nil
}

func (r *rescale) readPadding(h *dcmtk.Header) error {
	low, ok, err := h.Int("PixelPaddingValue")
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	high, ok, err := h.Int("PixelPaddingRangeLimit")
	if err != nil {
		return err
	}
	if !ok {
		high = low
	}
	r.padded = true
	// Either may be written as the other sign's 16 bits.
	r.padLow, r.padHigh = r.wrap(low), r.wrap(high)
	if r.padLow > r.padHigh {
		r.padLow, r.padHigh = r.padHigh, r.padLow
	}
	return nil
}

func (r *rescale) wrap(v int) int {
	if r.signed {
		return int(int16(v))
	}
	return int(uint16(v))
}

// maxSlope is far above any CT: 8-bit copies of a 12-bit range have about 16,
// of the extended range 160.
const maxSlope = 1000

func (r *rescale) readSlope(h *dcmtk.Header) error {
	for _, part := range []struct {
		keyword string
		value   *float64
	}{{"RescaleSlope", &r.slope}, {"RescaleIntercept", &r.intercept}} {
		v, err := h.Floats(part.keyword)
		if err != nil {
			return err
		}
		if len(v) != 1 {
			return phrase("%s is missing, so that its values are not known to be Hounsfield units", part.keyword)
		}
		*part.value = v[0]
	}
	switch unit := h.Text("RescaleType"); {
	case unit != "" && unit != "HU": // PS3.3 C.8.2.1.1.6: absent means HU
		return phrase("its values are not Hounsfield units by its RescaleType")
	case r.slope == 0, math.Abs(r.slope) > maxSlope, math.Abs(r.intercept) > 1<<17:
		return phrase("its rescale slope or intercept is not that of a CT")
	case r.slope < 0 && h.Text("PhotometricInterpretation") != "MONOCHROME1":
		return phrase("its rescale slope is negative")
	}
	r.inverted = r.slope > 0 && h.Text("PhotometricInterpretation") == "MONOCHROME1"
	return nil
}

// stored returns the value of a sample's bits.
func (r *rescale) stored(sample uint16) int {
	v := int(sample) & (1<<r.bits - 1)
	if r.signed && v>>(r.bits-1) == 1 {
		v -= 1 << r.bits
	}
	return v
}

// hounsfield returns the Hounsfield units of a sample, rounded to nearest.
// Padding and what lies below air become [Air].
func (r *rescale) hounsfield(sample uint16) int16 {
	v := r.stored(sample)
	if r.padded && r.padLow <= v && v <= r.padHigh {
		return Air
	}
	hu := math.Round(r.slope*float64(v) + r.intercept)
	return int16(max(Air, min(hu, math.MaxInt16)))
}

// apply converts a slice; samples has r.bytes bytes for each of dst.
func (r *rescale) apply(dst []int16, samples []byte) {
	var table [1 << 16]int16
	for i := range 1 << (8 * r.bytes) {
		table[i] = r.hounsfield(uint16(i))
	}
	if r.bytes == 1 {
		for i, s := range samples[:len(dst)] {
			dst[i] = table[s]
		}
		return
	}
	for i := range dst {
		dst[i] = table[binary.LittleEndian.Uint16(samples[2*i:])]
	}
}

// hounsfield fills dst with the slice's image.
func (s *slice) hounsfield(dst []int16, image *dcmtk.Image) error {
	h := image.Header
	if s.number > 0 {
		if s.number > h.Frames() {
			return s.refuse("broken_dicom", "its header and its pixels differ in their frames", "copy or export it again")
		}
		h = h.Frame(s.number - 1)
	}
	for _, want := range []struct {
		keyword string
		value   int
	}{{"Rows", s.rows}, {"Columns", s.columns}} {
		if v, _, err := h.Int(want.keyword); err != nil || v != want.value {
			return s.refuse("broken_dicom", "its header and its pixels differ in size", "copy or export it again")
		}
	}
	r, err := newRescale(h)
	if err != nil {
		return s.refuse("bad_pixels", err.Error(), "export the series again as original CT images")
	}
	if len(image.Samples) != r.bytes*len(dst) {
		return s.refuse("bad_pixels", "it has more than one value a pixel or more than one frame", "give single slices")
	}
	r.apply(dst, image.Samples)
	if r.inverted && !airAround(dst, s.columns) {
		return s.refuse("bad_pixels", "it is MONOCHROME1 with a positive rescale slope and has no air around the patient, so that its values may be upside down", "export the series again as MONOCHROME2")
	}
	return nil
}

// airAround reports whether at least half of a slice's border is as dark as air.
func airAround(hu []int16, columns int) bool {
	dark, n := 0, 0
	for i, v := range hu {
		x := i % columns
		if x != 0 && x != columns-1 && i >= columns && i < len(hu)-columns {
			continue
		}
		n++
		if v < -500 {
			dark++
		}
	}
	return 2*dark >= n
}
