package network

import (
	"bytes"
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

func TestMobileNetPadsAsTensorFlow(t *testing.T) {
	cases := []struct {
		size, stride  int
		before, after int
	}{
		{224, 2, 0, 1}, {225, 2, 1, 1}, {1, 2, 1, 1}, {2, 2, 0, 1}, {7, 1, 1, 1}, {8, 1, 1, 1},
	}
	for _, c := range cases {
		g := nn.NewGraph()
		x := g.Input("x", 1, 1, c.size, 10)
		p := samePadding(x, nn.Conv{Kernel: 3, Stride: c.stride})
		if p.Top != c.before || p.Bottom != c.after {
			t.Errorf("size %d, stride %d: %d before and %d after, want %d and %d", c.size, c.stride, p.Top, p.Bottom, c.before, c.after)
		}
		y := g.Conv("conv", x, nn.Conv{Out: 1, Kernel: 3, Stride: c.stride, Pad: p})
		if want := (c.size + c.stride - 1) / c.stride; y.Shape()[2] != want || g.Err() != nil {
			t.Errorf("size %d, stride %d gives %d places, want %d (%v)", c.size, c.stride, y.Shape()[2], want, g.Err())
		}
	}
}

func TestMobileNetFeaturesHaveTheirStridesAndWidths(t *testing.T) {
	g := nn.NewGraph()
	stages := MobileNet{Width: 1}.build(g, g.Input("input", 1, 3, 256, 192))
	want := []nn.Shape{{1, 64, 128, 96}, {1, 128, 64, 48}, {1, 256, 32, 24}, {1, 512, 16, 12}, {1, 1024, 8, 6}}
	for i, s := range stages {
		if !s.Shape().Equal(want[i]) {
			t.Errorf("stage %d is %v, want %v", i, s.Shape(), want[i])
		}
	}
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
}

func TestImportMobileNetMovesEachElementToItsPlace(t *testing.T) {
	f := kerasMobileNet(t)
	kernel := f.Tensors["conv1/kernel"]
	depthwise := f.Tensors["conv_dw_2/depthwise_kernel"]
	w, err := ImportMobileNet(f)
	if err != nil {
		t.Fatal(err)
	}
	// Keras [y][x][in][out] is ours [out][in][y][x].
	if got, want := at(w["encoder.conv1.conv.weight"], 5, 2, 1, 0), kernel.Data[((1*3+0)*3+2)*32+5]; got != want {
		t.Errorf("conv1's weight 5, 2, 1, 0 is %g, want %g", got, want)
	}
	if got, want := at(w["encoder.dw2.conv.weight"], 7, 0, 2, 1), depthwise.Data[(2*3+1)*64+7]; got != want {
		t.Errorf("dw2's weight 7, 0, 2, 1 is %g, want %g", got, want)
	}
	all, err := CompactClassifier().Parameters()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if !strings.HasPrefix(p.Name, "encoder.") || strings.HasSuffix(p.Name, batchCounter) {
			continue
		}
		if got := w[p.Name].Shape; !got.Equal(p.Shape) {
			t.Errorf("%s is imported as %v, the network has %v", p.Name, got, p.Shape)
		}
		delete(w, p.Name)
	}
	if len(w) > 0 {
		t.Errorf("%d tensors are imported that the network does not have", len(w))
	}
}

func TestImportMobileNetNamesTheLayerThatIsWrong(t *testing.T) {
	f := kerasMobileNet(t)
	delete(f.Tensors, "conv_pw_3_bn/beta")
	if _, err := ImportMobileNet(f); err == nil || !strings.Contains(err.Error(), "conv_pw_3") {
		t.Errorf("error %v does not name conv_pw_3", err)
	}
}

// kerasMobileNet has the names and shapes of the ImageNet file, filled by the
// weight rule.
func kerasMobileNet(t *testing.T) *weights.File {
	t.Helper()
	f := weights.NewFile()
	add := func(name string, shape ...int) {
		data := make([]float32, nn.Shape(shape).Elements())
		for i := range data {
			data[i] = float32(u(name, i))
		}
		if err := f.Add(name, weights.Tensor{Shape: shape, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	norm := func(name string, c int) {
		for _, k := range []string{"gamma", "beta", "moving_mean", "moving_variance"} {
			add(name+"_bn/"+k, c)
		}
	}
	add("conv1/kernel", 3, 3, 3, 32)
	norm("conv1", 32)
	in := 32
	for i, out := range []int{64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024} {
		dw, pw := numbered("conv_dw_", i+1), numbered("conv_pw_", i+1)
		add(dw+"/depthwise_kernel", 3, 3, in, 1)
		norm(dw, in)
		add(pw+"/kernel", 1, 1, in, out)
		norm(pw, out)
		in = out
	}
	return f
}

// The ImageNet weights come without their last layer, so no class can be held
// against. But their batch norms keep what each layer gave in training: with
// the right layout, padding and input the last layers vary just as much here,
// even on a CT slice (1.00); with mirrored kernels or with the odd zero before
// instead of behind, by 0.78.
func TestImportedMobileNetVariesAsItsBatchNormsExpect(t *testing.T) {
	text, err := os.ReadFile("../../shared/pretrained/mobilenet_v1_1.0_224_notop.safetensors")
	if err != nil {
		t.Skip("../shared/pretrained is not here")
	}
	f, err := weights.Read(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	w, err := ImportMobileNet(f)
	if err != nil {
		t.Fatal(err)
	}
	plan := CompactClassifier()
	plan.Height, plan.Width = 224, 224
	input, err := plan.Prepare(openReference(t, "images/slice_a.png"))
	if err != nil {
		t.Fatal(err)
	}
	w["fc.weight"] = nn.NewTensor(2, 1024)
	g, err := plan.GraphWith(GraphOptions{Outputs: []string{"encoder.pw11.conv", "encoder.pw12.conv"}}, 1, 224, 224)
	if err != nil {
		t.Fatal(err)
	}
	program, err := nn.Compile(g, w, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	out := program.NewOutputs()
	if err := program.Run(context.Background(), []nn.Tensor{input}, out); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"encoder.pw11", "encoder.pw12"} {
		if s := spread(out[i], w[name+".bn.running_var"]); s < 0.9 || s > 1.1 {
			t.Errorf("%s varies by %.2f of what its batch norm expects", name, s)
		}
	}
}

// spread is the mean over the channels of their deviation over the expected one.
func spread(x, variance nn.Tensor) float64 {
	area := x.Shape[2] * x.Shape[3]
	total := 0.0
	for c, mean := range planeMeans(x) {
		squares := 0.0
		for _, v := range x.Data[c*area : (c+1)*area] {
			squares += float64(v-mean) * float64(v-mean)
		}
		total += math.Sqrt(squares / float64(area) / (float64(variance.Data[c]) + mobileEps))
	}
	return total / float64(x.Shape[1])
}
