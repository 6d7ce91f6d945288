package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

// raw builds a file of a header's text and data, well formed or not.
func raw(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func sample(t testing.TB) *File {
	t.Helper()
	f := NewFile()
	f.Metadata["plan"] = `{"name":"a <b> & c"}`
	f.Metadata["about"] = "two tensors, a counter and an empty one"
	add := func(name string, x Tensor) {
		if err := f.Add(name, x); err != nil {
			t.Fatal(err)
		}
	}
	add("z.weight", Tensor{Shape: []int{2, 3}, Data: []float32{0, -1, 2.5, 1e-3, 65504, -0.125}})
	add("a.bias", Tensor{Shape: []int{1}, Data: []float32{math.Pi}, DType: F32})
	add("a.num_batches_tracked", Tensor{Shape: []int{}, Data: []float32{12}, DType: I64})
	add("none", Tensor{Shape: []int{0, 4}, Data: []float32{}})
	return f
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for _, d := range []DType{F32, F16, BF16} {
		t.Run(string(d), func(t *testing.T) {
			f := sample(t)
			var b bytes.Buffer
			if err := Write(&b, f, d); err != nil {
				t.Fatal(err)
			}
			got, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Metadata, f.Metadata) || !reflect.DeepEqual(got.Order, f.Order) {
				t.Errorf("metadata %v, order %v", got.Metadata, got.Order)
			}
			if got.Tensors["z.weight"].DType != d || got.Tensors["a.num_batches_tracked"].DType != I64 || got.Tensors["a.bias"].DType != F32 {
				t.Errorf("types are not as written: %v", got.Tensors)
			}
			for name, want := range f.Tensors {
				x := got.Tensors[name]
				if !reflect.DeepEqual(x.Shape, want.Shape) || len(x.Data) != len(want.Data) {
					t.Fatalf("%s is %v", name, x)
				}
				for i, v := range x.Data {
					exact := want.DType != "" || d == F32
					if exact && v != want.Data[i] || math.Abs(float64(v-want.Data[i])) > math.Abs(float64(want.Data[i]))/256 {
						t.Errorf("%s[%d] is %g, want %g", name, i, v, want.Data[i])
					}
				}
			}
			var again bytes.Buffer
			if err := Write(&again, got, d); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
				t.Errorf("written again the file differs (%v)", err)
			}
		})
	}
}

// Widest types come first, so that every tensor is aligned by its own width.
func TestWrittenTensorsAreAligned(t *testing.T) {
	f := sample(t)
	f.Tensors["z.weight"] = Tensor{Shape: []int{1, 3}, Data: []float32{1, 2, 3}}
	entries, err := layOut(f, F16)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Offsets[0]%uint64(e.DType.size()) != 0 {
			t.Errorf("%s of %s begins at %d", e.name, e.DType, e.Offsets[0])
		}
	}
	header, err := marshalHeader(f.Metadata, entries)
	if err != nil || len(header)%8 != 0 {
		t.Errorf("the header has %d bytes (%v)", len(header), err)
	}
}

func TestReadUnderstandsAFileOfAnotherWriter(t *testing.T) {
	// Data in another order than the header's, spaces behind the header.
	header := `{"b":{"dtype":"F16","shape":[2],"data_offsets":[4,8]},"__metadata__":{"format":"pt"},"a":{"shape":[1],"dtype":"F32","data_offsets":[0,4]}}   `
	f, err := Read(bytes.NewReader(raw(header, 0, 0, 0x80, 0x3f, 0x00, 0x3c, 0x01, 0x00)), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if f.Tensors["a"].Data[0] != 1 || f.Tensors["b"].Data[0] != 1 || f.Tensors["b"].Data[1] != 1.0/(1<<24) {
		t.Errorf("tensors %v", f.Tensors)
	}
	if f.Metadata["format"] != "pt" || f.Order[0] != "b" {
		t.Errorf("metadata %v, order %v", f.Metadata, f.Order)
	}
}

// hostile are files that must be refused, and a word of the reason.
func hostile() map[string][]byte {
	eight := make([]byte, 8)
	return map[string][]byte{
		"shorter than 8":         {1, 2, 3},
		"not possible":           binary.LittleEndian.AppendUint64(nil, math.MaxUint64),
		"of 0 bytes":             eight,
		"ends within its":        append(binary.LittleEndian.AppendUint64(nil, 100), '{'),
		"not a JSON":             raw(`["a"]`),
		"not JSON":               raw(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}`, 0, 0, 0, 0),
		"goes on after its end":  raw(`{} {}`),
		"twice":                  raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight...),
		"overlaps":               raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, eight...),
		"hole":                   raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight...),
		"after its last":         raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, eight...),
		"ends within it":         raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 1, 2, 3),
		"needs 8 bytes":          raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, eight...),
		"outside":                raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999]}}`, eight...),
		"larger than the file":   raw(`{"a":{"dtype":"F32","shape":[2000000000,2000000000,2000000000],"data_offsets":[0,8]}}`, eight...),
		"axis is -1":             raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, eight...),
		"is not read":            raw(`{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, eight...),
		"the counter":            raw(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, 0, 0, 0, 0, 0, 0, 0, 0x7f),
		"unknown field":          raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, eight...),
		"cannot unmarshal":       raw(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, eight...),
		"more than 8":            raw(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, eight...),
		"metadata":               raw(`{"__metadata__":{"a":1}}`),
		"longer than 1024 bytes": raw(`{"`+strings.Repeat("n", 2000)+`":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, eight...),
	}
}

