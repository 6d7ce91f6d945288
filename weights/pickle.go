package weights

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Limits on one pickle. A checkpoint of 2000 tensors with its optimiser takes
// 200 thousand steps and 2 MB.
const (
	maxPickle = 32 << 20
	maxSteps  = 2 << 20
	maxStack  = 1 << 16
	maxString = 1 << 20
)

// pickleReader reads pickles, one after the other, within a part of a file.
type pickleReader struct {
	in   *bufio.Reader
	from int64 // where the part begins
	read int64 // of it
	size int64 // what may be read of it
}

func newPickleReader(r io.ReaderAt, from, size int64) *pickleReader {
	size = min(size, maxPickle)
	return &pickleReader{in: bufio.NewReader(io.NewSectionReader(r, from, size)), from: from, size: size}
}

// at is the place in the file of the next byte.
func (p *pickleReader) at() int64 { return p.from + p.read }

// take reads n bytes. No memory is taken for more than there are.
func (p *pickleReader) take(n uint64) ([]byte, error) {
	if n > maxString || int64(n) > p.size-p.read {
		return nil, fmt.Errorf("a length of %d bytes is more than there is or may be (%d)", n, maxString)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.in, b); err != nil {
		return nil, fmt.Errorf("the file ends within its pickle: %w", err)
	}
	p.read += int64(n)
	return b, nil
}

// line reads up to a newline, which is left out.
func (p *pickleReader) line() (string, error) {
	var b []byte
	for len(b) <= maxName {
		c, err := p.take(1)
		if err != nil {
			return "", err
		}
		if c[0] == '\n' {
			return string(b), nil
		}
		b = append(b, c[0])
	}
	return "", fmt.Errorf("a line is longer than %d bytes", maxName)
}

// unpickler is the part of Python's pickle machine that checkpoints of tensors
// need. It builds values of this package and calls nothing: what a pickle asks
// to be called is looked up in [reduce], and that is all there is.
type unpickler struct {
	in    *pickleReader
	steps int // that are left
	stack []any
	marks []int // heights of the stack
	memo  map[uint32]any
	// storage makes a storage of a persistent id.
	storage func(id tuple) (any, error)
}

// unpickle reads one pickle.
func unpickle(in *pickleReader, storage func(id tuple) (any, error)) (any, error) {
	u := &unpickler{in: in, steps: maxSteps, memo: map[uint32]any{}, storage: storage}
	for {
		at := in.at()
		op, err := in.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			if len(u.stack) != 1 || len(u.marks) != 0 {
				return nil, errors.New("the pickle ends in the middle of something")
			}
			return u.stack[0], nil
		}
		if err := u.spend(1); err != nil {
			return nil, err
		}
		if err := u.step(op[0]); err != nil {
			return nil, fmt.Errorf("pickle at byte %d: %w", at, err)
		}
		if len(u.stack) > maxStack || len(u.marks) > maxStack {
			return nil, fmt.Errorf("the pickle piles up more than %d values", maxStack)
		}
	}
}

// spend counts work, so that its time and memory are bounded.
func (u *unpickler) spend(n int) error {
	if u.steps -= n; u.steps < 0 {
		return fmt.Errorf("the pickle takes more than %d steps", maxSteps)
	}
	return nil
}

