package ct

import (
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// pixelHeader is a header of 12-bit unsigned values, with changes.
func pixelHeader(changes map[string]string) *dcmtk.Header {
	values := map[string]string{
		"BitsAllocated": "16", "BitsStored": "12", "HighBit": "11", "PixelRepresentation": "0",
		"PhotometricInterpretation": "MONOCHROME2", "RescaleSlope": "1", "RescaleIntercept": "-1024",
	}
	maps.Copy(values, changes)
	return dcmtk.NewHeader(values)
}

func TestStoredValuesBecomeHounsfieldUnits(t *testing.T) {
	signed := map[string]string{"BitsStored": "16", "HighBit": "15", "PixelRepresentation": "1", "RescaleIntercept": "0"}
	for _, test := range []struct {
		name    string
		changes map[string]string
		hu      map[uint16]int16
	}{
		{"12 bits unsigned", nil, map[uint16]int16{0: -1024, 1024: 0, 4095: 3071, 0xf000: -1024, 0xf400: 0}},
		{"16 bits signed", signed, map[uint16]int16{0: 0, 0xffff: -1, 0xfc00: -1024, 0xf800: -1024, 0x7fff: 32767}},
		{"12 bits signed", map[string]string{"PixelRepresentation": "1", "RescaleIntercept": "0"},
			map[uint16]int16{0: 0, 0x07ff: 2047, 0x0fff: -1, 0x0c18: -1000, 0xfc18: -1000}},
		{"16 bits unsigned", map[string]string{"BitsStored": "16", "HighBit": "15"}, map[uint16]int16{0xffff: 32767, 0x8000: 31744}},
		{"slope of a half", map[string]string{"RescaleSlope": "0.5"}, map[uint16]int16{0: -1024, 1: -1024, 3: -1023, 2048: 0}},
		{"8 bits", map[string]string{"BitsAllocated": "8", "BitsStored": "8", "HighBit": "7", "RescaleSlope": "16"},
			map[uint16]int16{0: -1024, 255: 3056}},
		{"unsigned padding", map[string]string{"PixelPaddingValue": "63536", "BitsStored": "16", "HighBit": "15"}, map[uint16]int16{63536: -1024, 63535: 32767}},
		{"signed padding", map[string]string{"BitsStored": "16", "HighBit": "15", "PixelRepresentation": "1", "RescaleIntercept": "0", "PixelPaddingValue": "0"},
			map[uint16]int16{0: -1024, 1: 1}},
		{"signed padding written as unsigned", map[string]string{"BitsStored": "16", "HighBit": "15", "PixelRepresentation": "1", "PixelPaddingValue": "65535", "RescaleIntercept": "0"},
			map[uint16]int16{0xffff: -1024, 0: 0}},
		{"a range of padding", map[string]string{"PixelPaddingValue": "4095", "PixelPaddingRangeLimit": "4000"}, map[uint16]int16{4095: -1024, 4000: -1024, 3999: 2975}},
		{"inverted", map[string]string{"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": "-1", "RescaleIntercept": "3071"},
			map[uint16]int16{4095: -1024, 3071: 0, 0: 3071}},
	} {
		r, err := newRescale(pixelHeader(test.changes))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for sample, want := range test.hu {
			if got := r.hounsfield(sample); got != want {
				t.Errorf("%s: %#04x is %d HU, want %d", test.name, sample, got, want)
			}
		}
	}
}

func TestApplyIsHounsfieldOfEachSample(t *testing.T) {
	r, err := newRescale(pixelHeader(nil))
	if err != nil {
		t.Fatal(err)
	}
	var samples []byte
	for i := range 1 << 16 {
		samples = append(samples, byte(i), byte(i>>8))
	}
	hu := make([]int16, 1<<16)
	r.apply(hu, samples)
	for i, h := range hu {
		if h != r.hounsfield(uint16(i)) {
			t.Fatalf("%#04x is applied as %d HU", i, h)
		}
	}
	r.bytes = 1
	r.apply(hu[:256], samples)
	if hu[2] != r.hounsfield(1) || hu[3] != r.hounsfield(0) {
		t.Error("bytes are not read one by one")
	}
}

func TestImpossiblePixelHeadersAreErrors(t *testing.T) {
	for name, changes := range map[string]map[string]string{
		"32 bits":               {"BitsAllocated": "32"},
		"no bits":               {"BitsStored": ""},
		"0 bits":                {"BitsStored": "0", "HighBit": "-1"},
		"20 of 16 bits":         {"BitsStored": "20", "HighBit": "19"},
		"bits in the upper end": {"HighBit": "15"},
		"sign 2":                {"PixelRepresentation": "2"},
		"padding of text":       {"PixelPaddingValue": "x"},
		"slope of text":         {"RescaleSlope": "abc"},
		"two slopes":            {"RescaleSlope": `1\1`},
		"no intercept":          {"RescaleIntercept": ""},
		"infinite intercept":    {"RescaleIntercept": "Inf"},
		"huge intercept":        {"RescaleIntercept": "1e9"},
		"slope 0":               {"RescaleSlope": "0"},
		"another unit":          {"RescaleType": "Z_EFF"},
		"negative slope":        {"RescaleSlope": "-1"},
	} {
		_, err := newRescale(pixelHeader(changes))
		if err == nil {
			t.Errorf("%s is no error", name)
		} else if strings.Contains(err.Error(), "abc") {
			t.Errorf("%s: the error repeats the file's text", name)
		}
	}
}

func FuzzRescale(f *testing.F) {
	f.Add("16", "12", "11", "0", "1", "-1024", "", "")
	f.Add("16", "16", "15", "1", "-0.5", "1e4", "65535", "-3")
	f.Fuzz(func(t *testing.T, allocated, stored, high, sign, slope, intercept, low, limit string) {
		r, err := newRescale(pixelHeader(map[string]string{
			"BitsAllocated": allocated, "BitsStored": stored, "HighBit": high, "PixelRepresentation": sign,
			"RescaleSlope": slope, "RescaleIntercept": intercept, "PixelPaddingValue": low, "PixelPaddingRangeLimit": limit,
		}))
		if err != nil {
			return
		}
		for _, sample := range []uint16{0, 1, 0x0800, 0x7fff, 0x8000, math.MaxUint16} {
			if r.hounsfield(sample) < Air {
				t.Fatalf("%+v takes %d below air", r, sample)
			}
		}
	})
}
