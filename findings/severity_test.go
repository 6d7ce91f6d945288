package findings

import (
	"math"
	"testing"
)

// chests are two lungs of 40 x 60 mm in 60 slices of 4 mm, as labels: the right
// one in columns 20 to 59, the left one in columns 80 to 119. In the frame of
// grid, z begins at 40 mm.
func boxes() (Grid, *Lungs) {
	g := grid(140, 100, 60, 1, 1, 4)
	labels := make([]uint8, g.Columns*g.Rows*g.Slices)
	for s := range g.Slices {
		for r := 20; r < 80; r++ {
			for c := range 40 {
				at := (s*g.Rows + r) * g.Columns
				labels[at+20+c], labels[at+80+c] = uint8(Right), uint8(Left)
			}
		}
	}
	return g, LungsOfLabels(g, labels)
}

const boxML = 40 * 60 * 60 * 4 / 1000.0

// dense gives every cell marked by m one density and all others another.
func dense(g Grid, m Mask, marked, other int16) []int16 {
	hu := make([]int16, g.Columns*g.Rows*g.Slices)
	for i := range hu {
		hu[i] = other
		if p := m[i/(g.Columns*g.Rows)]; p != nil && p[i%(g.Columns*g.Rows)] != 0 {
			hu[i] = marked
		}
	}
	return hu
}

func TestEachZoneHasAThirdOfItsLungAndItsOpacities(t *testing.T) {
	g, l := boxes()
	m := draw(g, func(c, r, s int) bool { // half of the left lung's upper third, a tenth of the right one's lower
		return c >= 80 && c < 120 && r >= 20 && r < 50 && s >= 40 || c >= 20 && c < 24 && r >= 20 && r < 80 && s < 20
	})
	got := l.Measure(dense(g, m, -100, -800), m)
	if len(got.Zones) != 6 {
		t.Fatalf("%d zones", len(got.Zones))
	}
	for i, want := range []struct {
		lung    string
		zone    Zone
		percent float64
	}{{"right", Upper, 0}, {"right", Middle, 0}, {"right", Lower, 10}, {"left", Upper, 50}, {"left", Middle, 0}, {"left", Lower, 0}} {
		z := got.Zones[i]
		if z.Lung != want.lung || z.Zone != want.zone {
			t.Errorf("zone %d is %s %s", i, z.Lung, z.Zone)
		}
		near(t, "volume", z.VolumeML, boxML/3, 1e-9)
		near(t, "opacity", *z.OpacityPercent, want.percent, 1e-9)
	}
	near(t, "both", *got.Both.OpacityPercent, 10, 1e-9)
	near(t, "high opacity", *got.Both.HighOpacityPercent, 10, 1e-9)
	near(t, "consolidation", *got.Both.ConsolidationML, 0.2*boxML, 1e-9)
	near(t, "well aerated", *got.Both.WellAeratedPercent, 90, 1e-9)
	s := SeverityOf(got, DefaultDensity())
	for name, want := range map[string]float64{
		SixZoneScore: 1 + 3, PercentOfOpacity: 10, PercentOfHighOpacity: 10, CTGrade: 1,
		GroundGlassVolume: 0, ConsolidationVolume: 0.2 * boxML, WellAeratedPercent: 90, WellAeratedVolume: 1.8 * boxML,
	} {
		if c, ok := s.Score(name); !ok || math.Abs(c.Value-want) > 1e-9 || c.Source == "" || c.Method == "" || c.Label() == "" || c.Citation() == c.Source {
			t.Errorf("%s: %+v, want %g", name, c, want)
		}
	}
	if len(s.Absent) != 0 {
		t.Errorf("absent: %+v", s.Absent)
	}
}

func TestZoneBoundsAreThirdsFromEdgeToEdge(t *testing.T) {
	_, l := boxes()
	z, ok := l.ZoneBoundsMM(Left)
	if !ok {
		t.Fatal("no bounds")
	}
	for i, want := range []float64{38, 118, 198, 278} { // slices are 4 mm thick about their middles
		near(t, "bound", z[i], want, 1e-9)
	}
}