// step does one operation.
func (u *unpickler) step(op byte) error {
	if n, ok := argumentSize(op); ok {
		b, err := u.in.take(uint64(n))
		if err != nil {
			return err
		}
		return u.withArgument(op, b)
	}
	switch op {
	case '(': // MARK
		u.marks = append(u.marks, len(u.stack))
		return nil
	case 'N':
		return u.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return u.push(op == 0x88)
	case ']':
		return u.push(&list{})
	case ')':
		return u.push(tuple{})
	case '}':
		return u.push(&dict{})
	case 't', 0x85, 0x86, 0x87: // TUPLE, TUPLE1 to 3
		return u.tuple(op)
	case 'a', 'e': // APPEND, APPENDS
		return u.appendItems(op == 'e')
	case 's', 'u': // SETITEM, SETITEMS
		return u.setItems(op == 'u')
	case 0x94: // MEMOIZE
		return u.remember(uint32(len(u.memo)))
	case 'c', 0x93: // GLOBAL, STACK_GLOBAL
		return u.global(op == 0x93)
	case 'Q', 'R', 0x81, 'b': // BINPERSID, REDUCE, NEWOBJ, BUILD
		return u.object(op)
	}
	return fmt.Errorf("the operation 0x%02x is not among those that a checkpoint of tensors needs", op)
}

// argumentSize is the number of bytes after an operation that are its argument
// or the length of it.
func argumentSize(op byte) (int, bool) {
	switch op {
	case 0x80, 'K', 'U', 0x8c, 'C', 'h', 'q', 0x8a:
		return 1, true
	case 'M':
		return 2, true
	case 'J', 'X', 'T', 'B', 'j', 'r':
		return 4, true
	case 'G', 0x95:
		return 8, true
	}
	return 0, false
}

func (u *unpickler) withArgument(op byte, b []byte) error {
	var wide [8]byte
	copy(wide[:], b)
	n := binary.LittleEndian.Uint64(wide[:])
	switch op {
	case 0x80: // PROTO
		if n > 5 {
			return fmt.Errorf("pickle protocol %d is not known (up to 5 are)", n)
		}
		return nil
	case 0x95: // FRAME: only a hint for readers
		return nil
	case 'K', 'M': // BININT1, BININT2
		return u.push(int64(n))
	case 'J': // BININT
		return u.push(int64(int32(uint32(n))))
	case 'G': // BINFLOAT
		return u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 'q', 'r': // BINPUT, LONG_BINPUT
		return u.remember(uint32(n))
	case 'h', 'j': // BINGET, LONG_BINGET
		v, ok := u.memo[uint32(n)]
		if !ok {
			return fmt.Errorf("nothing was remembered as %d", n)
		}
		return u.push(v)
	}
	text, err := u.in.take(n)
	if err != nil {
		return err
	}
	switch op {
	case 'B', 'C': // BINBYTES, SHORT_BINBYTES: nothing that is needed
		return u.push(opaque{"bytes"})
	case 0x8a: // LONG1
		return u.push(long(text))
	}
	if !utf8.Valid(text) && op != 'U' && op != 'T' { // Python 2's strings are bytes
		return errors.New("a text is not UTF-8")
	}
	return u.push(string(text))
}

func (u *unpickler) push(v any) error {
	u.stack = append(u.stack, v)
	return nil
}

// pop takes values off the stack, but none from below the last mark.
func (u *unpickler) pop(n int) ([]any, error) {
	floor := 0
	if len(u.marks) > 0 {
		floor = u.marks[len(u.marks)-1]
	}
	if len(u.stack)-n < floor {
		return nil, errors.New("the pickle takes more than it has put down")
	}
	top := u.stack[len(u.stack)-n:]
	u.stack = u.stack[:len(u.stack)-n]
	return top, nil
}

// popMark takes all values down to the last mark, and the mark.
func (u *unpickler) popMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, errors.New("the pickle ends a group that it has not begun")
	}
	mark := u.marks[len(u.marks)-1]
	u.marks = u.marks[:len(u.marks)-1]
	top := u.stack[mark:]
	u.stack = u.stack[:mark]
	return top, nil
}

// group takes what an operation works on: all down to the mark, or n values.
func (u *unpickler) group(marked bool, n int) ([]any, error) {
	if marked {
		return u.popMark()
	}
	return u.pop(n)
}

func (u *unpickler) remember(i uint32) error {
	if len(u.stack) == 0 {
		return errors.New("there is nothing to remember")
	}
	u.memo[i] = u.stack[len(u.stack)-1]
	return nil
}
