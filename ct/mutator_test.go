package ct

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// mutator makes damaged files of good ones. The same number always gives the
// same file.
type mutator struct {
	seeds    [][]byte // in every transfer syntax that is written
	plain    []seed   // explicit little endian, in elements
	packed   [][]byte // encapsulated
	bombs    [][]byte
	mutation []mutation
}

// seed is a file's preamble, and its elements.
type seed struct {
	head     []byte
	elements []element
}

// element is one of explicit little endian at the top level.
type element struct {
	tag   uint32 // group and element
	vr    string
	value []byte
	long  bool // its length has 32 bits
}

type mutation struct {
	kind string
	make func(m *mutator, r *rand.Rand) []byte
}

func mutations() []mutation {
	return []mutation{
		{"1 to 4 bytes", (*mutator).changedBytes},
		{"1 to 4 bytes", (*mutator).changedBytes}, // as many as two of the others
		{"truncation", (*mutator).truncated},
		{"length beyond the file", (*mutator).lengthBeyond},
		{"length times count", (*mutator).overflow},
		{"size against pixel length", (*mutator).otherSize},
		{"odd BitsAllocated", (*mutator).oddBits},
		{"absurd rescale", (*mutator).absurdRescale},
		{"fragment offsets", (*mutator).fragmentOffsets},
		{"deep nesting", (*mutator).nested},
		{"undefined without end", (*mutator).undefined},
		{"deflate bomb", (*mutator).bomb},
		{"wrong group length", (*mutator).groupLength},
		{"unknown VR", (*mutator).unknownVR},
		{"identifier as file name", (*mutator).fileName},
	}
}

func newMutator(t *testing.T, c *dcmtk.Child) *mutator {
	t.Helper()
	m := &mutator{mutation: mutations()}
	for _, s := range dcmtk.Syntaxes() {
		if !s.Write {
			continue
		}
		for _, stored := range []dcmtk.Stored{{}, {Signed: true, PadLow: -2000, PadHigh: -1500}, {Bits: 12, Inverted: true}} {
			im := file{series: "s", place: 2}.image()
			im.Stored, im.TransferSyntax = stored, s.UID
			data, err := c.WriteCT(im)
			if err != nil {
				t.Fatal(err)
			}
			m.addSeed(t, data, s.UID)
		}
		m.addSeed(t, enhanced{syntax: s.UID, places: []float64{0, 4, 2}, rescale: true}.write(t, c), s.UID)
	}
	// 1 to 1,000 MB of blanks or zeros, deflated to a thousandth.
	for _, size := range []int{1 << 20, 20 << 20, 100 << 20, 200 << 20, 1000 << 20} {
		m.bombs = append(m.bombs, m.newBomb(size))
	}
	return m
}

func (m *mutator) addSeed(t *testing.T, data []byte, syntax string) {
	t.Helper()
	m.seeds = append(m.seeds, data)
	switch syntax {
	case dcmtk.ExplicitLittleEndian:
		s, ok := parseSeed(data)
		if !ok || !bytes.Equal(s.bytes(), data) {
			t.Fatal("a seed does not parse")
		}
		m.plain = append(m.plain, s)
	case dcmtk.RLE, dcmtk.JPEGLossless, dcmtk.JPEGLosslessFirst, dcmtk.JPEGLS, dcmtk.JPEG2000Lossless:
		m.packed = append(m.packed, data)
	}
}

func (m *mutator) mutant(number uint64) (kind string, data []byte) {
	r := rand.New(rand.NewPCG(2026, number))
	x := m.mutation[number%uint64(len(m.mutation))]
	return x.kind, x.make(m, r)
}

func longVR(vr string) bool {
	return slices.Contains([]string{"OB", "OW", "OF", "OD", "OL", "SQ", "UN", "UT", "UC", "UR"}, vr)
}

