package report

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/jcs-ct/jcs/diagnose"
)

// Write adds the pictures of a result to a folder. progress, if not nil, is told
// of each.
func Write(ctx context.Context, to *Folder, r *diagnose.Result, progress func(done, total int)) error {
	todo := pictures(r)
	next := make(chan drawing, len(todo))
	for _, p := range todo {
		next <- p
	}
	close(next)
	group, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	done := 0
	for range min(runtime.GOMAXPROCS(0), len(todo)) {
		group.Go(func() error {
			f, err := newFaces() // letters cannot be shared
			if err != nil {
				return err
			}
			for p := range next {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("write the pictures: %w", err)
				}
				if err := to.Add(p.path, p.kind, pngOf(p.draw(f).RGBA)); err != nil {
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
	draw       func(faces) canvas
}

// pictures lists what is drawn: the sheet, and the overlays of every slice that
// was called positive or shows opacity. A lone slice has its overlays always.
func pictures(r *diagnose.Result) []drawing {
	out := []drawing{{"sheet.png", "contact_sheet", func(f faces) canvas { return sheet(r, f) }}}
	for i, s := range r.Diagnosis.Slices {
		relevant := s.Positive || r.Masks[i] != nil || len(r.Diagnosis.Slices) == 1
		if relevant && s.Segmented {
			out = append(out, drawing{fmt.Sprintf("slices/%04d-lesions.png", i), "lesion_overlay",
				func(f faces) canvas { return lesionOverlay(r, i, f) }})
		}
		if relevant && r.Maps[i] != nil {
			out = append(out, drawing{fmt.Sprintf("slices/%04d-activation.png", i), "activation_overlay",
				func(f faces) canvas { return activationOverlay(r, i, f) }})
		}
	}
	return out
}

func pngOf(m image.Image) func(io.Writer) error {
	return func(w io.Writer) error {
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		return e.Encode(w, m)
	}
}
