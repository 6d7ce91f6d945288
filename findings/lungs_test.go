package findings

import (
	"context"
	"image"
	"math"
	"testing"

	"github.com/jcs-ct/jcs/ct"
)

// thorax is a body with two lungs, a trachea, a table, room air, gas in the
// stomach and a consolidation at the wall, in millimetres about its centre.
func thorax(x, y, z float64) int16 {
	in := func(cx, cy, cz, rx, ry, rz float64) bool {
		dx, dy, dz := (x-cx)/rx, (y-cy)/ry, (z-cz)/rz
		return dx*dx+dy*dy+dz*dz <= 1
	}
	switch {
	case y > 101 && y < 145 && math.Abs(x) < 160 && (x/160)*(x/160)+(y/105)*(y/105) > 1: // a table of foam in a thin shell
		if y < 105 || y > 141 || math.Abs(x) > 156 {
			return 100
		}
		return -850
	case (x/160)*(x/160)+(y/105)*(y/105) > 1:
		return -1000
	case math.Hypot(x, y+20) < 9 && z > 30:
		return -990
	case in(-75, 60, 0, 11, 16, 22): // at the right lung's wall
		return 30
	case in(-70, 0, 0, 45, 70, 90), in(70, 0, 0, 45, 70, 90):
		return -800
	case in(70, -20, -130, 30, 30, 25):
		return -985
	}
	return 40
}

func thoraxVolume(flipColumns, flipSlices bool) *ct.Volume {
	const nx, ny, nz = 128, 112, 64
	const sx, sy, sz = 2.8, 2.9, 5.0
	v := &ct.Volume{Columns: nx, Rows: ny, Slices: nz, HU: make([]int16, nx*ny*nz)}
	ax, az := sx, sz
	if flipColumns {
		ax = -sx
	}
	if flipSlices {
		az = -sz
	}
	v.Affine = [4][4]float64{
		{ax, 0, 0, -ax * (nx - 1) / 2}, {0, sy, 0, -sy*(ny-1)/2 + 15}, {0, 0, az, -az * (nz - 1) / 2}, {0, 0, 0, 1}}
	i := 0
	for s := range nz {
		for r := range ny {
			for c := range nx {
				p := v.Position(float64(c), float64(r), float64(s))
				v.HU[i] = thorax(p[0], p[1], p[2])
				i++
			}
		}
	}
	return v
}

func TestLungsOfAThoraxAreFoundWhicheverWayItsAxesRun(t *testing.T) {
	// An ellipsoid of semi-axes 45, 70 and 90 mm; the consolidation lies in
	// the right one.
	want := 4.0 / 3 * math.Pi * 45 * 70 * 90 / 1000
	for _, c := range []struct {
		name                    string
		flipColumns, flipSlices bool
	}{{"as usual", false, false}, {"columns to the right", true, false}, {"slices to the feet", false, true}, {"both", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			v := thoraxVolume(c.flipColumns, c.flipSlices)
			l, err := LungsOfVolume(context.Background(), v)
			if err != nil {
				t.Fatal(err)
			}
			m := l.Measure(v.HU, nil)
			near(t, "left lung", m.Left.VolumeML, want, 0.04*want)
			near(t, "right lung", m.Right.VolumeML, want, 0.05*want)
			near(t, "left mean HU", *m.Left.MeanHU, -800, 60)
			at := func(x, y, z float64) Side {
				return l.At(column(v, x), row(v, y), slice(v, z))
			}
			for _, p := range []struct {
				what    string
				x, y, z float64
				want    Side
			}{
				{"right lung", -70, 0, 0, Right},
				{"left lung", 70, 0, 0, Left},
				{"consolidation at the wall", -75, 60, 0, Right},
				{"trachea", 0, -20, 60, NoLung},
				{"table", 0, 130, 0, NoLung},
				{"room", 0, -115, 0, NoLung},
				{"stomach", 70, -20, -130, NoLung},
				{"heart", 0, 0, 0, NoLung},
			} {
				if got := at(p.x, p.y, p.z); got != p.want {
					t.Errorf("%s counts as %q lung, want %q", p.what, got, p.want)
				}
			}
		})
	}
}

func column(v *ct.Volume, x float64) int {
	return int(math.Round((x - v.Affine[0][3]) / v.Affine[0][0]))
}
func row(v *ct.Volume, y float64) int { return int(math.Round((y - v.Affine[1][3]) / v.Affine[1][1])) }
func slice(v *ct.Volume, z float64) int {
	return int(math.Round((z - v.Affine[2][3]) / v.Affine[2][2]))
}

func TestALesionHasItsLungAndZone(t *testing.T) {
	v := thoraxVolume(false, true)
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x, z float64
		lung string
		zone Zone
	}{{-70, 60, "right", Upper}, {-70, 0, "right", Middle}, {70, -60, "left", Lower}, {70, 0, "left", Middle}} {
		m := draw(Of(v), func(col, r, s int) bool {
			p := v.Position(float64(col), float64(r), float64(s))
			return math.Abs(p[0]-c.x) < 10 && math.Abs(p[1]) < 10 && math.Abs(p[2]-c.z) < 12
		})
		got := Lesions(m, Of(v), v.HU, l)[0]
		if got.Lung != c.lung || got.Zone != c.zone {
			t.Errorf("at x %g, z %g: %s lung, %s zone; want %s, %s", c.x, c.z, got.Lung, got.Zone, c.lung, c.zone)
		}
	}
}

