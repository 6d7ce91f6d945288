package network

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

// lastFeatures runs a classifier up to the features of its map.
func lastFeatures(t *testing.T, plan Plan, w nn.Weights, input nn.Tensor) nn.Tensor {
	t.Helper()
	g, err := plan.GraphWith(GraphOptions{Outputs: []string{"features"}}, 1, input.Shape[2], input.Shape[3])
	if err != nil {
		t.Fatal(err)
	}
	p, err := nn.Compile(g, w, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := p.NewOutputs()
	if err := p.Run(context.Background(), []nn.Tensor{input}, out); err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func TestBothWaysToAnActivationMapAgree(t *testing.T) {
	plan := CompactClassifier()
	w, err := plan.Initial(3)
	if err != nil {
		t.Fatal(err)
	}
	features := ruleInput("features", 1, 1, 1024, 6, 8)
	for class := range plan.Classes {
		byHead, err := HeadWeights(w, class, 48)
		if err != nil {
			t.Fatal(err)
		}
		byGradient, err := plan.GradientWeights(context.Background(), w, features, class, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range byHead {
			if math.Abs(float64(byHead[i]-byGradient[i])) > 1e-6*math.Abs(float64(byHead[i])) {
				t.Fatalf("class %d, feature %d: %g by the head, %g by the gradient", class, i, byHead[i], byGradient[i])
			}
		}
	}
}

func TestActivationMapEqualsThePublishedOne(t *testing.T) {
	for _, name := range []string{"cls50", "cls101"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() || name == "cls101" && !long {
				t.Skip("runs a large network: run with -tags long")
			}
			var f tapFixture
			readJSON(t, "testdata/portable/"+name+"_187x250.json", &f)
			plan := published()[name]
			w, err := ruleWeights(plan)
			if err != nil {
				t.Fatal(err)
			}
			features := lastFeatures(t, plan, w, ruleInput("input", 2, 1, 3, 187, 250))
			f.Taps["cam.relu"].hold(t, "cam.relu", positive(t, features, w, plan.Positive), tolerance)
		})
	}
}

// positive is the map before it is resized.
func positive(t *testing.T, features nn.Tensor, w nn.Weights, class int) []float32 {
	t.Helper()
	evidence, err := HeadWeights(w, class, features.Shape[2]*features.Shape[3])
	if err != nil {
		t.Fatal(err)
	}
	sums, err := weightedSum(features, evidence)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range sums {
		sums[i] = max(v, 0)
	}
	return sums
}

func TestActivationMapOfARealSliceEqualsThePublishedOne(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a large network")
	}
	for name, source := range map[string]string{"cls101_224x224": "cls_a_224", "cls50_224x224": "cls_a_224", "cls50_187x250": "cls_a_187x250"} {
		t.Run(name, func(t *testing.T) {
			if name[:6] == "cls101" && !hasOneDNN() && !long || name == "cls50_224x224" && !long {
				t.Skip("the others were tried: run with -tags long")
			}
			var f tapFixture
			readJSON(t, reference+"infer/"+name+".json", &f)
			plan := FullClassifier()
			if name[:5] == "cls50" {
				plan = FullClassifier50()
			}
			w, err := ruleWeights(plan)
			if err != nil {
				t.Fatal(err)
			}
			features := lastFeatures(t, plan, w, prepared(t, source))
			evidence, err := plan.GradientWeights(context.Background(), w, features, 1, Options{})
			if err != nil {
				t.Fatal(err)
			}
			f.Taps["cam.weights"].hold(t, "cam.weights", evidence, 1e-6)
			sums, err := weightedSum(features, evidence)
			if err != nil {
				t.Fatal(err)
			}
			f.Taps["cam.sum"].hold(t, "cam.sum", sums, tolerance)
			f.Taps["cam.relu"].hold(t, "cam.relu", positive(t, features, w, 1), tolerance)
			m, err := NewActivationMap(features, evidence, 224, 224, MapOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// The scale takes the least value away, which here is a third of
			// the greatest: what was 2e-5 of that is 1e-4 of what is left.
			f.Taps["cam.normalised"].hold(t, "cam.normalised", m.Values, 5*tolerance)
			if name == "cls101_224x224" {
				holdArray(t, m.Values, reference+"cls101_224x224.cam.npy", 5*tolerance)
			}
		})
	}
}

// holdArray compares with the float32 values of a .npy file.
func holdArray(t *testing.T, got []float32, file string, tolerance float64) {
	t.Helper()
	want := readFloats(t, file)
	if len(want) != len(got) {
		t.Fatalf("%d values, the file has %d", len(got), len(want))
	}
	for i, v := range got {
		if math.Abs(float64(v-want[i])) > tolerance {
			t.Fatalf("value %d is %g, want %g", i, v, want[i])
		}
	}
}

// readFloats are the float32 values of a .npy file.
func readFloats(t *testing.T, file string) []float32 {
	t.Helper()
	text := readBytes(t, file)
	values := make([]float32, len(text)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(text[4*i:]))
	}
	return values
}

