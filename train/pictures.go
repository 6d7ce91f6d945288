package train

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"path/filepath"

	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/picture"
)

// album collects predictions to look at: for each source a sheet of pictures
// with the truth's outline in green and the predicted one in red. A slice that
// is classified gets a bar below it: as long as the probability, green when it
// is on the right side of a half.
type album struct {
	class  int // the positive one
	wanted map[*dataset.Picture]bool
	sheets map[string][]*image.RGBA
}

const albumSide = 256 // longer side of a picture in a sheet

func newAlbum(v *validator) *album {
	a := &album{class: v.plan.Positive, wanted: map[*dataset.Picture]bool{}, sheets: map[string][]*image.RGBA{}}
	if v.config.Pictures == 0 {
		return a
	}
	for _, all := range v.pictures {
		for _, p := range spread(all, v.config.Pictures) {
			a.wanted[p] = true
		}
	}
	return a
}

func (a *album) add(p predicted) {
	if !a.wanted[p.picture] {
		return
	}
	green, red := color.RGBA{60, 220, 60, 255}, color.RGBA{240, 60, 60, 255}
	w, h := p.picture.Image.Rect.Dx(), p.picture.Image.Rect.Dy()
	scale := float64(albumSide) / float64(max(w, h))
	sw, sh := max(1, int(float64(w)*scale)), max(1, int(float64(h)*scale))
	img := picture.ResizePillow(p.picture.Image, sw, sh)
	tile := image.NewRGBA(image.Rect(0, 0, sw, sh+6))
	draw.Draw(tile, img.Rect, img, image.Point{}, draw.Src)
	if p.picture.Mask != nil {
		dataset.Outline(tile, picture.ResizePillow(p.picture.Mask, sw, sh), green)
	}
	if p.probability != nil {
		dataset.Outline(tile, picture.ResizePillow(thresholded(p.probability, w, h), sw, sh), red)
	}
	if !math.IsNaN(p.positive) {
		c := color.RGBA{160, 160, 160, 255}
		if l := p.picture.Item.Label; l >= 0 {
			if c = red; (l == a.class) == (p.positive > 0.5) {
				c = green
			}
		}
		bar := image.Rect(0, sh+1, max(1, int(p.positive*float64(sw))), sh+6)
		draw.Draw(tile, bar, image.NewUniform(c), image.Point{}, draw.Src)
	}
	s := p.picture.Item.Source
	a.sheets[s] = append(a.sheets[s], tile)
}

func thresholded(probability []float32, w, h int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i, p := range probability {
		if p > 0.5 {
			m.Pix[i] = 255
		}
	}
	return m
}

// save writes a sheet for each source into a folder.
func (a *album) save(folder string) error {
	for source, tiles := range a.sheets {
		if err := savePNG(filepath.Join(folder, "predicted-"+source+".png"), dataset.Sheet(tiles, 6)); err != nil {
			return err
		}
	}
	return nil
}

// saveBatch writes what the network is given in one step.
func saveBatch(path string, samples []dataset.Sample) error {
	var tiles []*image.RGBA
	for _, s := range samples {
		tiles = append(tiles, dataset.Outlined(s.Image, s.Mask, color.RGBA{60, 220, 60, 255}))
	}
	return savePNG(path, dataset.Sheet(tiles, 8))
}

func savePNG(path string, img image.Image) error {
	if err := writeWhole(path, func(w io.Writer) error { return png.Encode(w, img) }); err != nil {
		return fmt.Errorf("writing the picture %s: %w", filepath.Base(path), err)
	}
	return nil
}