func parseSeed(data []byte) (seed, bool) {
	s := seed{head: data[:132]}
	for rest := data[132:]; len(rest) > 0; {
		if len(rest) < 12 {
			return s, false
		}
		e := element{
			tag: uint32(binary.LittleEndian.Uint16(rest))<<16 | uint32(binary.LittleEndian.Uint16(rest[2:])),
			vr:  string(rest[4:6]),
		}
		head, length := 8, int(binary.LittleEndian.Uint16(rest[6:]))
		if longVR(e.vr) {
			head, length, e.long = 12, int(binary.LittleEndian.Uint32(rest[8:])), true
		}
		if length > len(rest)-head {
			return s, false
		}
		e.value = rest[head : head+length]
		s.elements = append(s.elements, e)
		rest = rest[head+length:]
	}
	return s, true
}

func (e element) appendTo(b []byte, length uint32) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(e.tag>>16))
	b = binary.LittleEndian.AppendUint16(b, uint16(e.tag))
	b = append(b, e.vr...)
	if e.long {
		b = append(b, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, length)
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(length))
	}
	return append(b, e.value...)
}

func (s seed) bytes() []byte { return s.with(-1, 0) }

// with is the file in which one element's length is another.
func (s seed) with(which int, length uint32) []byte {
	b := slices.Clone(s.head)
	for i, e := range s.elements {
		n := uint32(len(e.value))
		if i == which {
			n = length
		}
		b = e.appendTo(b, n)
	}
	return b
}

// clone is a copy whose elements may be replaced, but not their bytes changed.
func (s seed) clone() seed { return seed{s.head, slices.Clone(s.elements)} }

// set replaces a value, where there is such an element.
func (s seed) set(tag uint32, value []byte) {
	if len(value)%2 != 0 {
		value = append(slices.Clone(value), ' ')
	}
	for i := range s.elements {
		if s.elements[i].tag == tag {
			s.elements[i].value = value
		}
	}
}

