package ct

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/jcs-ct/jcs/picture"
)

// readPictures decodes 8-bit pictures in the order of their names.
func readPictures(ctx context.Context, entries []entry, o Options) (*Input, error) {
	sortNatural(entries)
	if len(entries) > o.Limits.Slices {
		return nil, refuse("too_many_slices", "the input holds %d pictures, more than the %d of one study: give the folder of one study", len(entries), o.Limits.Slices)
	}
	in := &Input{Kind: KindPictures}
	var pixels int64
	for i, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := readPicture(e, o.Limits)
		if err != nil {
			return nil, err
		}
		pixels += int64(len(p.Pix))
		if pixels > o.Limits.Voxels {
			return nil, refuse("too_large", "the pictures have more than %d million pixels together: give one study, usually of 512 x 512 pixels a slice", o.Limits.Voxels/1_000_000)
		}
		in.Pictures = append(in.Pictures, p)
		in.Sources = append(in.Sources, Source{File: e.name})
		if o.Progress != nil {
			o.Progress(i+1, len(entries))
		}
	}
	in.warnPictures()
	in.assess()
	return in, nil
}

func readPicture(e entry, limits Limits) (*image.Gray, error) {
	data, err := e.read(limits.FileBytes)
	if err != nil {
		return nil, err
	}
	p, err := picture.Decode(bytes.NewReader(data), picture.Limits{MaxBytes: int(limits.FileBytes)})
	var why *picture.Refusal
	if errors.As(err, &why) {
		r := refuse("bad_picture", "%s cannot be used: %s", e.name, why.Problem)
		if why.Advice != "" {
			r.Sentence += "; " + why.Advice
		}
		r.Err = why
		return nil, r
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", e.name, err)
	}
	return p, nil
}

// warnPictures says what is odd about the pictures.
func (in *Input) warnPictures() {
	first := in.Pictures[0].Rect
	mixed := false
	for i, p := range in.Pictures {
		name := in.Sources[i].File
		w, h := p.Rect.Dx(), p.Rect.Dy()
		if 2*min(w, h) < max(w, h) {
			in.warn("unusual_shape", fmt.Sprintf("%s has %d x %d pixels, an unusual shape for a CT slice", name, w, h))
		}
		if n := greys(p); n < fewGreys {
			in.warn("few_greys", fmt.Sprintf("%s has only %s: no CT slice looks so", name, count(n, "grey")))
		}
		mixed = mixed || p.Rect != first
	}
	if mixed {
		in.warn("mixed_sizes", "the pictures are of different sizes and may not be of one study")
	}
}

// fewGreys is far below the greys of any CT slice.
const fewGreys = 16

// greys returns how many greys a picture uses.
func greys(p *image.Gray) int {
	var used [256]bool
	n := 0
	for _, v := range p.Pix {
		if !used[v] {
			used[v] = true
			n++
		}
	}
	return n
}
