package findings

import (
	"cmp"
	"encoding/csv"
	"image"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/picture"
)

// chosenOn are the patients on whose slices the numbers of lungs_picture.go that
// tell lung from table and fat were chosen in November 2026. Those chosen before
// had seen slices of all.
var chosenOn = map[string]bool{
	"coronacases_001": true, "coronacases_004": true, "coronacases_008": true,
	"radiopaedia_10": true, "radiopaedia_27": true, "radiopaedia_29": true,
}

// The expert lung masks of 14 COVID-19 volumes, as pictures whose local contrast
// was raised. Every 24th slice, or with LUNG_STEP=1 all of them.
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
	step, err := strconv.Atoi(cmp.Or(os.Getenv("LUNG_STEP"), "24"))
	if err != nil || step < 1 {
		t.Fatalf("LUNG_STEP=%s is no number of slices", os.Getenv("LUNG_STEP"))
	}
	of := map[string]*average{}
	for i := 1; i < len(rows); i += step {
		if rows[i][7] == "0" { // no lung
			continue
		}
		d := dice(LungsOfPicture(read(t, filepath.Join(root, rows[i][0]))), read(t, filepath.Join(root, rows[i][2])))
		part := "other patients"
		if chosenOn[patientOf(rows[i][3])] {
			part = "patients chosen on"
		}
		for _, k := range []string{rows[i][3], part, "all"} {
			if of[k] == nil {
				of[k] = &average{}
			}
			of[k].add(d)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(of)) {
		t.Logf("%-34s %4d slices, mean Dice %.4f, least %.3f", k, of[k].n, of[k].mean(), of[k].least)
	}
	for _, k := range []string{"other patients", "all"} {
		if of[k].mean() < 0.93 {
			t.Errorf("%s: mean Dice %.4f", k, of[k].mean())
		}
	}
}

// patientOf joins the series of one radiopaedia case.
func patientOf(volume string) string {
	parts := strings.Split(volume, "_")
	return strings.Join(parts[:min(2, len(parts))], "_")
}

type average struct {
	n          int
	sum, least float64
}

func (a *average) add(v float64) {
	if a.n == 0 || v < a.least {
		a.least = v
	}
	a.n++
	a.sum += v
}

func (a *average) mean() float64 { return a.sum / float64(a.n) }

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