// readBytes is what follows the header of a .npy file.
func readBytes(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text[10+int(binary.LittleEndian.Uint16(text[8:])):]
}

func TestActivationMapIsANumberWhereNothingSpeaksForTheClass(t *testing.T) {
	features := nn.Tensor{Shape: nn.Shape{1, 1, 2, 2}, Data: []float32{1, 2, 3, 4}}
	m, err := NewActivationMap(features, []float32{-1}, 4, 4, MapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Values {
		if v != 0 {
			t.Fatalf("values %v, want zeros", m.Values)
		}
	}
	m, _ = NewActivationMap(features, []float32{-1}, 4, 4, MapOptions{AsPublished: true})
	if m.Values[0] == m.Values[0] {
		t.Errorf("as published the map is not a number, not %g", m.Values[0])
	}
}

func TestHeatMapPaintsTheHottestPlaceRed(t *testing.T) {
	m := ActivationMap{Width: 2, Height: 1, Values: []float32{0, 1}}
	if c := m.HeatMap(MapOptions{}).RGBAAt(1, 0); c.R <= c.B {
		t.Errorf("the hottest place is %v", c)
	}
	if c := m.HeatMap(MapOptions{AsPublished: true}).RGBAAt(1, 0); c.B <= c.R {
		t.Errorf("as published the hottest place wraps to blue, not %v", c)
	}
}

func TestActivationMapLiesOnTheSourceWhereTheNetworkLooked(t *testing.T) {
	plan := FullClassifier() // shorter side to 256, centre 224 of it
	m := ActivationMap{Width: 224, Height: 224, Values: make([]float32, 224*224)}
	for i := range m.Values {
		m.Values[i] = 1
	}
	on := m.OnSource(plan, 768, 512) // 384 x 256: margins of 80 and 16, so 160 and 32 of the source
	for _, c := range []struct {
		x, y int
		want float32
	}{{159, 100, 0}, {160, 100, 1}, {607, 100, 1}, {608, 100, 0}, {300, 31, 0}, {300, 32, 1}, {300, 479, 1}, {300, 480, 0}} {
		if got := on[c.y*768+c.x]; got != c.want {
			t.Errorf("at %d, %d it is %g, want %g", c.x, c.y, got, c.want)
		}
	}
	m = ActivationMap{Width: 2, Height: 2, Values: []float32{1, 1, 1, 1}}
	whole := m.OnSource(CompactClassifier(), 10, 30)
	for i, v := range whole {
		if v != 1 {
			t.Fatalf("stretched, value %d is %g", i, v)
		}
	}
}

func TestStoredFeaturesSaturateOrWrap(t *testing.T) {
	codes := make([]uint8, 4)
	values := []float32{0, 1.07, 12.8, 13}
	EncodeFeatures(codes, values, false)
	if codes[1] != 21 || codes[2] != 255 || codes[3] != 255 {
		t.Errorf("codes %v", codes)
	}
	EncodeFeatures(codes, values, true)
	if codes[1] != 21 || codes[2] != 0 || codes[3] != 4 {
		t.Errorf("codes as published %v", codes)
	}
}