// measured is a lung with so much opacity in each zone, in percent: right upper,
// middle, lower, left upper, middle, lower, all of the same size.
func measured(percents ...float64) LungMeasures {
	var m LungMeasures
	side := func(of []float64) LungMeasure {
		sum := 0.0
		for _, p := range of {
			sum += p
		}
		return LungMeasure{VolumeML: 3000, OpacityPercent: pointer(sum / 3)}
	}
	m.Right, m.Left = side(percents[:3]), side(percents[3:])
	m.Both = LungMeasure{VolumeML: 6000, OpacityPercent: pointer((*m.Right.OpacityPercent + *m.Left.OpacityPercent) / 2), OpacityML: pointer(1.0)}
	for i, p := range percents {
		lung := "right"
		if i > 2 {
			lung = "left"
		}
		m.Zones = append(m.Zones, PartMeasure{Lung: lung, Zone: zones[i%3], LungMeasure: LungMeasure{VolumeML: 1000, OpacityPercent: pointer(p)}})
	}
	return m
}

func TestScoresStepWhereTheirSourcesSay(t *testing.T) {
	for _, c := range []struct {
		name   string
		zones  []float64
		points float64
		grade  string
	}{
		{"nothing", []float64{0, 0, 0, 0, 0, 0}, 0, "CT-0"},
		{"a trace counts", []float64{0.01, 0, 0, 0, 0, 0}, 1, "CT-1"},
		{"under a quarter in all", []float64{24.9, 24.9, 24.9, 24.9, 24.9, 24.9}, 6, "CT-1"},
		{"a quarter is CT-1 and two points", []float64{25, 25, 25, 0, 0, 0}, 6, "CT-1"},
		{"over a quarter of one lung is CT-2", []float64{0, 0, 0, 26, 25, 25}, 6, "CT-2"},
		{"half is CT-2 and three points", []float64{50, 50, 50, 0, 0, 0}, 9, "CT-2"},
		{"over half is CT-3", []float64{51, 51, 51, 0, 0, 0}, 9, "CT-3"},
		{"three quarters are CT-3 and four points", []float64{75, 75, 75, 0, 0, 0}, 12, "CT-3"},
		{"over three quarters is CT-4", []float64{76, 76, 76, 0, 0, 0}, 12, "CT-4"},
		{"everything", []float64{100, 100, 100, 100, 100, 100}, 24, "CT-4"},
	} {
		s := SeverityOf(measured(c.zones...), DefaultDensity())
		points, _ := s.Score(SixZoneScore)
		grade, _ := s.Score(CTGrade)
		if points.Value != c.points || grade.Grade != c.grade {
			t.Errorf("%s: %g points, %s; want %g, %s", c.name, points.Value, grade.Grade, c.points, c.grade)
		}
	}
}

func TestAScoreThatWouldBeAGuessIsAbsentWithItsReason(t *testing.T) {
	absent := func(m LungMeasures, names ...string) {
		t.Helper()
		s := SeverityOf(m, DefaultDensity())
		reasons := map[string]string{}
		for _, a := range s.Absent {
			reasons[a.Name] = a.Reason
		}
		for _, n := range names {
			if _, there := s.Score(n); there || reasons[n] == "" {
				t.Errorf("%s is there: %v, absent for %q", n, there, reasons[n])
			}
		}
	}
	unknown := measured(0, 0, 0, 0, 0, 0)
	unknown.Both.OpacityPercent, unknown.Both.OpacityML = nil, nil
	absent(unknown, SixZoneScore, PercentOfOpacity, PercentOfHighOpacity, CTGrade, GroundGlassVolume, ConsolidationVolume, WellAeratedPercent)
	one := measured(5, 5, 5, 5, 5, 5)
	one.Left, one.Zones = LungMeasure{}, one.Zones[:3]
	absent(one, SixZoneScore, CTGrade)
	if SeverityOf(LungMeasures{}, DefaultDensity()) != nil {
		t.Error("scores without volumes")
	}
}

