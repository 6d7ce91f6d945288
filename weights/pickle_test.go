package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

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

// legacyOf is a legacy checkpoint of a pickle with the storage "0" of 4 floats.
func legacyOf(objects string) []byte {
	storage := binary.LittleEndian.AppendUint64(nil, 4)
	for i := range 4 {
		storage = append(storage, 0, 0, byte(0x80+i), 0x3f)
	}
	return checkpointtest.LegacyFile([]byte(objects), []byte("\x80\x02]"+pickled("0")+"a."), storage)
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
		"figures that NumPy computed beside": {"\x80\x02}(" + pickled("best") + "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n" + pickled("f8") + "K\x00K\x01\x87R(K\x03" + pickled("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + "c_codecs\nencode\n" + pickled("x") + pickled("latin1") + "\x86R\x86R" + pickled("args") + "cargparse\nNamespace\n)\x81}" + pickled("lr") + "G?\x00\x00\x00\x00\x00\x00\x00sb" + pickled("state_dict") + "}" + pickled("w") + whole + "su.", 4},
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

// refused are files, and a word of the reason why each is refused.
func refused() map[string][]byte {
	one := "K\x01\x85"
	tensor := func(offset, shape, strides string) []byte {
		return legacyOf(stateDict(pickledTensor(pickledStorage(four), offset, shape, strides)))
	}
	whole := pickledTensor(pickledStorage(four), "K\x00", four+"\x85", one)
	large := "J\xff\xff\xff\x7f"
	long := func(op string, n uint32) []byte {
		return legacyOf("\x80\x02" + op + string(binary.LittleEndian.AppendUint32(nil, n)))
	}
	repeated := "\x80\x02}(" + pickled("w") + whole + pickled("v") + whole + "u."
	files := map[string][]byte{
		`"os.system"`:                            legacyOf("\x80\x02cos\nsystem\n" + pickled("true") + "\x85R."),
		`"builtins.eval"`:                        legacyOf("\x80\x04\x8c\x08builtins\x8c\x04eval\x93."),
		`"torch.nn.modules.conv.Conv2d"`:         legacyOf("\x80\x02ctorch.nn.modules.conv\nConv2d\n)\x81."),
		`"torch.storage.UntypedStorage"`:         legacyOf("\x80\x02ctorch.storage\nUntypedStorage\n."),
		`"torch._utils._rebuild_tensor_v2.x"`:    legacyOf("\x80\x02ctorch._utils\n_rebuild_tensor_v2.x\n."),
		"whole model with its program":           legacyOf("\x80\x02(" + pickled("module") + "tQ."),
		"calls torch.FloatStorage":               legacyOf("\x80\x02ctorch\nFloatStorage\n" + four + "\x85R."),
		"calls what is no type":                  legacyOf("\x80\x02" + pickled("os.system") + ")R."),
		"operation 0x69":                         legacyOf("\x80\x02(ios\nsystem\n"),
		"protocol 9":                             legacyOf("\x80\x09N."),
		"in the middle of something":             legacyOf("\x80\x02NN."),
		"more than it has put down":              legacyOf("\x80\x02s."),
		"ends a group":                           legacyOf("\x80\x02t."),
		"nothing to remember":                    legacyOf("\x80\x02q\x00."),
		"nothing was remembered":                 legacyOf("\x80\x02h\x07."),
		"a length of 4294967295 bytes":           long("X", 1<<32-1),
		"a length of 1048577 bytes":              long("B", maxString+1),
		"a length of 900000 bytes":               long("T", 900000),
		"line is longer":                         legacyOf("\x80\x02c" + strings.Repeat("x", 2*maxName)),
		"piles up":                               legacyOf("\x80\x02" + strings.Repeat("(", maxStack+1)),
		"more than 2097152 steps":                legacyOf("\x80\x02N" + strings.Repeat("\x85", maxSteps)),
		"holds no state dict":                    checkpointtest.LegacyFile([]byte("\x80\x02]."), []byte("\x80\x02]."), nil),
		"is no tensor":                           legacyOf("\x80\x02}(" + pickled("w") + whole + pickled("epoch") + "K\x03u."),
		`names "w" twice`:                        legacyOf("\x80\x02}(" + pickled("w") + whole + pickled("w") + whole + "u."),
		"is no text":                             legacyOf("\x80\x02}(K\x01" + whole + "u."),
		"not UTF-8":                              legacyOf("\x80\x02X\x01\x00\x00\x00\xff."),
		"reaches beyond its storage":             tensor("K\x01", four+"\x85", one),
		"reaches beyond its storage of 4":        tensor("K\x00", four+four+"\x86", "K\x04K\x01\x86"),
		"shape [2147483647 2147483647 21474836":  tensor("K\x00", large+large+large+"\x87", large+large+large+"\x87"),
		"more than a file of":                    tensor("K\x00", large+"\x85", "K\x00\x85"),
		"is [2147483647 2147483647 2147483647 2": tensor("K\x00", "("+strings.Repeat(large, 8)+"t", "("+strings.Repeat("K\x00", 8)+"t"),
		"not what they should be":                tensor("K\x00", "("+strings.Repeat("K\x01", 9)+"t", "("+strings.Repeat("K\x01", 9)+"t"),
		"and strides are not":                    tensor("J\xff\xff\xff\xff", four+"\x85", one),
		"offset, shape and strides are not what": tensor("K\x00", "J\xff\xff\xff\xff\x85", one),
		"strides are not what they":              tensor("K\x00", four+"\x85", "J\xff\xff\xff\xff\x85"),
		"made of 1 values":                       legacyOf(stateDict(pickleV2 + "(NtR")),
		"has 4 elements, its tensors say 5":      legacyOf(stateDict(pickledTensor(pickledStorage("K\x05"), "K\x00", four+"\x85", one))),
		"and then 5":                             legacyOf(strings.Replace(repeated, pickled("v")+pickleV2+"("+pickledStorage(four), pickled("v")+pickleV2+"("+pickledStorage("K\x05"), 1)),
		"type, key and size":                     legacyOf(stateDict(pickledTensor(pickledStorage("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), "K\x00", four+"\x85", one))),
		"the storage \"0\" is not known":         legacyOf("\x80\x02}."),
		"ends within its storage":                legacyOf(stateDict(whole))[:len(legacyOf(stateDict(whole)))-1],
		"goes on after its last":                 append(legacyOf(stateDict(whole)), 0),
		"is missing":                             checkpointtest.LegacyFile([]byte(stateDict(whole)), []byte("\x80\x02]."), nil),
		"neither a zip archive nor":              []byte("ustar"),
		"version 1002":                           []byte(legacyMagic + "\x80\x02M\xea\x03."),
		"not little-endian":                      []byte(legacyMagic + "\x80\x02M\xe9\x03.\x80\x02}" + pickled("little_endian") + "\x89s."),
		"archive is broken":                      []byte("PK\x03\x04 and nothing more"),
	}
	maps.Copy(files, refusedArchives(stateDict(strings.ReplaceAll(whole, "NtQ", "tQ"))))
	return files
}

// refusedArchives are zip archives of a pickle that wants the storage "0".
func refusedArchives(objects string) map[string][]byte {
	storage := make([]byte, 16)
	archive := func(entries map[string]string) []byte {
		all := map[string][]byte{}
		for name, data := range entries {
			all[name] = []byte(data)
		}
		b, err := checkpointtest.Archive(slices.Sorted(maps.Keys(all)), all)
		if err != nil {
			panic(err)
		}
		return b
	}
	good := map[string]string{"a/data.pkl": objects, "a/data/0": string(storage)}
	with := func(name, data string) map[string]string {
		m := maps.Clone(good)
		m[name] = data
		return m
	}
	return map[string][]byte{
		"no data.pkl":             archive(map[string]string{"a/b/data.pkl": objects}),
		"two checkpoints":         archive(with("b/data.pkl", objects)),
		"byte order \"big\"":      archive(with("a/byteorder", "big")),
		`storage "0" is missing`:  archive(map[string]string{"a/data.pkl": objects}),
		"has 15 bytes, not 4":     archive(with("a/data/0", string(storage[1:]))),
		"compressed or encrypted": method(archive(good), 8),
	}
}

// method changes how the archive says that its entries are packed.
func method(b []byte, m byte) []byte {
	for i := range len(b) - 12 {
		switch string(b[i : i+4]) {
		case "PK\x03\x04":
			b[i+8] = m
		case "PK\x01\x02":
			b[i+10] = m
		}
	}
	return b
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

func TestWhatIsNoCheckpointIsRefusedWithASentence(t *testing.T) {
	for want, b := range refused() {
		if _, err := open(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

// oddPickles are seeds for fuzzing.
func oddPickles() [][]byte {
	var all [][]byte
	for _, b := range refused() {
		if len(b) < 1<<16 {
			all = append(all, b)
		}
	}
	return all
}

// FuzzPickle puts pickles into a checkpoint whose storage is there.
func FuzzPickle(f *testing.F) {
	for _, b := range oddPickles() {
		if objects, ok := bytes.CutPrefix(b, checkpointtest.LegacyFile(nil, nil, nil)); ok {
			f.Add(objects)
		}
	}
	f.Add([]byte(stateDict(pickledTensor(pickledStorage(four), "K\x00", four+"\x85", "K\x01\x85"))))
	f.Fuzz(func(t *testing.T, objects []byte) { holdFuzzed(t, legacyOf(string(objects))) })
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
