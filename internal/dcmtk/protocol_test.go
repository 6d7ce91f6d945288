package dcmtk

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

func answerBytes(a answer, text string, data []byte) []byte {
	return append(append(a.encode(), text...), data...)
}

func TestAnswersAreReadWhole(t *testing.T) {
	b := answerBytes(answer{statusOK, 2, 3}, "{}", []byte{1, 2, 3})
	s, text, data, err := readAnswer(bytes.NewReader(b), 3, nil)
	if err != nil || s != statusOK || string(text) != "{}" || !bytes.Equal(data, []byte{1, 2, 3}) {
		t.Errorf("got %v %q %v %v", s, text, data, err)
	}
}

func TestAnswersOutOfBoundsAreErrors(t *testing.T) {
	marked := func(change func(b []byte)) []byte {
		b := answerBytes(answer{statusOK, 2, 3}, "{}", []byte{1, 2, 3})
		change(b)
		return b
	}
	for _, test := range []struct {
		name string
		b    []byte
	}{
		{"nothing", nil},
		{"half a head", make([]byte, 10)},
		{"no mark", marked(func(b []byte) { b[0]++ })},
		{"unknown status", marked(func(b []byte) { b[4] = byte(statusFault) + 1 })},
		{"status beyond a byte", marked(func(b []byte) { b[5] = 1 })},
		{"too much text", marked(func(b []byte) { binary.LittleEndian.PutUint32(b[8:], maxText+1) })},
		{"too much data", marked(func(b []byte) { b[12] = 4 })},
		{"data of 2^63 bytes", marked(func(b []byte) { b[19] = 0x80 })},
		{"data with a failure", marked(func(b []byte) { b[4] = byte(statusBroken) })},
		{"text cut short", marked(func(b []byte) {})[:answerSize+1]},
		{"data cut short", marked(func(b []byte) {})[:answerSize+4]},
	} {
		if _, _, _, err := readAnswer(bytes.NewReader(test.b), 3, nil); err == nil {
			t.Errorf("%s is no error", test.name)
		}
	}
}