func TestTheOuterThirdIsPeripheral(t *testing.T) {
	g, l := boxes()
	// The outline of both boxes is 100 x 60 mm: nothing is deeper than 30 mm.
	for _, c := range []struct {
		name    string
		columns [2]int
		rows    [2]int
		want    Distribution
	}{
		{"at the side", [2]int{20, 28}, [2]int{40, 60}, Peripheral},
		{"at the back", [2]int{85, 105}, [2]int{72, 80}, Peripheral},
		{"towards the other lung", [2]int{50, 60}, [2]int{40, 60}, Central},
		{"half and half", [2]int{20, 40}, [2]int{40, 60}, PeripheralAndCentral},
		{"beyond the lungs", [2]int{10, 18}, [2]int{40, 60}, Peripheral},
	} {
		m := draw(g, func(x, y, s int) bool {
			return x >= c.columns[0] && x < c.columns[1] && y >= c.rows[0] && y < c.rows[1] && s >= 10 && s < 20
		})
		if got := Lesions(m, g, nil, l)[0].Distribution; got != c.want {
			t.Errorf("%s is %s, want %s", c.name, got, c.want)
		}
	}
}

func TestALesionsShareIsThatOfItsOwnLung(t *testing.T) {
	g, l := boxes()
	m := draw(g, func(c, r, s int) bool { return c >= 50 && c < 84 && r >= 30 && r < 40 && s >= 10 && s < 20 }) // over both
	k := Lesions(m, g, nil, l)[0]
	// Of its 34 columns 10 lie in the right lung and 10 between it and the
	// body's middle, which counts to it.
	want := 100 * 20 * 10 * 10 / (40*60*60 + 10*10*10.0)
	if k.Lung != "right" {
		t.Fatalf("in the %s lung", k.Lung)
	}
	near(t, "share", *k.LungPercent, want, 1e-9)
}

func TestADensityRuleDecidesWhatIsConsolidation(t *testing.T) {
	g, l := boxes()
	m := draw(g, func(c, r, s int) bool { return c >= 30 && c < 40 && r >= 30 && r < 40 && s >= 10 && s < 20 })
	hu := dense(g, m, -250, -800)
	for name, want := range map[string]DensityKind{"chaganti2020": GroundGlass, "bmcid2021": Consolidation, "nonaerated": GroundGlass} {
		rule, err := DensityRuleNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		k := LesionsBy(rule, m, g, hu, l)[0]
		all := l.MeasureBy(rule, hu, m)
		consolidated := 0.0
		if want == Consolidation {
			consolidated = k.VolumeML
		}
		if k.Kind != want || *k.ConsolidationPercent != 100*consolidated/k.VolumeML {
			t.Errorf("%s: %s, %g %%", name, k.Kind, *k.ConsolidationPercent)
		}
		near(t, name, *all.Both.ConsolidationML, consolidated, 1e-9)
		near(t, name+", ground glass", *all.Both.GroundGlassML, k.VolumeML-consolidated, 1e-9)
		near(t, "high opacity by whatever rule", *all.Both.HighOpacityPercent, 0, 0)
	}
	if _, err := DensityRuleNamed("mine"); err == nil {
		t.Error("an unknown rule was taken")
	}
}

func TestASliceIsMeasuredLungByLung(t *testing.T) {
	g, l := boxes()
	m := draw(g, func(c, r, s int) bool {
		return s >= 10 && s < 20 && r >= 20 && r < 50 && (c >= 20 && c < 40 || c >= 80 && c < 84 || c >= 100 && c < 104)
	})
	lesions := Lesions(m, g, nil, l)
	right, left := l.Slice(12, 12, m[12], lesions)
	if right.Lesions != 1 || left.Lesions != 2 || right.OpacityPixels != 600 || left.OpacityPixels != 240 || g.Regions(m[12]) != 3 {
		t.Errorf("right %+v, left %+v, %d regions", right, left, g.Regions(m[12]))
	}
	near(t, "right", *right.OpacityPercent, 25, 1e-9)
	near(t, "left", *left.OpacityPercent, 10, 1e-9)
	if right, _ := l.Slice(30, 30, m[30], lesions); right.Lesions != 0 || *right.OpacityPercent != 0 {
		t.Errorf("a slice without opacity: %+v", right)
	}
}
