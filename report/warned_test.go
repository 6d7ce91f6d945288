package report

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/diagnose"
)

// roundChest is an oval body with two lungs that are 180 mm high, as Hounsfield
// units by place: x to the left, y to the back, z to the head, from its middle.
func roundChest(x, y, z float64) float64 {
	if x*x/(150*150)+y*y/(105*105) > 1 {
		return -1000
	}
	if grow := 1 - z*z/(90*90); grow > 0 {
		grow = math.Sqrt(grow)
		if math.Hypot((math.Abs(x)-72)/(52*grow), y/(75*grow)) < 1 {
			return -850
		}
	}
	return 35
}

// readChest is such a chest, written as NIfTI and read again.
func readChest(t *testing.T, slices int, step, noise float64, at func(x, y, z float64) float64) *ct.Input {
	t.Helper()
	const side, pixel = 64, 6.0
	rng := rand.New(rand.NewPCG(1, 2))
	low := -step * float64(slices-1) / 2
	v := &ct.Volume{Columns: side, Rows: side, Slices: slices, HU: make([]int16, side*side*slices),
		Affine: [4][4]float64{{pixel, 0, 0, -189}, {0, pixel, 0, -189}, {0, 0, step, low}, {0, 0, 0, 1}}}
	for i := range v.HU {
		p := v.Position(float64(i%side), float64(i/side%side), float64(i/side/side))
		v.HU[i] = int16(max(ct.Air, math.Round(at(p[0], p[1], p[2])+noise*rng.NormFloat64())))
	}
	name := filepath.Join(t.TempDir(), "chest.nii")
	if err := ct.CreateNIfTI(name, v); err != nil {
		t.Fatal(err)
	}
	in, err := ct.Open(t.Context(), name, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// Each warning of ct's look at an input is on the sheet with its code and its
// whole sentence, and so is what leaves a verdict in doubt. With SHEETS=folder
// the sheets are written there, to be looked at.
func TestEveryWarningOfTheInputIsOnTheSheet(t *testing.T) {
	windowed := func(t *testing.T, w ct.Window) *ct.Input {
		volume := readChest(t, 44, 5, 15, roundChest)
		dir := t.TempDir()
		for k := 12; k < 32; k++ {
			file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%02d.png", k)))
			if err != nil {
				t.Fatal(err)
			}
			if err := pngOf(volume.Picture(k, w))(file); err != nil {
				t.Fatal(err)
			}
			file.Close()
		}
		in, err := ct.Open(t.Context(), dir, ct.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	moved := func(dx, dz float64) func(x, y, z float64) float64 {
		return func(x, y, z float64) float64 { return roundChest(x+dx, y, z+dz) }
	}
	for code, in := range map[string]func(t *testing.T) *ct.Input{
		"not_hu": func(t *testing.T) *ct.Input {
			return readChest(t, 44, 5, 15, func(x, y, z float64) float64 { return 2*(roundChest(x, y, z)+1024) - 1024 })
		},
		"no_air": func(t *testing.T) *ct.Input {
			return readChest(t, 44, 5, 15, func(x, y, z float64) float64 { return roundChest(x, y, z) + 1024 })
		},
		"thick_slices":  func(t *testing.T) *ct.Input { return readChest(t, 20, 12, 15, roundChest) },
		"few_slices":    func(t *testing.T) *ct.Input { return readChest(t, 8, 5, 15, roundChest) },
		"no_lungs":      func(t *testing.T) *ct.Input { return readChest(t, 44, 5, 15, moved(0, -300)) },
		"not_chest":     func(t *testing.T) *ct.Input { return readChest(t, 44, 5, 15, moved(0, -155)) },
		"lungs_cut_off": func(t *testing.T) *ct.Input { return readChest(t, 44, 5, 15, moved(0, -60)) },
		"noise_high":    func(t *testing.T) *ct.Input { return readChest(t, 44, 5, 80, roundChest) },
		"noise_extreme": func(t *testing.T) *ct.Input { return readChest(t, 44, 5, 250, roundChest) },
		"slice_jump": func(t *testing.T) *ct.Input {
			return readChest(t, 60, 3, 15, func(x, y, z float64) float64 {
				if z > 10 {
					y += 60
				}
				return roundChest(x, y, z)
			})
		},
		"window_not_lung": func(t *testing.T) *ct.Input { return windowed(t, ct.Window{Level: 40, Width: 400}) },
	} {
		t.Run(code, func(t *testing.T) {
			r := calledPositive(t, in(t))
			d := r.Diagnosis
			if !slices.ContainsFunc(d.Warnings, func(w ct.Warning) bool { return w.Code == code }) {
				t.Fatalf("the warnings are %v", d.Warnings)
			}
			f, err := newFaces()
			if err != nil {
				t.Fatal(err)
			}
			c := sheet(r, f)
			keep(t, code, c.RGBA)
			var texts []string
			for _, w := range d.Warnings {
				texts = append(texts, "warning "+w.Code+": "+w.Message)
			}
			if d.Rule != nil && len(d.Rule.Doubts) > 0 {
				if d.Verdict != diagnose.Indeterminate {
					t.Fatalf("%s in spite of doubts", d.Verdict)
				}
				texts = append(texts, "indeterminate because of: "+strings.Join(d.Rule.Doubts, ", ")+" (see below)")
			}
			onSheet(t, c, headLines(d, f.small, sheetWidth-2*sheetMargin), texts)
		})
	}
}

// onSheet reads a sheet's lines: each must be painted as its text is when it
// stands alone, within the sheet and above what is drawn below; and the texts
// must be among them, word by word.
func onSheet(t *testing.T, c canvas, lines []line, texts []string) {
	t.Helper()
	y, all := headlineHeight, ""
	for _, l := range lines {
		y += l.gap + lineHeight
		alone := newCanvas(sheetWidth, lineHeight, c.faces)
		end := alone.write(sheetMargin, lineHeight-4, c.faces.small, l.colour, l.text)
		if end > sheetWidth-sheetMargin {
			t.Errorf("%q reaches %d pixels beyond the margin", l.text, end-sheetWidth+sheetMargin)
		}
		for dy := range lineHeight {
			for x := range sheetWidth {
				if c.RGBAAt(x, y-lineHeight+4+dy) != alone.RGBAAt(x, dy) {
					t.Fatalf("%q is not to be read: another colour at %d, %d", l.text, x, y-lineHeight+4+dy)
				}
			}
		}
		all += l.text + " "
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("the sheet does not say %q; it says %q", text, all)
		}
	}
}

func keep(t *testing.T, name string, p image.Image) {
	t.Helper()
	dir := os.Getenv("SHEETS")
	if dir == "" {
		return
	}
	file, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := pngOf(p)(file); err != nil {
		t.Fatal(err)
	}
}
