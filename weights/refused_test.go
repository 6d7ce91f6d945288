package weights

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/weights/checkpointtest"
)

// refusedFile is a file that must be refused, and words of the reason.
type refusedFile struct {
	why  string
	file []byte
}

// refused are hostile and broken files.
func refused() []refusedFile {
	one := "K\x01\x85"
	tensor := func(offset, shape, strides string) []byte {
		return legacyOf(stateDict(pickledTensor(pickledStorage(four), offset, shape, strides)))
	}
	wide := "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40" // 2^62
	whole := pickledTensor(pickledStorage(four), "K\x00", four+"\x85", one)
	large := "J\xff\xff\xff\x7f"
	long := func(op string, n uint32) []byte {
		return legacyOf("\x80\x02" + op + string(binary.LittleEndian.AppendUint32(nil, n)))
	}
	repeated := "\x80\x02}(" + pickled("w") + whole + pickled("v") + whole + "u."
	files := []refusedFile{
		{`"os.system"`, legacyOf("\x80\x02cos\nsystem\n" + pickled("true") + "\x85R.")},
		{`"builtins.eval"`, legacyOf("\x80\x04\x8c\x08builtins\x8c\x04eval\x93.")},
		{`"torch.nn.modules.conv.Conv2d"`, legacyOf("\x80\x02ctorch.nn.modules.conv\nConv2d\n)\x81.")},
		{`"torch.storage.UntypedStorage"`, legacyOf("\x80\x02ctorch.storage\nUntypedStorage\n.")},
		{`"torch._utils._rebuild_tensor_v2.x"`, legacyOf("\x80\x02ctorch._utils\n_rebuild_tensor_v2.x\n.")},
		{"whole model with its program", legacyOf("\x80\x02(" + pickled("module") + "tQ.")},
		{"calls torch.FloatStorage", legacyOf("\x80\x02ctorch\nFloatStorage\n" + four + "\x85R.")},
		{"calls what is no type", legacyOf("\x80\x02" + pickled("os.system") + ")R.")},
		{"operation 0x69", legacyOf("\x80\x02(ios\nsystem\n")},
		{"protocol 9", legacyOf("\x80\x09N.")},
		{"in the middle of something", legacyOf("\x80\x02NN.")},
		{"more than it has put down", legacyOf("\x80\x02s.")},
		{"ends a group", legacyOf("\x80\x02t.")},
		{"nothing to remember", legacyOf("\x80\x02q\x00.")},
		{"nothing was remembered", legacyOf("\x80\x02h\x07.")},
		{"a length of 4294967295 bytes", long("X", 1<<32-1)},
		{"a length of 1048577 bytes", long("B", maxString+1)},
		{"a length of 900000 bytes", long("T", 900000)},
		{"line is longer", legacyOf("\x80\x02c" + strings.Repeat("x", 2*maxName))},
		{"piles up", legacyOf("\x80\x02" + strings.Repeat("(", maxStack+1))},
		{"more than 2097152 steps", legacyOf("\x80\x02N" + strings.Repeat("\x85", maxSteps))},
		{"holds no state dict", checkpointtest.LegacyFile([]byte("\x80\x02]."), []byte("\x80\x02]."), nil)},
		{"is no tensor", legacyOf("\x80\x02}(" + pickled("w") + whole + pickled("epoch") + "K\x03u.")},
		{`names "w" twice`, legacyOf("\x80\x02}(" + pickled("w") + whole + pickled("w") + whole + "u.")},
		{"is no text", legacyOf("\x80\x02}(K\x01" + whole + "u.")},
		{"not UTF-8", legacyOf("\x80\x02X\x01\x00\x00\x00\xff.")},
		{"reaches beyond its storage", tensor("K\x01", four+"\x85", one)},
		{"reaches beyond its storage of 4", tensor("K\x00", four+four+"\x86", "K\x04K\x01\x86")},
		{"shape [2147483647 2147483647 21474836", tensor("K\x00", large+large+large+"\x87", large+large+large+"\x87")},
		{"more than a file of", tensor("K\x00", large+"\x85", "K\x00\x85")},
		{"is [2147483647 2147483647 2147483647 2", tensor("K\x00", "("+strings.Repeat(large, 8)+"t", "("+strings.Repeat("K\x00", 8)+"t")},
		{"not what they should be", tensor("K\x00", "("+strings.Repeat("K\x01", 9)+"t", "("+strings.Repeat("K\x01", 9)+"t")},
		{"and strides are not", tensor("J\xff\xff\xff\xff", four+"\x85", one)},
		{"offset, shape and strides are not what", tensor("K\x00", "J\xff\xff\xff\xff\x85", one)},
		{"strides are not what they", tensor("K\x00", four+"\x85", "J\xff\xff\xff\xff\x85")},
		{"made of 1 values", legacyOf(stateDict(pickleV2 + "(NtR"))},
		{"has 4 elements, its tensors say 5", legacyOf(stateDict(pickledTensor(pickledStorage("K\x05"), "K\x00", four+"\x85", one)))},
		{"and then 5", legacyOf(strings.Replace(repeated, pickled("v")+pickleV2+"("+pickledStorage(four), pickled("v")+pickleV2+"("+pickledStorage("K\x05"), 1))},
		{"type, key and size", legacyOf(stateDict(pickledTensor(pickledStorage("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), "K\x00", four+"\x85", one)))},
		{"the storage \"0\" is not known", legacyOf("\x80\x02}.")},
		{"ends within its storage", legacyOf(stateDict(whole))[:len(legacyOf(stateDict(whole)))-1]},
		{"goes on after its last", append(legacyOf(stateDict(whole)), 0)},
		{"is missing", checkpointtest.LegacyFile([]byte(stateDict(whole)), []byte("\x80\x02]."), nil)},
		{"neither a zip archive nor", []byte("ustar")},
		{"version 1002", []byte(legacyMagic + "\x80\x02M\xea\x03.")},
		{"not little-endian", []byte(legacyMagic + "\x80\x02M\xe9\x03.\x80\x02}" + pickled("little_endian") + "\x89s.")},
		{"archive is broken", []byte("PK\x03\x04 and nothing more")},
		{"shape and strides are not what", tensor("K\x00", "K\x03\x85", wide+"\x85")},
		{"known or comes twice", checkpointtest.LegacyFile([]byte(stateDict(whole)), []byte("\x80\x02]("+pickled("0")+pickled("0")+"e."), append(storageOf(4), storageOf(4)...))},
		{"a length of 1048577", legacyOf("\x80\x02B" + "\x01\x00\x10\x00" + strings.Repeat("x", maxString+1) + ".")},
		{"piles up more", legacyOf("\x80\x02" + strings.Repeat("N", maxStack+1))},
		{"takes more than it has put", legacyOf("\x80\x02}(NNs.")},
		{"a part of the storage", legacyOf(stateDict(pickledTensor(strings.Replace(pickledStorage(four), "NtQ", pickled("1")+"K\x03K\x03\x87tQ", 1), "K\x00", one, one)))},
		{"holds no state dict: no", checkpointtest.LegacyFile([]byte("\x80\x02}q\x00"+pickled("model")+"h\x00s."), []byte("\x80\x02]."), nil)},
		{"reach over much more than the file", farViews()},
	}
	return append(files, refusedArchives(stateDict(strings.ReplaceAll(whole, "NtQ", "tQ")))...)
}

// refusedArchives are zip archives of a pickle that wants the storage "0".
func refusedArchives(objects string) []refusedFile {
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
	return []refusedFile{
		{"no data.pkl", archive(map[string]string{"a/b/data.pkl": objects})},
		{"two checkpoints", archive(with("b/data.pkl", objects))},
		{"byte order \"big\"", archive(with("a/byteorder", "big"))},
		{`storage "0" is missing`, archive(map[string]string{"a/data.pkl": objects})},
		{"has 12 bytes, not 4", archive(with("a/data/0", string(storage[4:])))},
		{"has 15 bytes, not 4", archive(with("a/data/0", string(storage[1:])))},
		{"compressed or encrypted", method(archive(good), 8)},
	}
}

// farViews is a checkpoint of many tensors of two elements, the first and the
// last of one storage.
func farViews() []byte {
	b := "\x80\x02}("
	for i := range 200 {
		b += pickled(fmt.Sprint("w", i)) + pickledTensor(pickledStorage("M\xe8\x03"), "K\x00", "K\x02\x85", "M\xe7\x03\x85")
	}
	return checkpointtest.LegacyFile([]byte(b+"u."), []byte("\x80\x02]"+pickled("0")+"a."), storageOf(1000))
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

func TestWhatIsNoCheckpointIsRefusedWithASentence(t *testing.T) {
	for _, r := range refused() {
		if _, err := open(r.file); err == nil || !strings.Contains(err.Error(), r.why) {
			t.Errorf("%s: error %v", r.why, err)
		}
	}
}

// oddPickles are seeds for fuzzing.
func oddPickles() [][]byte {
	var all [][]byte
	for _, r := range refused() {
		if len(r.file) < 1<<16 {
			all = append(all, r.file)
		}
	}
	return all
}
