package ct

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/jcs-ct/jcs/internal/parsetest"
)

// entryOf is a file in memory.
func entryOf(name string, data []byte) entry {
	return entry{name: name, size: int64(len(data)), open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// FuzzNIfTI reads hostile NIfTI files, which are refused or good volumes. voxels
// are those of a pair. Of gzipped files the unpacked size counts for what they
// may cost, which the reader bounds.
func FuzzNIfTI(f *testing.F) {
	for way := range 8 {
		s := plainSpec()
		s.form, s.big, s.pair, s.qform = 1+way&1, way&2 != 0, way&4 != 0, way&1
		s.dims, s.values = []int{3, 2, 2}, s.values[:12]
		s.kind = []niftiType{niftiInt16, niftiUint8, niftiFloat32, niftiFloat64}[way&3]
		f.Add(s.file(), s.body())
		f.Add(gzipped(s.file()), gzipped(s.body()))
	}
	f.Add([]byte("\x1f\x8b\x08"), []byte{})
	f.Fuzz(func(t *testing.T, data, voxels []byte) {
		l := &listing{name: "a.hdr", entries: []entry{entryOf("a.hdr", data), entryOf("a.img", voxels)}, single: true}
		parsetest.Hold(t, len(data)+len(voxels), func() { holdNIfTI(t, l) })
	})
}

func holdNIfTI(t *testing.T, l *listing) {
	e := l.entries[0]
	if f, err := e.format(); err != nil || f != formatNIfTI {
		return
	}
	in, err := l.readNIfTI(context.Background(), l.entries[:1], Options{Limits: Limits{}.orDefaults()})
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) || r.Sentence == "" || r.Code == "" {
			t.Fatalf("no refusal: %v", err)
		}
		return
	}
	v := in.Volume
	if err := v.Check(); err != nil {
		t.Fatal(err)
	}
	if x, y, z, ok := v.SpacingMM(); !ok || !(x < 1e6 && y < 1e6 && z < 1e6) {
		t.Fatalf("%v x %v x %v mm", x, y, z)
	}
	for _, hu := range v.HU {
		if hu < Air {
			t.Fatalf("%d HU", hu)
		}
	}
}
