package ct

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/internal/dcmtk"
)

// marked is a volume of which no two voxels are alike, so that each tells where
// it belongs; its corners are marked besides.
func marked() *Volume {
	v := &Volume{
		Columns: 34, Rows: 36, Slices: 33,
		Affine: [4][4]float64{{0.8, 0, 0, -12}, {0, 0.9, 0, -31}, {0, 0, 1.5, 207}, {0, 0, 0, 1}},
	}
	v.HU = make([]int16, v.Columns*v.Rows*v.Slices)
	for i := range v.HU {
		v.HU[i] = int16(i%65000 - 32500)
		v.HU[i] = max(v.HU[i]%20000, Air)
	}
	for corner := range 8 {
		v.HU[v.at(corner)] = int16(30000 + corner)
	}
	return v
}

// at is the index of a corner: bit 0 of it is the last column, 1 the last row,
// 2 the last slice.
func (v *Volume) at(corner int) int {
	return (corner&1)*(v.Columns-1) + (corner>>1&1)*(v.Rows-1)*v.Columns + (corner>>2&1)*(v.Slices-1)*v.Columns*v.Rows
}

func (v *Volume) placeOf(corner int) [3]float64 {
	return v.Position(float64((corner&1)*(v.Columns-1)), float64((corner>>1&1)*(v.Rows-1)), float64((corner>>2&1)*(v.Slices-1)))
}

// orders are all 48 orders of three axes.
func orders() []Order {
	var all []Order
	for _, p := range [6][3]int8{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} {
		for flips := range 8 {
			var o Order
			for a := range o {
				o[a] = p[a]
				if flips>>a&1 == 1 {
					o[a] = -p[a]
				}
			}
			all = append(all, o)
		}
	}
	return all
}

// stored writes a volume in an order, by the definition of Order and nothing
// else: it is the test's own way, voxel by voxel.
func stored(v *Volume, o Order) (size [3]int, hu []int16, affine [4][4]float64) {
	from := [3]int{v.Columns, v.Rows, v.Slices}
	for a, s := range o {
		size[max(s, -s)-1] = from[a]
	}
	index := func(c [3]int) (i [3]int) {
		for a, s := range o {
			if s > 0 {
				i[s-1] = c[a]
			} else {
				i[-s-1] = from[a] - 1 - c[a]
			}
		}
		return i
	}
	hu = make([]int16, len(v.HU))
	for k := range v.Slices {
		for j := range v.Rows {
			for i := range v.Columns {
				at := index([3]int{i, j, k})
				hu[at[0]+size[0]*(at[1]+size[1]*at[2])] = v.HU[i+v.Columns*(j+v.Rows*k)]
			}
		}
	}
	// The affine from where three stored axes and the first stored voxel lie.
	affine[3][3] = 1
	place := func(at [3]int) [3]float64 {
		var c [3]int
		for a, s := range o {
			if s > 0 {
				c[a] = at[s-1]
			} else {
				c[a] = from[a] - 1 - at[-s-1]
			}
		}
		return v.Position(float64(c[0]), float64(c[1]), float64(c[2]))
	}
	origin := place([3]int{})
	for a := range 3 {
		var one [3]int
		one[a] = 1
		p := place(one)
		for i := range 3 {
			affine[i][a], affine[i][3] = p[i]-origin[i], origin[i]
		}
	}
	return size, hu, affine
}

func TestEveryOrderOfAxesIsReadAsTheSameVolume(t *testing.T) {
	want := marked()
	all := orders()
	if len(all) != 48 {
		t.Fatalf("%d orders", len(all))
	}
	for _, o := range all {
		size, hu, affine := stored(want, o)
		in, err := newGrid(KindDICOM, size, slices.Clone(hu), affine, Limits{})
		if err != nil {
			t.Fatalf("%v: %v", o, err)
		}
		checkMarked(t, fmt.Sprint(o), in, want)
		v := in.Volume
		if got := Restore(v.Order, [3]int{v.Columns, v.Rows, v.Slices}, v.HU); !slices.Equal(got, hu) {
			t.Errorf("%v: restored as %v, not as it was stored", o, v.Order)
		}
		if v.Order.StoredSize([3]int{v.Columns, v.Rows, v.Slices}) != size {
			t.Errorf("%v: the stored size is lost", o)
		}
		if !nearAffine(v.StoredAffine(), affine) {
			t.Errorf("%v: the stored affine is %v, not %v", o, v.StoredAffine(), affine)
		}
	}
}