// insert puts an element in the order of tags.
func (s *seed) insert(e element) {
	at := 0
	for at < len(s.elements) && s.elements[at].tag < e.tag {
		at++
	}
	s.elements = slices.Insert(s.elements, at, e)
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func (m *mutator) changedBytes(r *rand.Rand) []byte {
	data := slices.Clone(pick(r, m.seeds))
	for range 1 + r.IntN(4) {
		// The preamble means nothing; most goes beyond it.
		at := r.IntN(min(4096, len(data)))
		if at < 128 && r.IntN(8) > 0 {
			at = 128 + r.IntN(min(4096, len(data))-128)
		}
		data[at] = byte(r.Uint32())
	}
	return data
}

func (m *mutator) truncated(r *rand.Rand) []byte {
	data := pick(r, m.seeds)
	return data[:r.IntN(len(data))]
}

func (m *mutator) lengthBeyond(r *rand.Rand) []byte {
	s := pick(r, m.plain)
	which := r.IntN(len(s.elements))
	length := pick(r, []uint32{0xfffe, 0xfff0, 0x10000, 1 << 24, 1 << 28, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffe, r.Uint32()})
	return s.with(which, length)
}

func us(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }

func (m *mutator) overflow(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	big := []uint16{65535, 65534, 32768, 46341, 16384, 8192}
	s.set(0x00280010, us(pick(r, big)))
	s.set(0x00280011, us(pick(r, big)))
	s.insert(element{tag: 0x00280008, vr: "IS", value: []byte(pick(r, []string{"2147483647", "4294967296", "65536 ", "32768 ", "-1", "1 "}))})
	return s.with(len(s.elements)-1, pick(r, []uint32{0xfffffffe, 0x80000000, 0, uint32(len(s.elements[len(s.elements)-1].value))}))
}

func (m *mutator) otherSize(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	switch r.IntN(4) {
	case 0:
		s.set(0x00280010, us(uint16(r.IntN(200))))
	case 1:
		s.set(0x00280011, us(uint16(r.IntN(200))))
	case 2:
		s.insert(element{tag: 0x00280008, vr: "IS", value: []byte(pick(r, []string{"0 ", "2 ", "3 ", "4 ", "100 ", "-3"}))})
	default:
		s.set(0x00280002, us(uint16(r.IntN(5))))
	}
	if r.IntN(3) == 0 {
		last := &s.elements[len(s.elements)-1]
		last.value = last.value[:r.IntN(len(last.value)/2)*2]
	}
	return s.bytes()
}

func (m *mutator) oddBits(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	bits := []uint16{0, 1, 2, 7, 8, 9, 12, 15, 16, 17, 24, 32, 64, 128, 65535, uint16(r.Uint32())}
	s.set(0x00280100, us(pick(r, bits)))
	if r.IntN(2) == 0 {
		s.set(0x00280101, us(pick(r, bits)))
		s.set(0x00280102, us(pick(r, bits)))
		s.set(0x00280103, us(pick(r, bits)))
	}
	return s.bytes()
}

func (m *mutator) absurdRescale(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	absurd := []string{"0", "-0", "nan", "inf", "-inf", "1e308", "1e999", "-1e300", "1e-320", "0x1p9", "", " ", `1\2`, "abc", "1,5", "1000", "-1", strings.Repeat("9", 300), "\x00\x01"}
	s.set(pick(r, []uint32{0x00281052, 0x00281053}), []byte(pick(r, absurd)))
	if r.IntN(3) == 0 {
		s.set(pick(r, []uint32{0x00281052, 0x00281053, 0x00280030, 0x00200032, 0x00200037, 0x00180050}), []byte(pick(r, absurd)))
	}
	return s.bytes()
}

// fragmentOffsets damages the items of encapsulated pixel data: the offset
// table, a fragment's length or tag, their number.
func (m *mutator) fragmentOffsets(r *rand.Rand) []byte {
	data := slices.Clone(pick(r, m.packed))
	start := bytes.Index(data, []byte{0xe0, 0x7f, 0x10, 0x00, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff})
	if start < 0 {
		return data
	}
	at := start + 12 // the offset table's item
	table := int(binary.LittleEndian.Uint32(data[at+4:]))
	first := at + 8 + table
	length := binary.LittleEndian.Uint32(data[first+4:])
	absurd := pick(r, []uint32{0, 1, 2, 0xfffffffe, 0xffffffff, 0x80000000, uint32(len(data)), length - 2, length + 2, length / 2, r.Uint32()})
	switch r.IntN(6) {
	case 0: // an offset
		if table >= 4 {
			binary.LittleEndian.PutUint32(data[at+8+4*r.IntN(table/4):], absurd)
		}
	case 1: // the table's length
		binary.LittleEndian.PutUint32(data[at+4:], absurd)
	case 2: // a fragment's length
		binary.LittleEndian.PutUint32(data[first+4:], absurd)
	case 3: // no table where there was one
		empty := slices.Clone(data[:at+4])
		empty = append(empty, 0, 0, 0, 0)
		return append(empty, data[first:]...)
	case 4: // a fragment in two, at an even place
		cut := 2 * r.IntN(int(length)/2+1)
		split := slices.Clone(data[:first+8+cut])
		binary.LittleEndian.PutUint32(split[first+4:], uint32(cut))
		split = append(split, 0xfe, 0xff, 0x00, 0xe0)
		split = binary.LittleEndian.AppendUint32(split, length-uint32(cut))
		return append(split, data[first+8+cut:]...)
	default: // bytes of the stream
		for range 1 + r.IntN(8) {
			data[first+8+r.IntN(int(length))] = byte(r.Uint32())
		}
	}
	return data
}

// nested puts sequences of undefined length into each other, with or without
// their ends.
func (m *mutator) nested(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	depth := pick(r, []int{2, 10, 100, 500, 1000, 3000})
	if r.IntN(50) == 0 {
		depth = 30000
	}
	var b []byte
	for range depth {
		b = append(b, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff) // item
		b = append(b, 0x40, 0x00, 0x75, 0x02, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff)
	}
	if r.IntN(2) == 0 {
		for range depth {
			b = append(b, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0)
		}
	}
	b = append(b, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0)
	which := len(s.elements) - 1
	s.elements = slices.Insert(s.elements, which, element{tag: 0x00400275, vr: "SQ", value: b, long: true})
	return s.with(which, 0xffffffff)
}

func (m *mutator) undefined(r *rand.Rand) []byte {
	if r.IntN(2) == 0 { // encapsulated pixels without their end
		data := pick(r, m.packed)
		return data[:len(data)-8*(1+r.IntN(2))]
	}
	s := pick(r, m.plain).clone()
	which := r.IntN(len(s.elements))
	if r.IntN(2) == 0 {
		s.elements[which].vr, s.elements[which].long = pick(r, []string{"SQ", "UN", "OB", "OW", "UT"}), true
	}
	return s.with(which, 0xffffffff)
}

// newBomb is a deflated file that holds an element of so many bytes.
func (m *mutator) newBomb(size int) []byte {
	s := m.plain[0].clone()
	var meta, set seed
	meta.head = s.head
	for _, e := range s.elements {
		switch {
		case e.tag == 0x00020010:
			e.value = []byte(dcmtk.Deflated)
			meta.elements = append(meta.elements, e)
		case e.tag>>16 == 2 && e.tag != 0x00020000: // the group's length is left out
			meta.elements = append(meta.elements, e)
		case e.tag>>16 > 2:
			set.elements = append(set.elements, e)
		}
	}
	var b bytes.Buffer
	b.Write(meta.bytes())
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		panic(err)
	}
	last := len(set.elements) - 1
	w.Write(seed{elements: set.elements[:last]}.bytes())
	blanks := element{tag: 0x7fdf0010, vr: "OB", long: true}
	w.Write(blanks.appendTo(nil, uint32(size)))
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		w.Write(zeros)
	}
	w.Write(seed{elements: set.elements[last:]}.bytes())
	w.Close()
	return b.Bytes()
}

