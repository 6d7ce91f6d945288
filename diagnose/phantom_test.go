package diagnose

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/jcs-ct/jcs/ct"
	"github.com/jcs-ct/jcs/findings"
	"github.com/jcs-ct/jcs/internal/dcmtk"
	"github.com/jcs-ct/jcs/phantom"
)

// phantoms is how many random chests are measured: go test ./diagnose -phantoms 20.
var phantoms = flag.Int("phantoms", 1, "random phantoms to measure")

// randomChest is a whole chest with lesions of every kind, at any spacing and as
// any scanner's axial slices.
func randomChest(seed uint64) phantom.Config {
	rng := rand.New(rand.NewPCG(seed, 7))
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	pixel := between(1.2, 1.7)
	c := phantom.Config{
		Seed: seed, PixelMM: [2]float64{pixel, pixel * between(0.85, 1.18)}, SliceMM: between(2, 5),
		Orientation: []phantom.Orientation{"LPS", "RPS", "LAI", "RAI", "PLS", "ARI", "ALS", "PRI"}[rng.IntN(8)],
		TurnDegrees: [3]float64{between(-4, 4), between(-4, 4), between(-6, 6)},
		NoiseHU:     between(8, 25),
		GroundGlass: rng.IntN(4), Consolidations: rng.IntN(3),
		Lesions: []phantom.Lesion{
			{Kind: phantom.GroundGlass, Lung: "right", Zone: "lower", Place: "peripheral", VolumeML: between(25, 60)},
			{Kind: phantom.Mixed, Lung: "left", Zone: "middle", Place: "peripheral", VolumeML: between(25, 60)},
		},
	}
	wide := [2]float64{350, 260}
	if c.Orientation[0] == 'P' || c.Orientation[0] == 'A' {
		wide[0], wide[1] = wide[1], wide[0]
	}
	c.Columns, c.Rows = int(wide[0]/c.PixelMM[0]), int(wide[1]/c.PixelMM[1])
	c.Slices = int(280 / c.SliceMM)
	return c
}

