package ct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// niftiFile is a NIfTI file of an input. Its voxels may lie in another file.
type niftiFile struct {
	entry  entry
	voxels func() (entry, error)
}

// readNIfTI reads the one volume that the files hold.
func (l *listing) readNIfTI(ctx context.Context, entries []entry, o Options) (*Input, error) {
	if len(entries) > 1 {
		return nil, refuse("several_volumes", "%s holds %d NIfTI volumes, and one is wanted: give one of them, such as %s", l.name, len(entries), entries[0].name)
	}
	f := niftiFile{entries[0], func() (entry, error) { return l.image(entries[0]) }}
	return f.read(ctx, o)
}

// imagesBeside are the files that may hold the voxels of a header that is given
// alone.
func imagesBeside(header string) []entry {
	var found []entry
	for _, suffix := range []string{".img", ".img.gz"} {
		name := stem(header) + suffix
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			found = append(found, entry{
				name: printable(info.Name()),
				size: info.Size(),
				open: func() (io.ReadCloser, error) { return os.Open(name) },
			})
		}
	}
	return found
}

// stem is a name without .hdr or .hdr.gz.
func stem(name string) string {
	name = strings.TrimSuffix(name, ".gz")
	return strings.TrimSuffix(name, path.Ext(name))
}

// image finds the file with the voxels of a header that is a file of its own.
func (l *listing) image(header entry) (entry, error) {
	stem := stem(header.name)
	for _, e := range l.entries {
		if e.name == stem+".img" || e.name == stem+".img.gz" {
			return e, nil
		}
	}
	return entry{}, refuse("no_voxels", "%s holds only the header of a NIfTI pair, and %s.img is not beside it: give the folder with both, or one .nii file", header.name, path.Base(stem))
}

// read reads the volume. It is streamed: before it is put in order there is
// never more of it in memory than its Hounsfield units.
func (f niftiFile) read(ctx context.Context, o Options) (*Input, error) {
	start, err := f.entry.unpackedPrefix(nifti2Data)
	if err != nil {
		return nil, f.readError(err)
	}
	h, err := parseNIfTI(start)
	if err != nil {
		return nil, f.refuse("bad_nifti", err.Error(), "give one CT volume")
	}
	affine, warnings, err := h.affine()
	if err != nil {
		return nil, f.refuse("bad_geometry", err.Error(), "convert the DICOM series again, as with dcm2niix, or give that series itself")
	}
	size := h.size()
	if err := checkGrid(size, affine, o.Limits); err != nil {
		var r *Refusal
		if errors.As(err, &r) {
			r.Sentence = f.entry.name + ": " + r.Sentence
		}
		return nil, err
	}
	hu, missing, err := f.hounsfield(ctx, h, o)
	if err != nil {
		return nil, err
	}
	in, err := newGrid(KindNIfTI, size, hu, affine, o.Limits)
	if err != nil {
		return nil, err
	}
	if in.Len() > o.Limits.Slices {
		return nil, refuse("too_many_slices", "%s has %d slices, more than the %d that are read: give a part of it", f.entry.name, in.Len(), o.Limits.Slices)
	}
	for _, w := range warnings {
		in.warn(w.Code, w.Message)
	}
	if missing > 0 {
		in.warn("no_number", fmt.Sprintf("%s no number (NaN or infinite) and taken as air", were(int(missing), "voxel")))
	}
	return in, nil
}

func (f niftiFile) refuse(code, problem, advice string) error {
	return refuse(code, "%s cannot be used: %s; %s", f.entry.name, problem, advice)
}

// readError makes a refusal of bytes that are not what they should be.
func (f niftiFile) readError(err error) error {
	if !bytesBroken(err) {
		return err
	}
	r := refuse("broken_nifti", "%s is cut short or broken: copy or export it again", f.entry.name)
	r.Err = err
	return r
}

const (
	// niftiRatio is how many times its own size a gzipped volume may unpack to,
	// once that is more than niftiFree. CT packs two to five times, a phantom
	// without noise a hundred times.
	niftiRatio = 500
	niftiFree  = 8 << 20
)

// hounsfield returns the volume in the order that it is stored in, and how many
// voxels were no number. Nothing is allocated for a volume that cannot be there.
func (f niftiFile) hounsfield(ctx context.Context, h *niftiHeader, o Options) (hu []int16, missing int64, err error) {
	source := f.entry
	if h.pair {
		if source, err = f.voxels(); err != nil {
			return nil, 0, err
		}
	}
	r, zipped, err := source.openUnpacked()
	if err != nil {
		return nil, 0, f.readError(err)
	}
	defer r.Close()
	bytes := h.voxels() * int64(h.kind.bytes())
	switch {
	case !zipped && source.size < h.offset+bytes:
		return nil, 0, f.readError(io.ErrUnexpectedEOF)
	case zipped && bytes > niftiFree && bytes/niftiRatio > source.size:
		return nil, 0, refuse("gzip_bomb", "%s unpacks to more than %d times its size, which no CT does: pack it again", source.name, niftiRatio)
	}
	if _, err := io.CopyN(io.Discard, r, h.offset); err != nil {
		return nil, 0, f.readError(cutShort(err))
	}
	hu = make([]int16, h.voxels())
	missing, err = f.scan(ctx, r, h, hu, o.Progress)
	if err != nil {
		return nil, 0, err
	}
	return hu, missing, f.checkEnd(r)
}

// chunkVoxels is how many voxels are read at once.
const chunkVoxels = 1 << 16

// scan reads voxels into hu and returns how many were no number.
func (f niftiFile) scan(ctx context.Context, r io.Reader, h *niftiHeader, hu []int16, progress func(done, total int)) (missing int64, err error) {
	scale := newNIfTIScale(h)
	size := h.kind.bytes()
	buffer := make([]byte, size*min(chunkVoxels, len(hu)))
	slices, plane := h.size()[2], len(hu)/h.size()[2]
	told := 0
	for begin := 0; begin < len(hu); begin += chunkVoxels {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		end := min(begin+chunkVoxels, len(hu))
		b := buffer[:size*(end-begin)]
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, f.readError(cutShort(err))
		}
		scale.apply(hu[begin:end], b)
		if done := end / plane; progress != nil && done > told {
			told = done
			progress(done, slices)
		}
	}
	return scale.missing, nil
}

// mostTail is how far behind the voxels the end of a file is looked for.
const mostTail = 1 << 20

// checkEnd reads on to the end, where gzip keeps its checksum.
func (f niftiFile) checkEnd(r io.Reader) error {
	if _, err := io.CopyN(io.Discard, r, mostTail); err != nil && !errors.Is(err, io.EOF) {
		return f.readError(err)
	}
	return nil
}

// cutShort is the error of bytes that end too early.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
