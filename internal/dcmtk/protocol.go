package dcmtk

import (
	"encoding/binary"
	"fmt"
	"io"
)

// operation is what a parent asks of its child.
type operation uint8

const (
	opHeader    operation = iota + 1 // bytes: the start of a file
	opWhole                          // bytes: a file, of which the header is wanted
	opImage                          // bytes: a file, of which the header and the first frame are wanted
	opFrame                          // bytes: the number of a frame of the last opImage
	opWrite                          // bytes: attributes as JSON, then samples
	opPull                           // 8 bytes: the size of a file, of which opImage's answer is wanted; the child asks for its bytes
	opDirectory                      // bytes: a DICOMDIR, of which the files are wanted that it refers to
)

// status is how a child answers; the values above 0 equal those of dicom.h.
type status uint8

const (
	statusOK status = iota
	statusMore
	statusBroken
	statusUnsupported
	statusTooLarge
	statusMemory
	statusFault
	statusNeed // no answer yet: the text is an offset and a number of bytes of the file, which the child waits for
)

// request is the fixed part of what a parent sends; n bytes follow.
type request struct {
	op  operation
	n   uint64 // bytes that follow
	max uint64 // bytes that the answer's data may have
}

// answer is the fixed part of what a child sends: text bytes follow, then data
// bytes.
type answer struct {
	status status
	text   uint32
	data   uint64
}

const (
	requestMagic = 0x716a6373 // "scjq"
	answerMagic  = 0x616a6373 // "scja"
	requestSize  = 24
	answerSize   = 20
	maxText      = 16 << 20 // some hundred bytes for each frame
)

func (r request) encode() []byte {
	b := make([]byte, 0, requestSize)
	b = binary.LittleEndian.AppendUint32(b, requestMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(r.op))
	b = binary.LittleEndian.AppendUint64(b, r.n)
	return binary.LittleEndian.AppendUint64(b, r.max)
}

func readRequest(r io.Reader) (request, error) {
	var b [requestSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return request{}, err
	}
	if binary.LittleEndian.Uint32(b[:]) != requestMagic {
		return request{}, fmt.Errorf("request without its mark")
	}
	return request{
		op:  operation(binary.LittleEndian.Uint32(b[4:])),
		n:   binary.LittleEndian.Uint64(b[8:]),
		max: binary.LittleEndian.Uint64(b[16:]),
	}, nil
}

func (a answer) encode() []byte {
	b := make([]byte, 0, answerSize)
	b = binary.LittleEndian.AppendUint32(b, answerMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(a.status))
	b = binary.LittleEndian.AppendUint32(b, a.text)
	return binary.LittleEndian.AppendUint64(b, a.data)
}

// maxNeed is the most that a child asks for at once.
const maxNeed = 1 << 20

// need is a piece of a file that a child asks for.
type need struct{ offset, n uint64 }

func (n need) encode() []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, n.offset), n.n)
}

// decodeNeed reads what a child asks for of a file of so many bytes.
func decodeNeed(text []byte, size int64) (need, error) {
	if len(text) != 16 {
		return need{}, fmt.Errorf("question of %d bytes", len(text))
	}
	n := need{binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:])}
	if n.n > maxNeed || n.offset > uint64(size) || n.n > uint64(size)-n.offset {
		return need{}, fmt.Errorf("question for bytes that the file has not")
	}
	return n, nil
}

// readAnswer reads an answer's parts. Nothing is allocated beyond maxText and
// maxData bytes; data lies in buffer where that is large enough.
func readAnswer(r io.Reader, maxData int64, buffer []byte) (s status, text, data []byte, err error) {
	var b [answerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, nil, nil, err
	}
	code, n := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[12:])
	a := answer{status: status(code), text: binary.LittleEndian.Uint32(b[8:]), data: n}
	switch {
	case binary.LittleEndian.Uint32(b[:]) != answerMagic:
		return 0, nil, nil, fmt.Errorf("answer without its mark")
	case code > uint32(statusNeed):
		return 0, nil, nil, fmt.Errorf("answer of an unknown kind")
	case a.text > maxText:
		return 0, nil, nil, fmt.Errorf("answer with %d bytes of text", a.text)
	case a.data > uint64(maxData), a.status != statusOK && a.data > 0:
		return 0, nil, nil, fmt.Errorf("answer with %d bytes of data", a.data)
	}
	text = make([]byte, a.text)
	if _, err := io.ReadFull(r, text); err != nil {
		return 0, nil, nil, err
	}
	if uint64(cap(buffer)) < a.data {
		buffer = make([]byte, a.data)
	}
	data = buffer[:a.data]
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, nil, err
	}
	return a.status, text, data, nil
}