func TestReadRefusesWhatIsNotToTheLetter(t *testing.T) {
	for want, file := range hostile() {
		if _, err := Read(bytes.NewReader(file), 1<<20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v", want, err)
		}
	}
}

func TestReadKeepsToItsLimit(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample(t), F32); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len())-1); err == nil {
		t.Error("a file beyond the limit is read")
	}
	if _, err := Read(bytes.NewReader(b.Bytes()), 4); err == nil {
		t.Error("a file beyond a tiny limit is read")
	}
}

// A header that promises gigabytes costs no more than what is really there.
func TestReadTakesMemoryOnlyForWhatIsThere(t *testing.T) {
	header := `{"a":{"dtype":"F32","shape":[500000000],"data_offsets":[0,2000000000]}}`
	file := raw(header, make([]byte, 100)...)
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := Read(bytes.NewReader(file), 4<<30); err == nil {
				b.Fatal("it is read")
			}
		}
	}).AllocedBytesPerOp()
	if got > 8<<20 {
		t.Errorf("%d bytes are allocated", got)
	}
}

func TestReadPassesAnErrorOfItsSourceOn(t *testing.T) {
	broken := errors.New("the disk is gone")
	var b bytes.Buffer
	if err := Write(&b, sample(t), F32); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4, 20, b.Len() - 2, b.Len()} {
		r := io.MultiReader(bytes.NewReader(b.Bytes()[:n]), iotest.ErrReader(broken))
		if _, err := Read(r, 1<<20); !errors.Is(err, broken) {
			t.Errorf("after %d bytes the error is %v", n, err)
		}
	}
}

func TestWriteRefusesWhatCannotBeKept(t *testing.T) {
	cases := map[string]struct {
		tensor Tensor
		as     DType
	}{
		"beyond half":     {Tensor{Shape: []int{1}, Data: []float32{65520}}, F16},
		"beyond bfloat16": {Tensor{Shape: []int{1}, Data: []float32{math.MaxFloat32}}, BF16},
		"not an integer":  {Tensor{Shape: []int{1}, Data: []float32{0.5}, DType: I64}, F32},
		"go together":     {Tensor{Shape: []int{2}, Data: []float32{1}}, F32},
		`type "F8"`:       {Tensor{Shape: []int{1}, Data: []float32{1}}, "F8"},
	}
	for want, c := range cases {
		f := NewFile()
		if err := f.Add("x", c.tensor); err != nil {
			t.Fatal(err)
		}
		if err := Write(io.Discard, f, c.as); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	f := NewFile()
	f.Order = []string{"missing"}
	if err := Write(io.Discard, f, F32); err == nil {
		t.Error("an order without its tensor is written")
	}
	if err := sample(t).Add("none", Tensor{}); err == nil {
		t.Error("a name is used twice")
	}
}

func TestWritePassesAnErrorOfItsTargetOn(t *testing.T) {
	f := NewFile()
	if err := f.Add("x", Tensor{Shape: []int{1 << 19}, Data: make([]float32, 1<<19)}); err != nil {
		t.Fatal(err)
	}
	if err := Write(full{}, f, F32); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestEmbeddedSaysWhichModelIsMissing(t *testing.T) {
	if _, err := Embedded("no such model"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no such model") {
		t.Errorf("error %v", err)
	}
}

func TestDigestIsSHA256(t *testing.T) {
	got, err := Digest(strings.NewReader("abc"))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; err != nil || got != want {
		t.Errorf("digest %s (%v)", got, err)
	}
	if _, err := Digest(iotest.ErrReader(errFull)); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, sample(f), BF16); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	for _, file := range hostile() {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var got *File
		var err error
		parsetest.Hold(t, len(file), func() { got, err = Read(bytes.NewReader(file), 1<<20) })
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Write(&again, got, F32); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		twice, err := Read(&again, 16<<20)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !reflect.DeepEqual(got.Order, twice.Order) || len(got.Tensors) != len(twice.Tensors) {
			t.Fatal("tensors changed on the way")
		}
	})
}