// measured is what the pipeline measures of a volume whose opacities are known,
// with the networks left out.
func measured(t *testing.T, in *ct.Input, mask findings.Mask) *Diagnosis {
	t.Helper()
	v, s := in.Volume, newStudy(in, Models{}, DefaultOptions())
	if err := s.findLungs(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range s.Slices {
		s.Slices[i].Segmented = true
		if s.masks[i] = mask[i]; mask[i] == nil {
			s.masks[i] = make([]uint8, v.Columns*v.Rows)
		}
	}
	if err := s.measure(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s.Diagnosis
}

// onGrid puts labels of a volume onto a grid that holds the same voxels.
func onGrid(t *testing.T, labels []uint8, from, to *ct.Volume) findings.Mask {
	t.Helper()
	at := map[[3]int]int{}
	place := func(v *ct.Volume, i int) [3]int {
		p := v.Position(float64(i%v.Columns), float64(i/v.Columns%v.Rows), float64(i/(v.Columns*v.Rows)))
		return [3]int{int(math.Round(4 * p[0])), int(math.Round(4 * p[1])), int(math.Round(4 * p[2]))}
	}
	for i, l := range labels {
		if l != 0 {
			at[place(from, i)] = i
		}
	}
	mask, found := make(findings.Mask, to.Slices), 0
	plane := to.Columns * to.Rows
	for i := range to.HU {
		j, ok := at[place(to, i)]
		if !ok {
			continue
		}
		if from.HU[j] != to.HU[i] {
			t.Fatalf("voxel %d has %d HU, written were %d", i, to.HU[i], from.HU[j])
		}
		if mask[i/plane] == nil {
			mask[i/plane] = make([]uint8, plane)
		}
		mask[i/plane][i%plane] = 1
		found++
	}
	if found != len(at) {
		t.Fatalf("%d of %d labelled voxels were found", found, len(at))
	}
	return mask
}

// Lungs are found by a threshold on voxels and closed over what is dense, so they
// are not the phantom's to the last mL; the lesions' mask is.
func TestAPhantomsMeasuresAreItsTruth(t *testing.T) {
	for seed := range uint64(*phantoms) {
		c := randomChest(seed)
		v, truth, err := phantom.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := phantom.Write(t.Context(), dir, v, truth); errors.Is(err, dcmtk.ErrUnavailable) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		in, err := ct.Open(t.Context(), dir, ct.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := measured(t, in, onGrid(t, truth.Lesion, v, in.Volume))
		about := fmt.Sprintf("seed %d, %s, voxels of %.2f x %.2f x %.2f mm", seed, c.Orientation, c.PixelMM[0], c.PixelMM[1], c.SliceMM)
		near := func(what string, got, want, share, tolerance float64) {
			t.Helper()
			t.Logf("%s: %s %.2f measured, %.2f there (%+.2f %%)", about, what, got, want, 100*(got/want-1))
			if math.Abs(got-want) > max(share*want, tolerance) {
				t.Errorf("%s: %s is measured %.3f, there is %.3f", about, what, got, want)
			}
		}
		for _, lung := range []struct {
			name string
			got  findings.LungMeasure
			want phantom.LungTruth
		}{{"both lungs", d.Lungs.Both, truth.Lungs.Both}, {"right lung", d.Lungs.Right, truth.Lungs.Right}, {"left lung", d.Lungs.Left, truth.Lungs.Left}} {
			near(lung.name+", mL", lung.got.VolumeML, lung.want.VolumeML, 0.02, 0)
			near(lung.name+", opacity mL", *lung.got.OpacityML, lung.want.OpacityML, 0.02, 0.1)
			near(lung.name+", opacity %", *lung.got.OpacityPercent, lung.want.OpacityPercent, 0.03, 0)
			near(lung.name+", high opacity %", *lung.got.HighOpacityPercent, lung.want.HighOpacityPercent, 0.1, 0.15)
			near(lung.name+", well aerated %", *lung.got.WellAeratedPercent, lung.want.WellAeratedPercent, 0, 3)
		}
		scores := truth.Severity
		for name, want := range map[string]float64{findings.SixZoneScore: float64(scores.SixZoneScore), findings.CTGrade: float64(scores.CTGrade)} {
			if got, ok := d.Severity.Score(name); !ok || got.Value != want {
				t.Errorf("%s: %s is %v, there is %v", about, name, got.Value, want)
			}
		}
		sameLesions(t, about, d.Lesions, truth, in.Volume)
	}
}

// sameLesions pairs lesions by their centres.
func sameLesions(t *testing.T, about string, found []findings.Lesion, truth *phantom.Truth, v *ct.Volume) {
	t.Helper()
	_, _, z, _ := v.SpacingMM()
	for _, want := range truth.Lesions {
		if want.VolumeML < 1 {
			continue
		}
		var got *findings.Lesion
		for i, l := range found {
			away := 0.0
			for k := range want.CentreMM {
				away += (l.CentreMM[k] - want.CentreMM[k]) * (l.CentreMM[k] - want.CentreMM[k])
			}
			if math.Sqrt(away) < 2 {
				got = &found[i]
			}
		}
		if got == nil {
			t.Errorf("%s: lesion %+v was not found where it is", about, want)
			continue
		}
		// What a count of voxels can be off by: see docs/phantom.md.
		radius := math.Cbrt(want.VolumeML / 4.19e-3)
		tolerance := max(0.02, 0.25*(z/radius)*(z/radius))
		if share := got.VolumeML/want.VolumeML - 1; math.Abs(share) > tolerance {
			t.Errorf("%s: lesion %d measures %.2f mL, it has %.2f", about, want.ID, got.VolumeML, want.VolumeML)
		}
		if got.Lung != want.Lung || string(got.Zone) != want.Zone && !atBound(truth, want, z) {
			t.Errorf("%s: lesion %d lies in %s %s, not in %s %s", about, want.ID, want.Lung, want.Zone, got.Lung, got.Zone)
		}
		if want.Kind != phantom.Mixed && string(got.Kind) != string(want.Kind) {
			t.Errorf("%s: lesion %d is %s, not %s", about, want.ID, want.Kind, got.Kind)
		}
		if math.Abs(got.LargestDiameterMM-want.LargestDiameterMM) > 1.5*z+2 {
			t.Errorf("%s: lesion %d measures %.1f mm, it has %.1f", about, want.ID, got.LargestDiameterMM, want.LargestDiameterMM)
		}
	}
}

// atBound reports whether a lesion's centre lies so near a zone's bound that
// where the found lungs end decides.
func atBound(truth *phantom.Truth, l phantom.LesionTruth, z float64) bool {
	for _, zone := range truth.Lungs.Zones {
		if zone.Lung == l.Lung && min(math.Abs(l.CentreMM[2]-zone.ZMM[0]), math.Abs(l.CentreMM[2]-zone.ZMM[1])) < z {
			return true
		}
	}
	return false
}