func (m *mutator) bomb(r *rand.Rand) []byte {
	data := m.bombs[0]
	if r.IntN(40) == 0 { // the large ones take up to a second each
		data = pick(r, m.bombs)
	}
	if r.IntN(2) == 0 {
		return data
	}
	data = slices.Clone(data)
	data[300+r.IntN(len(data)-300)] = byte(r.Uint32())
	return data
}

func (m *mutator) groupLength(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	wrong := binary.LittleEndian.AppendUint32(nil, pick(r, []uint32{0, 1, 10, 200, 1000, 1 << 20, 0xffffffff, r.Uint32()}))
	switch r.IntN(3) {
	case 0:
		s.set(0x00020000, wrong)
	case 1:
		s.insert(element{tag: pick(r, []uint32{0x00080000, 0x00280000, 0x7fe00000}), vr: "UL", value: wrong})
	default:
		s.elements = slices.DeleteFunc(s.elements, func(e element) bool { return e.tag == 0x00020000 })
	}
	return s.bytes()
}

func (m *mutator) unknownVR(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	for range 1 + r.IntN(3) {
		e := &s.elements[r.IntN(len(s.elements))]
		e.vr = pick(r, []string{"ZZ", "??", "\x00\x00", "un", "UN", "OX", "SQ", "OB", "US", "DS", "FD", "AT", string([]byte{byte(r.Uint32()), byte(r.Uint32())})})
		if r.IntN(2) == 0 {
			e.long = longVR(e.vr)
		}
	}
	return s.bytes()
}

func (m *mutator) fileName(r *rand.Rand) []byte {
	s := pick(r, m.plain).clone()
	names := []string{
		"../../../../../../tmp/escape", "/etc/passwd", `..\..\windows`, "/dev/zero", "|ls", "$(ls)", "a\x00b", "\x1b[2J", strings.Repeat("A", 60000), "con", "%s%s%n", "file:///etc/passwd",
	}
	for range 1 + r.IntN(3) {
		s.set(pick(r, []uint32{0x00020003, 0x00020010, 0x00080018, 0x0020000d, 0x0020000e, 0x00200052, 0x00080016, 0x00100020, 0x00080060}), []byte(pick(r, names)))
	}
	return s.bytes()
}
