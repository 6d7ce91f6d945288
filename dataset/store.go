package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"slices"
	"sync"

	"github.com/jcs-ct/jcs/picture"
)

// Picture is an item with its pixels.
type Picture struct {
	Item  Item
	Image *image.Gray
	Mask  *image.Gray     // 0 or 255, of the image's size; nil where there is none
	Body  image.Rectangle // what BodyBox finds in Image
}

// Store holds decoded pictures in memory, in the order of their items.
type Store struct {
	Pictures []*Picture
	digests  map[string]string // of the files read, by path
}

// Load decodes the items' pictures and masks on several goroutines. Pictures
// whose longer side exceeds longest are made smaller, antialiased; 0 keeps
// every size. The sources give each picture's lesion label.
func Load(ctx context.Context, items []Item, sources []Source, longest, workers int) (*Store, error) {
	lesion := map[string]Source{}
	for _, s := range sources {
		lesion[s.Name] = s
	}
	st := &Store{Pictures: make([]*Picture, len(items)), digests: map[string]string{}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := make(chan int)
	for range max(workers, 1) {
		wg.Go(func() {
			for i := range next {
				p, sums, err := open(items[i], longest)
				if err != nil {
					cancel(err)
					continue
				}
				p.label(lesion[p.Item.Source])
				mu.Lock()
				st.Pictures[i] = p
				for name, sum := range sums {
					st.digests[name] = sum
				}
				mu.Unlock()
			}
		})
	}
feed:
	for i := range items {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("loading pictures: %w", err)
	}
	return st, nil
}

// Digest is one SHA-256 over the digests of all files that were read, so that
// a manifest can name the data.
func (s *Store) Digest() string {
	var sums []string
	for _, sum := range s.digests {
		sums = append(sums, sum)
	}
	slices.Sort(sums)
	h := sha256.New()
	for _, sum := range sums {
		h.Write([]byte(sum + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func open(it Item, longest int) (*Picture, map[string]string, error) {
	img, sum, err := decodeFile(it.Image)
	if err != nil {
		return nil, nil, err
	}
	sums := map[string]string{it.Image: sum}
	w, h := fit(img.Rect.Dx(), img.Rect.Dy(), longest)
	p := &Picture{Item: it}
	if it.Mask != "" {
		mask, sum, err := decodeFile(it.Mask)
		if err != nil {
			return nil, nil, err
		}
		if mask.Rect.Dx() != img.Rect.Dx() || mask.Rect.Dy() != img.Rect.Dy() {
			return nil, nil, fmt.Errorf("mask %s is %d x %d, its picture %d x %d", it.Mask,
				mask.Rect.Dx(), mask.Rect.Dy(), img.Rect.Dx(), img.Rect.Dy())
		}
		sums[it.Mask] = sum
		threshold(mask)
		p.Mask = resized(mask, w, h)
		threshold(p.Mask)
	}
	p.Image = resized(img, w, h)
	p.Body = BodyBox(p.Image)
	return p, sums, nil
}

// label gives a picture with a mask the class of its lesions.
func (p *Picture) label(s Source) {
	if s.LesionLabel < 1 || p.Mask == nil {
		return
	}
	n := 0
	for _, v := range p.Mask.Pix {
		if v > 127 {
			n++
		}
	}
	p.Item.Label = Unknown
	if n > 0 && float64(n) >= s.LesionShare*float64(len(p.Mask.Pix)) {
		p.Item.Label = s.LesionLabel
	}
}

func decodeFile(name string) (*image.Gray, string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, "", fmt.Errorf("reading a picture: %w", err)
	}
	img, err := picture.Decode(bytes.NewReader(data), picture.Limits{})
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	return img, hex.EncodeToString(sum[:]), nil
}

func resized(img *image.Gray, w, h int) *image.Gray {
	if img.Rect.Dx() == w && img.Rect.Dy() == h {
		return img
	}
	return picture.ResizePillow(img, w, h)
}

// threshold makes every pixel 0 or 255, whatever the mask's two values were.
func threshold(mask *image.Gray) {
	top := slices.Max(mask.Pix)
	for i, v := range mask.Pix {
		mask.Pix[i] = 0
		if v > top/2 {
			mask.Pix[i] = 255
		}
	}
}

// fit is the size with the longer side at most longest.
func fit(w, h, longest int) (int, int) {
	if m := max(w, h); longest > 0 && m > longest {
		return max(1, (w*longest+m/2)/m), max(1, (h*longest+m/2)/m)
	}
	return w, h
}