func TestOpacitiesAreMeasuredAgainstTheLungTheyLieIn(t *testing.T) {
	v := thoraxVolume(false, false)
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	m := draw(Of(v), func(c, r, s int) bool {
		p := v.Position(float64(c), float64(r), float64(s))
		return math.Abs(p[0]-70) < 14 && math.Abs(p[1]) < 14 && math.Abs(p[2]) < 14
	})
	lesions := Lesions(m, Of(v), v.HU, l)
	got := l.Measure(v.HU, m)
	near(t, "opacity", *got.Left.OpacityML, lesions[0].VolumeML, 1e-9)
	near(t, "right opacity", *got.Right.OpacityML, 0, 0)
	near(t, "left share", *got.Left.OpacityPercent, 100*lesions[0].VolumeML/got.Left.VolumeML, 1e-9)
	near(t, "share of both", *got.Both.OpacityPercent, 100*lesions[0].VolumeML/got.Both.VolumeML, 1e-9)
}

func TestOpacitiesBeyondTheLungCountToItsSide(t *testing.T) {
	v := thoraxVolume(false, false)
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	m := draw(Of(v), func(c, r, s int) bool { // in the wall behind the left lung
		p := v.Position(float64(c), float64(r), float64(s))
		return math.Abs(p[0]-70) < 9 && math.Abs(p[1]-86) < 6 && math.Abs(p[2]) < 12
	})
	without, with := l.Measure(v.HU, nil), l.Measure(v.HU, m)
	near(t, "left opacity", *with.Left.OpacityML, float64(m.Count())*Of(v).VoxelML(), 1e-9)
	near(t, "left lung", with.Left.VolumeML, without.Left.VolumeML+*with.Left.OpacityML, 1e-9)
	near(t, "right lung", with.Right.VolumeML, without.Right.VolumeML, 1e-9)
}

func TestKeepDropsWhatLiesAwayFromTheLungs(t *testing.T) {
	v := thoraxVolume(false, false)
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	s := slice(v, 0)
	mask := make([]uint8, v.Columns*v.Rows)
	set := func(x, y float64, length int) int { // a row of cells to the right
		i := row(v, y)*v.Columns + column(v, x)
		for k := range length {
			mask[i+k] = 1
		}
		return i
	}
	wall, lung, spine := set(-75, 60, 1), set(70, 0, 1), set(-35, 75, 30)
	table, room := set(0, 130, 2), set(-165, -80, 1)
	reaching := set(-160, 0, 25) // from the skin into the right lung
	if dropped := l.Keep(mask, s, 5); dropped != 33 {
		t.Errorf("%d cells dropped, want 33", dropped)
	}
	if mask[wall] == 0 || mask[lung] == 0 || mask[reaching] == 0 {
		t.Errorf("dropped of what is in the lungs: wall %d, lung %d, reaching %d", mask[wall], mask[lung], mask[reaching])
	}
	if mask[table] != 0 || mask[room] != 0 || mask[spine] != 0 {
		t.Errorf("kept of what is not: table %d, room %d, spine %d", mask[table], mask[room], mask[spine])
	}
}

func TestLungsThatTouchAreParted(t *testing.T) {
	v := thoraxVolume(false, false)
	for s := range v.Slices {
		for r := range v.Rows {
			for c := range v.Columns {
				p := v.Position(float64(c), float64(r), float64(s))
				if math.Abs(p[0]) < 40 && math.Abs(p[1]+30) < 4 && math.Abs(p[2]) < 40 {
					v.HU[(s*v.Rows+r)*v.Columns+c] = -800 // a bridge in front of the heart
				}
			}
		}
	}
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	m := l.Measure(nil, nil)
	if r := m.Left.VolumeML / m.Right.VolumeML; r < 0.8 || r > 1.25 {
		t.Errorf("left %.0f mL, right %.0f mL", m.Left.VolumeML, m.Right.VolumeML)
	}
}

func TestNoLungIsSeenWhereThereIsNone(t *testing.T) {
	v := thoraxVolume(false, false)
	for i, hu := range v.HU {
		if hu == -800 {
			v.HU[i] = 40
		}
	}
	l, err := LungsOfVolume(context.Background(), v)
	if err != nil {
		t.Fatal(err)
	}
	if l.Seen() {
		t.Error("lungs in an abdomen")
	}
	flat := image.NewGray(image.Rect(0, 0, 64, 64))
	if LungsOfPicture(flat).Seen() {
		t.Error("lungs in a black picture")
	}
}

func TestLungsOfAPictureAreThoseOfItsSlice(t *testing.T) {
	v := thoraxVolume(false, false)
	s := slice(v, 0)
	in := &ct.Input{Kind: ct.KindDICOM, Volume: v, Sources: make([]ct.Source, v.Slices)}
	l := LungsOfPicture(in.Picture(s, ct.LungWindow()))
	inter, sum := 0, 0
	for r := range v.Rows {
		for c := range v.Columns {
			p := v.Position(float64(c), float64(r), float64(s))
			x, y := p[0], p[1]
			side := NoLung
			if (math.Abs(x)-70)*(math.Abs(x)-70)/45/45+y*y/70/70 <= 1 {
				side = Left
				if x < 0 {
					side = Right
				}
			}
			got := l.At(c, r, 0)
			if got != NoLung {
				sum++
			}
			if side != NoLung {
				sum++
			}
			if got == side && side != NoLung {
				inter++
			}
		}
	}
	if dice := 2 * float64(inter) / float64(sum); dice < 0.93 {
		t.Errorf("Dice %.3f", dice)
	}
}

func TestACancelledSearchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := LungsOfVolume(ctx, thoraxVolume(false, false)); err == nil {
		t.Error("no error")
	}
}
