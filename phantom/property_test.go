package phantom_test

import (
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/phantom"
)

// cases is how many random lesions are measured: go test ./phantom -cases 200.
var cases = flag.Int("cases", 2, "random lesions to measure")

// written returns the phantom as it is read from DICOM in some syntax.
func written(t *testing.T, v *ct.Volume, truth *phantom.Truth, o phantom.Output) *ct.Volume {
	t.Helper()
	dir := t.TempDir()
	err := phantom.WriteAs(t.Context(), dir, v, truth, o)
	if errors.Is(err, dcmtk.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	in, err := ct.Open(t.Context(), dir, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return in.Volume
}

// carried are labels of a volume on the grid of another by the voxels' places.
func carried(t *testing.T, labels []uint8, from, to *ct.Volume) findings.Mask {
	t.Helper()
	inverse := inverted(from.Affine)
	mask := make(findings.Mask, to.Slices)
	for k := range to.Slices {
		mask[k] = make([]uint8, to.Columns*to.Rows)
		for r := range to.Rows {
			for c := range to.Columns {
				p := to.Position(float64(c), float64(r), float64(k))
				var at [3]int
				for i := range at {
					x := inverse[i][0]*p[0] + inverse[i][1]*p[1] + inverse[i][2]*p[2] + inverse[i][3]
					at[i] = int(math.Round(x))
					if math.Abs(x-math.Round(x)) > 0.01 {
						t.Fatalf("voxel %d, %d, %d lies at %g of the written axis %d", c, r, k, x, i)
					}
				}
				if at[0] < 0 || at[1] < 0 || at[2] < 0 || at[0] >= from.Columns || at[1] >= from.Rows || at[2] >= from.Slices {
					t.Fatalf("voxel %d, %d, %d lies outside the volume written", c, r, k)
				}
				i := (at[2]*from.Rows+at[1])*from.Columns + at[0]
				mask[k][r*to.Columns+c] = labels[i]
				if got, want := to.Slice(k)[r*to.Columns+c], from.HU[i]; got != want {
					t.Fatalf("voxel %d, %d, %d has %d HU, written were %d", c, r, k, got, want)
				}
			}
		}
	}
	return mask
}

// inverted is the inverse of an affine.
func inverted(m [4][4]float64) (inv [3][4]float64) {
	minor := func(r, c int) float64 {
		a, b := (r+1)%3, (r+2)%3
		d, e := (c+1)%3, (c+2)%3
		return m[a][d]*m[b][e] - m[a][e]*m[b][d]
	}
	det := m[0][0]*minor(0, 0) + m[0][1]*minor(0, 1) + m[0][2]*minor(0, 2)
	for i := range 3 {
		for j := range 3 {
			inv[i][j] = minor(j, i) / det
		}
		inv[i][3] = -(inv[i][0]*m[0][3] + inv[i][1]*m[1][3] + inv[i][2]*m[2][3])
	}
	return inv
}

// randomLesion is a field around one lesion of 1 to 20 mL, at any spacing and in
// any orientation.
func randomLesion(seed uint64) phantom.Config {
	rng := rand.New(rand.NewPCG(seed, 99))
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	kind := []phantom.Kind{phantom.GroundGlass, phantom.Consolidation, phantom.Mixed}[rng.IntN(3)]
	ml := math.Exp(between(0.05, 3))
	side := float64(2*rng.IntN(2) - 1)
	radius := math.Cbrt(ml / 4.19e-3)
	// The finer the slices against the lesion, the less a count of voxels says
	// by chance: at 0.25 of its radius the error of a ball is at most 1.6 %.
	pixel := between(0.5, min(1.3, 0.22*radius))
	// Coronal and sagittal series are read as axial ones whose pixels are at most
	// three times as long as wide.
	slice := between(0.5, min(0.22*radius, 2.3*pixel))
	c := phantom.Config{
		Seed: seed, PixelMM: [2]float64{pixel, pixel * between(0.8, 1.25)}, SliceMM: slice, ThicknessMM: slice * between(0.6, 1.6),
		Position:    []phantom.Position{"HFS", "HFP", "FFS", "FFP"}[rng.IntN(4)],
		Orientation: phantom.Orientations()[rng.IntN(48)],
		TurnDegrees: [3]float64{between(-18, 18), between(-18, 18), between(-18, 18)},
		CentreMM:    [3]float64{side * between(70, 90), between(-20, 40), between(0, 50)},
		Lesions: []phantom.Lesion{{
			Kind: kind, VolumeML: ml, RadiiMM: [3]float64{radius, radius * between(0.9, 1.1), radius * between(0.9, 1.1)},
		}},
	}
	if rng.IntN(3) == 0 {
		c.TiltDegrees = between(-20, 20)
	}
	c.Lesions[0].CentreMM = c.CentreMM
	reach := 3.4 * radius
	c.Columns, c.Rows = max(32, int(reach/c.PixelMM[0])), max(32, int(reach/c.PixelMM[1]))
	c.Slices = max(32, int(reach/slice)) // fewer are not looked at across their planes
	return c
}

func TestARandomLesionIsMeasuredAsItIsThroughDICOM(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var syntaxes []string
	for _, s := range dcmtk.Syntaxes() {
		if s.Write && s.Read {
			syntaxes = append(syntaxes, s.UID)
		}
	}
	worst := 0.0
	for seed := range uint64(*cases) {
		c := randomLesion(seed)
		v, truth, err := phantom.New(t.Context(), c)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		o := phantom.Output{Order: phantom.Order{Shuffled: rng.IntN(2) == 0, DescendingNumber: rng.IntN(2) == 0}}
		if len(syntaxes) > 0 {
			o.TransferSyntax = syntaxes[rng.IntN(len(syntaxes))]
		}
		read := written(t, v, truth, o)
		found := findings.Lesions(carried(t, truth.Lesion, v, read), findings.Of(read), read.HU, nil)
		if len(found) != 1 || len(truth.Lesions) != 1 {
			t.Errorf("seed %d: %d lesions found, %d there", seed, len(found), len(truth.Lesions))
			continue
		}
		got, want := found[0], truth.Lesions[0]
		share := got.VolumeML/want.VolumeML - 1
		worst = max(worst, math.Abs(share))
		if math.Abs(share) > 0.02 {
			t.Errorf("seed %d: %.3f mL measured, %.3f there: %.1f %% off (%+v)", seed, got.VolumeML, want.VolumeML, 100*share, c)
		}
		if math.Abs(want.VolumeML/c.Lesions[0].VolumeML-1) > 0.005 {
			t.Errorf("seed %d: %.3f mL drawn where %.3f were asked for", seed, want.VolumeML, c.Lesions[0].VolumeML)
		}
		voxel := math.Sqrt(c.PixelMM[0]*c.PixelMM[0] + c.PixelMM[1]*c.PixelMM[1] + c.SliceMM*c.SliceMM)
		if math.Abs(got.LargestDiameterMM-want.LargestDiameterMM) > 1.2*voxel {
			t.Errorf("seed %d: diameter %.2f mm measured, %.2f there", seed, got.LargestDiameterMM, want.LargestDiameterMM)
		}
		for i := range want.CentreMM {
			if math.Abs(got.CentreMM[i]-want.CentreMM[i]) > 0.1*voxel+0.05 {
				t.Errorf("seed %d: centre %v measured, %v there", seed, *got.CentreMM, want.CentreMM)
				break
			}
		}
		// Vessels in a lesion are measured and are no part of its truth.
		if math.Abs(*got.MeanHU-want.MeanHU) > 40 {
			t.Errorf("seed %d: %s of %.0f HU measured, %.0f there", seed, want.Kind, *got.MeanHU, want.MeanHU)
		}
		if want.Kind != phantom.Mixed && string(got.Kind) != string(want.Kind) {
			t.Errorf("seed %d: kind %s measured, %s there", seed, got.Kind, want.Kind)
		}
	}
	t.Logf("the worst of %d volumes is %.2f %% off", *cases, 100*worst)
}