func TestRequestsRoundTrip(t *testing.T) {
	want := request{op: opImage, n: 1 << 40, max: 77}
	got, err := readRequest(bytes.NewReader(want.encode()))
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestHeadersKeepOnlyWhatIsKnownAndPrintable(t *testing.T) {
	h, err := decodeHeader([]byte(`{"values":{"Modality":"CT\u0000","SeriesInstanceUID":" 1.2\u001b[31m\u00e9 ","Rows":"512"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Text("Modality"); got != "CT" {
		t.Errorf("padding stays: %q", got)
	}
	if got := h.Text("SeriesInstanceUID"); got != "1.2?[31m?" {
		t.Errorf("control characters stay: %q", got)
	}
	long := strings.Repeat("x", maxValue+1)
	for _, text := range []string{
		``, `[]`, `{"values":{"Modality":1}}`, `{"values":{"PatientName":"X"}}`, `{"values":{"Modality":"` + long + `"}}`,
		`{"frames":[{"Modality":"CT"}]}`, `{"frames":[{"RescaleSlope":"` + long + `"}]}`,
	} {
		if _, err := decodeHeader([]byte(text)); err == nil {
			t.Errorf("%.40s is no error", text)
		}
	}
}

func TestNumbersOfAHeader(t *testing.T) {
	h := &Header{values: map[string]string{"PixelSpacing": `0.5\ 1e1 `, "RescaleSlope": "NaN", "Rows": "12", "Columns": "1.5"}}
	if v, err := h.Floats("PixelSpacing"); err != nil || len(v) != 2 || v[0] != 0.5 || v[1] != 10 {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := h.Floats("RescaleSlope"); err == nil {
		t.Error("NaN is a number")
	}
	if v, err := h.Floats("ImagePositionPatient"); v != nil || err != nil {
		t.Errorf("an absent attribute gives %v, %v", v, err)
	}
	if v, ok, err := h.Int("Rows"); v != 12 || !ok || err != nil {
		t.Errorf("got %v %v %v", v, ok, err)
	}
	if _, _, err := h.Int("Columns"); err == nil {
		t.Error("1.5 is a whole number")
	}
}

func TestDecimalStringsFitAndRoundTrip(t *testing.T) {
	for _, test := range []struct {
		v    float64
		want string
	}{{0, "0"}, {-600.5, "-600.5"}, {1.0 / 3, "0.333333333333"}, {-2.0 / 3e7, "-6.6666666667e-08"}, {-123456.789012345678, "-123456.789012"}} {
		got := decimal(test.v)
		if len(got) > 16 {
			t.Errorf("%q is longer than 16", got)
		}
		if test.v != -2.0/3e7 && got != test.want {
			t.Errorf("%v is written %q, want %q", test.v, got, test.want)
		}
	}
}

func TestUIDsAreValidAndDifferByTheirParts(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{}, {""}, {"a", "b"}, {"ab"}, {"a", "b", ""}} {
		u := UID(parts...)
		if u != UID(parts...) || seen[u] || len(u) > 64 || strings.Trim(u, "0123456789.") != "" || strings.HasPrefix(u, "2.25.0") {
			t.Errorf("%q gives %q", parts, u)
		}
		seen[u] = true
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(answerBytes(answer{statusOK, 2, 3}, "{}", []byte{1, 2, 3}))
	f.Add(answerBytes(answer{statusBroken, 3, 0}, "cut", nil))
	f.Add(answerBytes(answer{statusOK, 40, 1 << 62}, `{"values":{"Rows":"2","Columns":"2"}}`, nil))
	f.Add(answerBytes(answer{statusOK, 70, 0}, `{"values":{"Rows":"2"},"frames":[{"RescaleSlope":"1"},{},{"ImageType":"A"}]}`, nil))
	f.Add(answerBytes(answer{statusNeed, 16, 0}, string(need{maxNeed + 90, 10}.encode()), nil))
	f.Add(answerBytes(answer{statusNeed, 16, 0}, string(need{maxNeed + 90, 11}.encode()), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		parsetest.Hold(t, len(b), func() { holdAnswer(t, b) })
	})
}

// holdAnswer reads whatever a child may answer.
func holdAnswer(t *testing.T, b []byte) {
	const limit = 1 << 16
	s, text, data, err := readAnswer(bytes.NewReader(b), limit, nil)
	if err != nil {
		return
	}
	if s > statusNeed || len(text) > maxText || len(data) > limit {
		t.Fatalf("status %d, %d bytes of text, %d of data", s, len(text), len(data))
	}
	if s == statusNeed {
		const size = maxNeed + 100 // of the file
		if n, err := decodeNeed(text, size); err == nil && (n.n > maxNeed || n.offset > size || n.offset+n.n > size) {
			t.Fatalf("%d bytes at %d of %d may be asked for", n.n, n.offset, size)
		}
		return
	}
	decodeReferences(text)
	h, err := decodeHeader(text)
	if err != nil {
		return
	}
	if n, err := h.frameBytes(); err == nil && n <= 0 {
		t.Fatalf("%d bytes of pixels", n)
	}
	for i := range h.Frames() {
		h.Frame(i).Floats("RescaleSlope")
	}
	for keyword := range wanted() {
		h.Floats(keyword)
		h.Int(keyword)
	}
}

func FuzzWriteRequest(f *testing.F) {
	seed, err := encodeWrite(writing{ExplicitLittleEndian, []Attribute{text(8, 0x60, "CT")}}, []byte{1, 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		var samples []byte
		var err error
		parsetest.Hold(t, len(b), func() { _, samples, err = decodeWrite(b) })
		if err == nil && len(samples) > len(b) {
			t.Fatal("more samples than bytes")
		}
	})
}