// checkMarked holds an input to the marked volume: same voxels, same corners at
// the same places of the patient.
func checkMarked(t *testing.T, name string, in *Input, want *Volume) {
	t.Helper()
	v := in.Volume
	if err := v.Check(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if v.Columns != want.Columns || v.Rows != want.Rows || v.Slices != want.Slices {
		t.Fatalf("%s: %d x %d x %d voxels", name, v.Columns, v.Rows, v.Slices)
	}
	for corner := range 8 {
		if got := v.HU[v.at(corner)]; got != int16(30000+corner) {
			t.Errorf("%s: corner %d holds %d", name, corner, got)
		}
		if p, q := v.placeOf(corner), want.placeOf(corner); norm(sub(p, q)) > 1e-6 {
			t.Errorf("%s: corner %d lies at %v, not at %v", name, corner, p, q)
		}
	}
	if !slices.Equal(v.HU, want.HU) {
		t.Errorf("%s: other voxels", name)
	}
	if !nearAffine(v.Affine, want.Affine) {
		t.Errorf("%s: affine %v", name, v.Affine)
	}
	for k, s := range in.Sources {
		if !s.HasPosition || math.Abs(s.PositionMM-v.Position(0, 0, float64(k))[2]) > 1e-6 {
			t.Errorf("%s: slice %d lies at %+v", name, k, s)
			break
		}
	}
}

func nearAffine(a, b [4][4]float64) bool {
	for i := range a {
		for j := range a[i] {
			if math.Abs(a[i][j]-b[i][j]) > 1e-6 {
				return false
			}
		}
	}
	return true
}

// A DICOM series has no handedness of its own, for its files may come in any
// order. So there are 24 pairs of row and column directions.
func TestEveryOrientationOfADICOMSeriesIsReadAsTheSameVolume(t *testing.T) {
	want, c := marked(), startChild(t)
	for _, o := range orders() {
		if slices.Contains(o[:], -3) {
			continue
		}
		size, hu, affine := stored(want, o)
		dir := t.TempDir()
		writeGrid(t, c, dir, size, hu, affine)
		in := open(t, dir, Options{})
		checkMarked(t, fmt.Sprint(o), in, want)
		axial := o[2] == 3
		for _, s := range in.Sources {
			if (s.File != "" && s.InstanceUID != "") != axial {
				t.Fatalf("%v: a slice comes from %+v", o, s)
			}
		}
		var codes []string
		for _, w := range in.Warnings {
			codes = append(codes, w.Code)
		}
		usual := o == Order{1, 2, 3}
		if slices.Contains(codes, "not_axial") == axial || slices.Contains(codes, "turned") != (axial && !usual) {
			t.Errorf("%v: warnings %v", o, codes)
		}
	}
}

// writeGrid writes a grid as DICOM, a file for each of its planes.
func writeGrid(t *testing.T, c *dcmtk.Child, dir string, size [3]int, hu []int16, affine [4][4]float64) {
	t.Helper()
	v := &Volume{Columns: size[0], Rows: size[1], Slices: size[2], HU: hu, Affine: affine}
	r, w := unit(v.axis(0)), unit(v.axis(1))
	for k := range size[2] {
		im := file{series: "grid", place: float64(k)}.image()
		im.Columns, im.Rows, im.HU = size[0], size[1], v.Slice(k)
		im.SpacingX, im.SpacingY, im.SliceThickness = norm(v.axis(0)), norm(v.axis(1)), norm(v.axis(2))
		im.Position = v.Position(0, 0, float64(k))
		im.Orientation = [6]float64{r[0], r[1], r[2], w[0], w[1], w[2]}
		data, err := c.WriteCT(im)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%03d.dcm", k)), data)
	}
}

func startChild(t *testing.T) *dcmtk.Child {
	t.Helper()
	c, err := dcmtk.Start(t.Context(), dcmtk.Limits{})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestGridsThatAreNoCTAreRefused(t *testing.T) {
	good := marked().Affine
	change := func(f func(a *[4][4]float64)) [4][4]float64 { a := good; f(&a); return a }
	for _, test := range []struct {
		name   string
		size   [3]int
		affine [4][4]float64
		code   string
	}{
		{"no columns", [3]int{0, 4, 4}, good, "bad_geometry"},
		{"70,000 columns", [3]int{70000, 4, 4}, good, "bad_geometry"},
		{"more voxels than are read", [3]int{60000, 60000, 3}, good, "too_large"},
		{"an affine of NaN", [3]int{40, 40, 40}, change(func(a *[4][4]float64) { a[1][1] = math.NaN() }), "bad_geometry"},
		{"an affine of zeros", [3]int{40, 40, 40}, [4][4]float64{}, "bad_geometry"},
		{"two axes alike", [3]int{40, 40, 40}, change(func(a *[4][4]float64) { a[0][1], a[1][1] = 0.9, 0 }), "bad_geometry"},
		{"an oblique grid", [3]int{40, 40, 40}, change(func(a *[4][4]float64) { a[1][1], a[2][1], a[1][2], a[2][2] = 0.7, 0.7, -0.7, 0.7 }), "oblique"},
		{"coronal slices 5 mm apart", [3]int{40, 40, 40}, change(func(a *[4][4]float64) { a[1] = [4]float64{0, 0, 5, 0}; a[2] = [4]float64{0, 0.8, 0, 0} }), "stretched_pixels"},
		{"ten coronal slices", [3]int{40, 40, 10}, change(func(a *[4][4]float64) { a[1] = [4]float64{0, 0, 1, 0}; a[2] = [4]float64{0, 0.8, 0, 0} }), "not_axial"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := 0
			if s := test.size; s[0]*s[1]*s[2] < 1e6 {
				n = s[0] * s[1] * s[2]
			}
			_, err := newGrid(KindDICOM, test.size, make([]int16, n), test.affine, Limits{})
			checkRefusal(t, err, test.code)
		})
	}
}

func TestAStackOfThickCoronalSlicesIsRefusedWithItsPixels(t *testing.T) {
	v := &Volume{Columns: 40, Rows: 40, Slices: 40, HU: make([]int16, 64000), Affine: [4][4]float64{{0.7, 0, 0, 0}, {0, 0, 5, 0}, {0, -0.7, 0, 0}, {0, 0, 0, 1}}}
	dir := t.TempDir()
	writeGrid(t, startChild(t), dir, [3]int{40, 40, 40}, v.HU, v.Affine)
	_, err := Open(t.Context(), dir, Options{})
	checkRefusal(t, err, "stretched_pixels", "coronal", "0.70 x 5.00 mm", "give the axial series")
	if strings.Contains(err.Error(), "%") {
		t.Error(err)
	}
}
