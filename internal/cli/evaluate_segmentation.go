package cli

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/dataset"
	"github.com/jcs-ct/jcs/evaluate"
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/picture"
)

type evaluateSegmentation struct {
	selection
	modelFlags
	Images    string  `required:"" placeholder:"DIR" help:"Folder of slices."`
	Masks     string  `required:"" placeholder:"DIR" help:"Folder of masks with the slices' names; above 127 is lesion."`
	Threshold float64 `default:"0.5" help:"Probability above which a pixel is opaque."`
	JSON      bool    `name:"json" help:"Print JSON."`
}

func (evaluateSegmentation) Help() string {
	return `Segments every slice of a folder and compares with the mask of the same name. --index with
--where takes some of them: the index's column file holds their names.

Example: jcs evaluate segmentation --images images/ --masks masks/ --json`
}

// Run evaluates a segmenter.
func (c *evaluateSegmentation) Run(ctx context.Context, t *terminal) error {
	if !(c.Threshold > 0 && c.Threshold < 1) {
		return usage("--threshold must lie between 0 and 1")
	}
	engine, err := c.options(t)
	if err != nil {
		return err
	}
	items, err := c.items()
	if err != nil {
		return err
	}
	models, err := c.load(segmenterPart)
	if err != nil {
		return err
	}
	network, err := network.NewSegmenter(models.Segmenter, engine)
	if err != nil {
		return err
	}
	defer network.Close()
	e := evaluate.NewSegmentation(evaluate.SegmentationOptions{Threshold: c.Threshold})
	for i, it := range items {
		in, err := openSlice(ctx, it.Image)
		if err != nil {
			return err
		}
		p := in.Picture(0, ct.LungWindow())
		truth, err := readTruth(it.Mask, p.Rect.Size())
		if err != nil {
			return err
		}
		answer, err := network.Segment(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(it.Image), err)
		}
		_, err = e.Add(evaluate.Slice{
			Name: filepath.Base(it.Image), Group: it.Group,
			Width: answer.Width, Height: answer.Height, Probability: answer.Probability, Truth: truth,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(it.Image), err)
		}
		t.progress("segment", i+1, len(items))
	}
	result, err := e.Result()
	if err != nil {
		return err
	}
	result.Model = &evaluate.Model{Name: models.Name, SHA256: models.Segmenter.SHA256, Precision: c.Precision}
	t.settle()
	if c.JSON {
		return t.json(result)
	}
	return t.table(segmentationRows(result))
}

// items pairs the folders and takes those that the index selects.
func (c *evaluateSegmentation) items() ([]dataset.Item, error) {
	pairs, err := dataset.PairFolders(c.Images, c.Masks)
	if err != nil {
		return nil, usageError{err}
	}
	if c.Index == "" {
		if len(c.Where) > 0 || c.Group != "" {
			return nil, usage("--where and --group need an --index")
		}
		if len(pairs) == 0 {
			return nil, usage("there is no slice in %s", c.Images)
		}
		return pairs, nil
	}
	rows, err := dataset.ReadIndex(c.Index, "", dataset.Columns{Group: c.Group})
	if err != nil {
		return nil, usageError{err}
	}
	if rows, err = c.filter(rows); err != nil {
		return nil, err
	}
	selected := map[string]dataset.Item{}
	for _, r := range rows {
		selected[stem(r.Image)] = r
	}
	var kept []dataset.Item
	for _, p := range pairs {
		if r, ok := selected[stem(p.Image)]; ok {
			p.Group = r.Group
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return nil, usage("no slice in %s is named by the index", c.Images)
	}
	return kept, nil
}

// stem is a file's name without folder and extension.
func stem(file string) string {
	name := filepath.Base(file)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

func readTruth(file string, size image.Point) ([]bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open a mask: %w", err)
	}
	defer f.Close()
	m, err := picture.Decode(f, picture.Limits{})
	if err != nil {
		return nil, fmt.Errorf("mask %s: %w", filepath.Base(file), err)
	}
	if m.Rect.Size() != size {
		return nil, fmt.Errorf("mask %s has %d x %d pixels, its slice %d x %d", filepath.Base(file), m.Rect.Dx(), m.Rect.Dy(), size.X, size.Y)
	}
	truth := make([]bool, len(m.Pix))
	for i, v := range m.Pix {
		truth[i] = v > 127
	}
	return truth, nil
}

func segmentationRows(r *evaluate.SegmentationResult) [][]string {
	rows := [][]string{{"slices", fmt.Sprint(r.N)}}
	add := func(name, key string, v *float64) {
		rows = append(rows, figureRow(name, v, r.Intervals, key))
	}
	add("Dice, mean of slices", "dice", &r.Dice)
	add("Dice, all pixels together", "dice_pooled", &r.DicePooled)
	add("IoU", "iou", &r.IoU)
	add("sensitivity", "sensitivity", r.Sensitivity)
	add("specificity", "specificity", r.Specificity)
	add("S-measure", "s_measure", &r.SMeasure)
	add("E-measure", "e_measure", &r.EMeasure)
	add("mean absolute error", "mae", &r.MAE)
	return rows
}
