package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
	"github.com/jcs-ct/jcs/weights/checkpointtest"
)

// The parts of which the pickles here are made.
const (
	pickleV2   = "ctorch._utils\n_rebuild_tensor_v2\n"
	pickleDict = "ccollections\nOrderedDict\n"
)

func pickled(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// pickledStorage refers to the storage "0" of elements float32.
func pickledStorage(elements string) string {
	return "(" + pickled("storage") + "ctorch\nFloatStorage\n" + pickled("0") + pickled("cpu") + elements + "NtQ"
}

// pickledTensor is a tensor in the storage, by its offset, shape and strides.
func pickledTensor(storage, offset, shape, strides string) string {
	return pickleV2 + "(" + storage + offset + shape + strides + "\x89" + pickleDict + ")RtR"
}

// stateDict is a pickle of a state dict of one tensor w.
func stateDict(tensor string) string { return "\x80\x02}" + pickled("w") + tensor + "s." }

// storageOf is a storage in the legacy format: 1, 1 + 1/128, ...
func storageOf(elements int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(elements))
	for i := range elements {
		b = append(b, 0, 0, 0x80|byte(i), 0x3f)
	}
	return b
}

// legacyOf is a legacy checkpoint of a pickle with the storage "0" of 4 floats.
func legacyOf(objects string) []byte {
	return checkpointtest.LegacyFile([]byte(objects), []byte("\x80\x02]"+pickled("0")+"a."), storageOf(4))
}

const four = "K\x04"

func TestTensorsOfOlderPythonsAndPyTorchsAreRead(t *testing.T) {
	whole := pickledTensor(pickledStorage(four), "K\x00", four+"\x85", "K\x01\x85")
	part := strings.Replace(pickledStorage(four), "NtQ", pickled("1")+"K\x01K\x02\x87tQ", 1)
	python2 := "\x80\x02" + pickleDict + "](](U\x01w" + whole + "eetR."
	python2 = strings.Replace(python2, "](](", "(](](", 1)
	cases := map[string]struct {
		objects string
		values  int
	}{
		"a plain dict":                       {stateDict(whole), 4},
		"a tensor from before 0.4":           {stateDict("ctorch._utils\n_rebuild_tensor\n(" + pickledStorage(four) + "K\x00" + four + "\x85K\x01\x85tR"), 4},
		"a parameter":                        {stateDict("ctorch._utils\n_rebuild_parameter\n" + whole + "\x88" + pickleDict + ")R\x87R"), 4},
		"an OrderedDict of Python 2":         {python2, 4},
		"a shape as torch.Size":              {stateDict(pickledTensor(pickledStorage(four), "K\x00", "ctorch\nSize\n"+four+"\x85\x85R", "K\x01\x85")), 4},
		"a part of a storage":                {stateDict(pickledTensor(part, "K\x01", "K\x01\x85", "K\x01\x85")), 1},
		"protocol 4":                         {"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01w\x94" + strings.Replace(whole, pickleV2, "\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93", 1) + "s.", 4},
		"figures that NumPy computed beside": {"\x80\x02}(" + pickled("best") + "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n" + pickled("f8") + "K\x00K\x01\x87R(K\x03" + pickled("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + "c_codecs\nencode\n" + pickled("x") + pickled("latin1") + "\x86R\x86R" + pickled("args") + "cargparse\nNamespace\n)\x81}" + pickled("lr") + "G?\x00\x00\x00\x00\x00\x00\x00sb" + pickled("milestones") + "ccollections\nCounter\n}K\x1eK\x01s\x85R" + pickled("state_dict") + "}" + pickled("w") + whole + "su.", 4},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := open(legacyOf(c.objects))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Tensors) != 1 || got.Tensors[0].Name != "w" {
				t.Fatalf("tensors %v", got.Tensors)
			}
			x, err := got.Tensors[0].Read()
			if err != nil || len(x.Data) != c.values || c.values == 1 && x.Data[0] != 1.015625 {
				t.Errorf("%v (%v)", x, err)
			}
		})
	}
}

