package ct

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
)

// openUnpacked opens the file, and what is in it where it is gzipped. Whatever
// is wrong with the bytes shows when they are read.
func (e entry) openUnpacked() (r io.ReadCloser, zipped bool, err error) {
	file, err := e.open()
	if err != nil {
		return nil, false, err
	}
	buffered := bufio.NewReader(file)
	if head, err := buffered.Peek(2); err != nil || sniff(head) != formatGzip {
		return &unpacked{buffered, file}, false, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		file.Close()
		return nil, true, err
	}
	return &unpacked{z, file}, true, nil
}

// unpacked reads from one and closes the other.
type unpacked struct {
	io.Reader
	io.Closer
}

// unpackedPrefix returns at most the first n bytes of what is in the file.
func (e entry) unpackedPrefix(n int) ([]byte, error) {
	r, _, err := e.openUnpacked()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, n)
	m, err := io.ReadFull(r, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // as much as there is
	}
	return data[:m], err
}

// bytesBroken reports whether an error is that of the bytes and not of reading
// them.
func bytesBroken(err error) bool {
	var path *fs.PathError
	var r *Refusal
	return !errors.As(err, &path) && !errors.As(err, &r)
}
