package network

import (
	"bytes"
	"encoding/json"
	"image"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

func share(v float64) *float64 { return &v }
func changed(n int) *int       { return &n }

func TestAPrecisionHoldsWhereItsCheckSaysSo(t *testing.T) {
	for _, c := range []struct {
		name  string
		check PrecisionCheck
		want  bool
	}{
		{"masks that agree", PrecisionCheck{Dice: share(0.995), Masks: 3}, true},
		{"masks that agree a little less", PrecisionCheck{Dice: share(0.9949), Masks: 3}, false},
		{"no slice with a mask", PrecisionCheck{Dice: share(1), Masks: 0}, false},
		{"no verdict changed", PrecisionCheck{Changed: changed(0)}, true},
		{"one verdict changed", PrecisionCheck{Changed: changed(1)}, false},
		{"no verdict changed, but probabilities moved", PrecisionCheck{Changed: changed(0), Difference: 0.03}, false},
		{"nothing was checked", PrecisionCheck{}, false},
	} {
		if got := c.check.Holds(); got != c.want {
			t.Errorf("%s: holds is %t", c.name, got)
		}
	}
	r := &PrecisionRecord{Checks: []PrecisionCheck{
		{Precision: nn.BFloat16, Changed: changed(0)}, {Precision: nn.Int8, Changed: changed(2)},
	}}
	if got := r.Allowed(); !slices.Equal(got, []nn.Precision{nn.BFloat16}) {
		t.Errorf("allowed are %v", got)
	}
	if got := (*PrecisionRecord)(nil).Allowed(); got != nil {
		t.Errorf("without a record %v are allowed", got)
	}
}

func TestPrecisionRecordsThatMakeNoSenseAreRefused(t *testing.T) {
	const good = `{"schema":"jcs.precision/2","set":{"name":"","calibrated":1,"checked":1,"sha256":""},"calibration":{"convolutions":{"a":{"in":{"limit":1},"out":{"limit":2}}}},"checks":[{"precision":"int8","largest_difference":0,"kept":0}]}`
	if _, err := parsePrecisionRecord([]byte(good)); err != nil {
		t.Fatal(err)
	}
	if r, err := parsePrecisionRecord([]byte(`{"schema":"jcs.precision/1"}`)); r != nil || err != nil {
		t.Errorf("a record of the first form is %v, %v", r, err)
	}
	for name, change := range map[string][2]string{
		"another schema":    {"precision/2", "precision/7"},
		"an unknown key":    {`"set"`, `"sets"`},
		"no calibration":    {`"calibration":{"convolutions":{"a":{"in":{"limit":1},"out":{"limit":2}}}},`, ""},
		"a negative range":  {`"limit":2`, `"limit":-2`},
		"no such precision": {`"int8"`, `"int2"`},
		"no JSON":           {"{", ""},
	} {
		if _, err := parsePrecisionRecord([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// tinyNetworks are a segmenter and a classifier with random weights.
func tinyNetworks(t *testing.T) []*Model {
	t.Helper()
	joint, classifier := CompactJoint(), CompactClassifier()
	joint.Height, joint.Width, joint.MobileNet.Width, joint.Decoder.Widths = 64, 64, 0.25, [5]int{8, 8, 16, 16, 16}
	classifier.Height, classifier.Width, classifier.MobileNet.Width = 64, 64, 0.25
	var all []*Model
	for _, p := range []Plan{joint, classifier} {
		w, err := p.Initial(3)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &Model{Plan: p, Weights: w})
	}
	return all
}

func noises(n int) []*image.Gray {
	r := rand.New(rand.NewPCG(5, 6))
	var all []*image.Gray
	for range n {
		p := image.NewGray(image.Rect(0, 0, 70, 66))
		for i := range p.Pix {
			p.Pix[i] = uint8(r.IntN(256))
		}
		all = append(all, p)
	}
	return all
}

func TestCalibrationKeepsWhatIsTooSensitive(t *testing.T) {
	if _, err := nn.NewEngine(1); err != nil {
		t.Skip("this build has no engine that could be calibrated")
	}
	pictures := noises(6)
	if !nn.Reduces(nn.Int8) {
		t.Skip("this processor does not compute in 8 bits: AVX-512 with VNNI does, without DNNL_MAX_CPU_ISA")
	}
	for _, m := range tinyNetworks(t) {
		t.Run(m.Plan.Name, func(t *testing.T) {
			var said []string
			calibrated, err := Calibrate(t.Context(), m, CalibrateOptions{
				Name: "noise", Ranges: pictures[:2], Check: pictures[2:], Engine: Options{Threads: 1},
				Say: func(step string) { said = append(said, step) },
			})
			if err != nil && strings.Contains(err.Error(), "only the oneDNN executor") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := calibrated.Record
			if len(r.Checks) != 2 || r.Set.Calibrated != 2 || r.Set.Checked != 4 || len(r.Set.SHA256) != 64 || len(said) == 0 {
				t.Errorf("the record is %+v", r)
			}
			for _, c := range r.Checks {
				if c.Kept != len(r.Calibration.Kept[c.Precision]) {
					t.Errorf("%s: %d are said to be kept, %d are", c.Precision, c.Kept, len(r.Calibration.Kept[c.Precision]))
				}
				// Where all are kept it holds, so it must in the end.
				if !c.Holds() && c.Masks > 0 || c.Changed != nil && (*c.Changed != 0 || c.Difference > largestShift) {
					t.Errorf("%s does not hold: %s", c.Precision, c)
				}
			}
			m = calibrated
			var file bytes.Buffer
			if err := m.Write(&file, weights.F32); err != nil {
				t.Fatal(err)
			}
			back, err := Read(&file, int64(file.Len()))
			if err != nil {
				t.Fatal(err)
			}
			a, _ := json.Marshal(r)
			b, _ := json.Marshal(back.Record)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("kept as %s, read back as %s", a, b)
			}
		})
	}
}

// What is computed in float32 all the same would agree with itself, and be
// allowed on processors where it is not.
func TestNothingIsCalibratedWhereNothingIsReduced(t *testing.T) {
	if nn.Reduces(nn.BFloat16) {
		t.Skip("this processor computes in bfloat16: run with DNNL_MAX_CPU_ISA=AVX2, as make test-avx2 does")
	}
	pictures := noises(2)
	_, err := Calibrate(t.Context(), tinyNetworks(t)[0], CalibrateOptions{Ranges: pictures[:1], Check: pictures[1:]})
	if err == nil || !strings.Contains(err.Error(), "neither bfloat16 nor 8 bits") {
		t.Errorf("the error is %v", err)
	}
}

func TestInt8NeedsACalibration(t *testing.T) {
	m := tinyNetworks(t)[1]
	_, err := NewClassifier(m, Options{Precision: nn.Int8, Threads: 1})
	if err == nil || !strings.Contains(err.Error(), "jcs model calibrate") {
		t.Errorf("an error of %v", err)
	}
}