// Entries that share their bytes make a small file say a lot.
func TestOverlappingEntriesAreRefused(t *testing.T) {
	large := make([]float32, 1024)
	whole, err := checkpointtest.Zip("", []checkpointtest.Tensor{
		{Name: "a", Shape: []int{1024}, Data: large}, {Name: "b", Shape: []int{1024}, Data: large},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := fs.ReadFile(r, "toy/data.pkl")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"toy/data.pkl", "toy/data/0", "toy/data/1"}
	b, err := checkpointtest.Archive(names, map[string][]byte{names[0]: objects, names[1]: make([]byte, 4096)})
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndex(b, []byte("PK\x01\x02"))
	before := bytes.LastIndex(b[:last], []byte("PK\x01\x02"))
	copy(b[last+16:last+28], b[before+16:]) // checksum and sizes
	copy(b[last+42:last+46], b[before+42:]) // where the entry lies
	if _, err := open(b); err == nil || !strings.Contains(err.Error(), "lie upon each other") {
		t.Errorf("error %v", err)
	}
}

// FuzzPickle puts pickles into a checkpoint whose storage is there.
func FuzzPickle(f *testing.F) {
	for _, b := range oddPickles() {
		if objects, ok := bytes.CutPrefix(b, checkpointtest.LegacyFile(nil, nil, nil)); ok {
			f.Add(objects)
		}
	}
	f.Add([]byte(stateDict(pickledTensor(pickledStorage(four), "K\x00", four+"\x85", "K\x01\x85"))))
	f.Fuzz(func(t *testing.T, objects []byte) {
		b := legacyOf(string(objects))
		parsetest.Hold(t, len(b), func() { holdFuzzed(t, b) })
	})
}

// A small file must not make the reader take much more memory than it is long.
func TestSmallFilesTakeLittleMemory(t *testing.T) {
	whole := pickledTensor(pickledStorage(four), "K\x00", four+"\x85", "K\x01\x85")
	cases := map[string][]byte{
		"a length beyond the file":    legacyOf("\x80\x02X\xff\xff\x0f\x00"),
		"an expanded tensor":          legacyOf(stateDict(pickledTensor(pickledStorage(four), "K\x00", "J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", "K\x00K\x00\x86"))),
		"nested lists":                legacyOf("\x80\x02" + strings.Repeat("]", maxStack) + strings.Repeat("a", maxStack-1) + "."),
		"a list that holds itself":    legacyOf("\x80\x02]q\x00h\x00a."),
		"a dict that holds itself":    legacyOf("\x80\x02}q\x00" + pickled("model") + "h\x00s" + pickled("state_dict") + "h\x00s" + pickled("net") + "h\x00s."),
		"four tensors of all storage": legacyOf("\x80\x02}(" + pickled("a") + whole + pickled("b") + whole + pickled("c") + whole + pickled("d") + whole + "u."),
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c, err := open(b)
			if err == nil {
				for _, x := range c.Tensors {
					if _, err := x.Read(); err != nil {
						t.Error(err)
					}
				}
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+100*uint64(len(b)) {
				t.Errorf("%d bytes take %d bytes of memory (%v)", len(b), took, err)
			}
		})
	}
}

// The same list of pairs, made into an OrderedDict again and again, is work
// that must run out.
func TestRepeatedWorkRunsOut(t *testing.T) {
	var b strings.Builder
	b.WriteString("\x80\x02](")
	for range 10000 {
		b.WriteString("NN\x86")
	}
	fmt.Fprintf(&b, "e\x85q\x00%sq\x01", pickleDict)
	for range 1000 {
		b.WriteString("h\x01h\x00R")
	}
	if _, err := open(legacyOf(b.String())); err == nil || !strings.Contains(err.Error(), "steps") {
		t.Errorf("error %v", err)
	}
}
