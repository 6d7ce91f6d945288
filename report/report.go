package report

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jcs-ct/jcs/diagnose"
)

// Write adds the pictures of a result to a folder. progress, if not nil, is told
// of each.
func Write(ctx context.Context, to *Folder, r *diagnose.Result, progress func(done, total int)) error {
	return drawAll(ctx, to, pictures(r), progress)
}

// writersEach is how many pictures a processor has in work: while one waits for
// the disk, another is drawn.
const writersEach = 4

// drawAll draws and writes pictures, several at a time.
func drawAll(ctx context.Context, to *Folder, todo []drawing, progress func(done, total int)) error {
	next := make(chan drawing, len(todo))
	for _, p := range todo {
		next <- p
	}
	close(next)
	group, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	done := 0
	for range min(writersEach*runtime.GOMAXPROCS(0), len(todo)) {
		group.Go(func() error {
			f, err := newFaces() // letters cannot be shared
			if err != nil {
				return err
			}
			for p := range next {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("write the pictures: %w", err)
				}
				if err := to.Add(p.path, p.kind, pngOf(p.draw(f))); err != nil {
					return err
				}
				mu.Lock()
				done++
				if progress != nil {
					progress(done, len(todo))
				}
				mu.Unlock()
			}
			return nil
		})
	}
	return group.Wait()
}

// WriteDiagnosis writes diagnosis.json with the files that are there. Nothing
// can be added afterwards.
func WriteDiagnosis(to *Folder, d *diagnose.Diagnosis) error {
	d.Files = to.Files()
	_, err := to.write(DiagnosisFile, func(w io.Writer) error { return EncodeJSON(w, d) })
	return err
}

// WriteStudies writes studies.json, what came of each study.
func WriteStudies(to *Folder, all any) error {
	_, err := to.write(StudiesFile, func(w io.Writer) error { return EncodeJSON(w, all) })
	return err
}

// EncodeJSON writes a value as the JSON that jcs prints: indented, with a line's
// end.
func EncodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// drawing is a picture to be written.
type drawing struct {
	path, kind string
	draw       func(faces) image.Image
}

// pictures lists what is drawn: the sheet, and the overlays of every slice that
// was called positive or shows opacity. A lone slice has its overlays always.
func pictures(r *diagnose.Result) []drawing {
	out := []drawing{{"sheet.png", "contact_sheet", func(f faces) image.Image { return sheet(r, f).RGBA }}}
	for i, s := range r.Diagnosis.Slices {
		relevant := s.Positive || r.Masks[i] != nil || len(r.Diagnosis.Slices) == 1
		if relevant && s.Segmented {
			out = append(out, drawing{fmt.Sprintf("slices/%04d-lesions.png", i), "lesion_overlay",
				func(f faces) image.Image { return lesionOverlay(r, i, f).RGBA }})
		}
		if relevant && r.Maps[i] != nil {
			out = append(out, drawing{fmt.Sprintf("slices/%04d-activation.png", i), "activation_overlay",
				func(f faces) image.Image { return activationOverlay(r, i, f).RGBA }})
		}
	}
	return out
}

// SegmentationFile is the name of the JSON beside masks.
const SegmentationFile = "segmentation.json"

// SegmentationSchema names its form: a diagnosis without a verdict.
const SegmentationSchema = "jcs.segmentation/1"

// WriteMasks adds the mask of every segmented slice to a folder, 255 where
// opaque, and the slices with opacity in outline.
func WriteMasks(ctx context.Context, to *Folder, r *diagnose.Result, progress func(done, total int)) error {
	var todo []drawing
	for i, s := range r.Diagnosis.Slices {
		if !s.Segmented {
			continue
		}
		todo = append(todo, drawing{fmt.Sprintf("masks/%04d.png", i), "mask", func(faces) image.Image { return maskPicture(r, i) }})
		if r.Masks[i] != nil {
			todo = append(todo, drawing{fmt.Sprintf("slices/%04d-lesions.png", i), "lesion_overlay",
				func(f faces) image.Image { return lesionOverlay(r, i, f).RGBA }})
		}
	}
	return drawAll(ctx, to, todo, progress)
}

func maskPicture(r *diagnose.Result, slice int) *image.Gray {
	m := image.NewGray(r.Picture(slice).Rect)
	for i, v := range r.Masks[slice] {
		if v != 0 {
			m.Pix[i] = 255
		}
	}
	return m
}

// WriteSegmentation writes segmentation.json with the files that are there.
func WriteSegmentation(to *Folder, d *diagnose.Diagnosis) error {
	d.Schema, d.Files = SegmentationSchema, to.Files()
	_, err := to.write(SegmentationFile, func(w io.Writer) error { return EncodeJSON(w, d) })
	return err
}
