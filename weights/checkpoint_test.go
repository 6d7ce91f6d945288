package weights

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
	"github.com/jcs-ct/jcs/weights/checkpointtest"
)

func toyFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/pth/*.pth")
	if err != nil || len(files) != 8 {
		t.Fatalf("toy checkpoints %v (%v)", files, err)
	}
	return files
}

// open reads a checkpoint from memory.
func open(b []byte) (*Checkpoint, error) { return ReadCheckpoint(bytes.NewReader(b), int64(len(b))) }

// PyTorch itself wrote the files and said what is in them.
func TestToyCheckpointsHoldWhatPyTorchWrote(t *testing.T) {
	text, err := os.ReadFile("testdata/pth/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]struct {
		Refuse  bool
		Path    string
		Tensors map[string]struct {
			DType string
			Shape []int
			Data  []float64
		}
	}
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	for _, file := range toyFiles(t) {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := open(b)
			want := expected[name]
			if want.Refuse {
				if err == nil || !strings.Contains(err.Error(), `"posix.system"`) {
					t.Errorf("error %v", err)
				}
				if _, err := os.Stat("/tmp/pwned-by-pickle"); err == nil {
					t.Error("the file that the hostile pickle makes is there")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			format := map[bool]CheckpointFormat{true: LegacyCheckpoint, false: ZipCheckpoint}[strings.Contains(name, "legacy")]
			if c.Format != format || c.Key != want.Path || len(c.Tensors) != len(want.Tensors) {
				t.Errorf("%s, %d tensors under %q", c.Format, len(c.Tensors), c.Key)
			}
			for _, x := range c.Tensors {
				w := want.Tensors[x.Name]
				var got []float64
				if err := x.each(func(v float64) error { got = append(got, v); return nil }); err != nil {
					t.Fatal(err)
				}
				if x.Type != w.DType || !reflect.DeepEqual(x.Shape, w.Shape) || len(got) != len(w.Data) {
					t.Fatalf("%s is %s %v with %d values, want %s %v", x.Name, x.Type, x.Shape, len(got), w.DType, w.Shape)
				}
				for i, v := range w.Data {
					if x.Type != "float64" && x.Type != "int64" { // printed with 9 digits
						v = float64(float32(v))
						if x.Type == "int32" {
							v = w.Data[i]
						}
					}
					if got[i] != v {
						t.Errorf("%s[%d] is %.17g, want %.17g", x.Name, i, got[i], v)
					}
				}
			}
		})
	}
}

func TestTensorsAreReadAsFloat32(t *testing.T) {
	b, err := os.ReadFile("testdata/pth/checkpoint_zip.pth")
	if err != nil {
		t.Fatal(err)
	}
	c, err := open(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range c.Tensors {
		got, err := x.Read()
		switch x.Name {
		case "module.bn.num_batches_tracked", "module.i32":
			if err == nil || !strings.Contains(err.Error(), "beyond what float32") {
				t.Errorf("%s: error %v", x.Name, err)
			}
		case "module.double":
			if err != nil || got.Data[0] != float32(0.28782474994659424) {
				t.Errorf("%s is %v (%v)", x.Name, got, err)
			}
		default:
			if err != nil || int64(len(got.Data)) != x.elements() || got.Data == nil {
				t.Errorf("%s is %v (%v)", x.Name, got, err)
			}
		}
	}
}

func TestBothFormatsOfAnyStateDictAreRead(t *testing.T) {
	tensors := []checkpointtest.Tensor{
		{Name: "a", Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, float32(math.Inf(1))}},
		{Name: "b", Shape: []int{}, Data: []float32{-7}},
	}
	for _, key := range []string{"", "state_dict", "model", "net", "params"} {
		archive, err := checkpointtest.Zip(key, tensors)
		if err != nil {
			t.Fatal(err)
		}
		for format, b := range map[CheckpointFormat][]byte{ZipCheckpoint: archive, LegacyCheckpoint: checkpointtest.Legacy(key, tensors)} {
			c, err := open(b)
			if err != nil {
				t.Fatalf("%s under %q: %v", format, key, err)
			}
			if c.Format != format || c.Key != key || len(c.Tensors) != 2 || c.Tensors[0].Name != "a" {
				t.Errorf("%s under %q: %+v", format, key, c)
			}
			for i, x := range c.Tensors {
				got, err := x.Read()
				if err != nil || !reflect.DeepEqual(got.Data, tensors[i].Data) || !reflect.DeepEqual(got.Shape, tensors[i].Shape) {
					t.Errorf("%s is %v (%v)", x.Name, got, err)
				}
			}
			for n := range len(b) - 1 { // cut anywhere
				if _, err := open(b[:n]); err == nil {
					t.Fatalf("%s, cut to %d of %d bytes, is read", format, n, len(b))
				}
			}
		}
	}
}

func TestDamagedStoragesAreRefused(t *testing.T) {
	b, err := checkpointtest.Zip("", []checkpointtest.Tensor{{Name: "a", Shape: []int{1}, Data: []float32{1234.5}}})
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte{0x00, 0x50, 0x9a, 0x44})
	if at < 0 {
		t.Fatal("the value is not where it should be")
	}
	b[at+1] ^= 1
	if _, err := open(b); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	for _, file := range toyFiles(f) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, b := range oddPickles() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parsetest.Hold(t, len(b), func() { holdFuzzed(t, b) })
	})
}

// holdFuzzed reads whatever the bytes are. All that comes out of them may not
// be more than they allow.
func holdFuzzed(t *testing.T, b []byte) {
	c, err := open(b)
	if err != nil {
		return
	}
	elements := 0
	for _, x := range c.Tensors {
		got, err := x.Read()
		if err != nil {
			continue
		}
		elements += len(got.Data)
	}
	if elements > len(b) {
		t.Errorf("%d elements come from %d bytes", elements, len(b))
	}
}
