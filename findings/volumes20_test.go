package findings

import (
	"encoding/csv"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/jcs-ct/jcs/picture"
)

// The expert lung masks of 14 COVID-19 volumes, as pictures whose local contrast
// was raised. The numbers of lungs_picture.go were chosen on these and looked at
// on others, so this guards them and promises nothing of new pictures.
func TestLungsOfPicturesAgreeWithExperts(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "data", "volumes20")
	f, err := os.Open(filepath.Join(root, "index.csv"))
	if err != nil {
		t.Skip("the data folder is not beside the project: ", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for i := 1; i < len(rows); i += 12 {
		p := read(t, filepath.Join(root, rows[i][0]))
		truth := read(t, filepath.Join(root, rows[i][2]))
		sum += dice(LungsOfPicture(p), truth)
		n++
	}
	mean := sum / float64(n)
	t.Logf("mean Dice of %d slices: %.4f", n, mean)
	if mean < 0.925 {
		t.Errorf("mean Dice %.4f", mean)
	}
}

func read(t *testing.T, name string) *image.Gray {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := picture.Decode(f, picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func dice(l *Lungs, truth *image.Gray) float64 {
	inter, sum := 0, 0
	for y := range truth.Rect.Dy() {
		for x := range truth.Rect.Dx() {
			a, b := l.At(x, y, 0) != NoLung, truth.GrayAt(x, y).Y > 127
			if a {
				sum++
			}
			if b {
				sum++
			}
			if a && b {
				inter += 2
			}
		}
	}
	if sum == 0 {
		return 1
	}
	return float64(inter) / float64(sum)
}
