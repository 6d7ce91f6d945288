package network

import (
	"errors"
	"fmt"
	"math"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/weights"
)

// MobileNet is MobileNetV1 (Howard and others, 2017) without its thirteenth
// block: a convolution and twelve pairs of a depthwise and a pointwise one,
// each with batch norm and ReLU6. Its parameters are encoder.conv1, .dw1, .pw1
// to .pw12, with .conv and .bn below.
type MobileNet struct {
	// Width multiplies the channels of every layer; 1 is the published network.
	Width float64 `json:"width"`
}

// mobileBlock is a pair's channels and stride at width 1. A stage names those
// after which the plane is halved again, or the network ends.
type mobileBlock struct {
	out, stride int
	stage       bool
}

func mobileBlocks() []mobileBlock {
	return []mobileBlock{
		{64, 1, true},
		{128, 2, false}, {128, 1, true},
		{256, 2, false}, {256, 1, true},
		{512, 2, false}, {512, 1, false}, {512, 1, false}, {512, 1, false}, {512, 1, false}, {512, 1, true},
		{1024, 2, true},
	}
}

const (
	mobileStem = 32
	mobileEps  = 1e-3
)

func (m MobileNet) check() error {
	if !(m.Width > 0 && m.Width <= 4) || m.channels(mobileStem) < 1 {
		return fmt.Errorf("MobileNet's width %g is not within 1/32 to 4", m.Width)
	}
	return nil
}

// channels is a layer's number of channels, rounded down as Keras does.
func (m MobileNet) channels(n int) int { return int(float64(n) * m.Width) }

// build adds the encoder and returns its features at strides 2, 4, 8, 16, 32.
func (m MobileNet) build(g *nn.Graph, x *nn.Value) [5]*nn.Value {
	x = m.layer(g, "encoder.conv1", x, nn.Conv{Out: m.channels(mobileStem), Kernel: 3, Stride: 2})
	var stages []*nn.Value
	for i, b := range mobileBlocks() {
		c := channels(x)
		x = m.layer(g, fmt.Sprintf("encoder.dw%d", i+1), x, nn.Conv{Out: c, Kernel: 3, Stride: b.stride, Groups: c})
		x = m.layer(g, fmt.Sprintf("encoder.pw%d", i+1), x, nn.Conv{Out: m.channels(b.out), Kernel: 1})
		if b.stage {
			stages = append(stages, x)
		}
	}
	return [5]*nn.Value(stages)
}

func (m MobileNet) layer(g *nn.Graph, name string, x *nn.Value, c nn.Conv) *nn.Value {
	c.Pad = samePadding(x, c)
	x = g.Tap(name+".conv", g.Conv(name+".conv", x, c))
	x = g.BatchNorm(name+".bn", x, nn.BatchNorm{Eps: mobileEps, Momentum: 0.1})
	return g.Tap(name, g.Activate(nn.ReLU6, x))
}

// samePadding is TensorFlow's "same": the result has ceil(size/stride) places,
// and of an odd number of zeros the larger half stands behind.
func samePadding(x *nn.Value, c nn.Conv) nn.Padding {
	side := func(size int) (before, after int) {
		stride := max(c.Stride, 1)
		places := (size + stride - 1) / stride
		total := max((places-1)*stride+c.Kernel-size, 0)
		return total / 2, total - total/2
	}
	var p nn.Padding
	p.Top, p.Bottom = side(height(x))
	p.Left, p.Right = side(width(x))
	return p
}

// ImportMobileNet takes the ImageNet weights of a Keras MobileNetV1 of width 1
// over into the names and layout of the MobileNet encoder. Heads and decoder
// are not in it; the thirteenth block and the ImageNet classes are left aside.
func ImportMobileNet(f *weights.File) (nn.Weights, error) {
	w := nn.Weights{}
	layers := [][2]string{{"conv1", "encoder.conv1"}}
	for i := range mobileBlocks() {
		layers = append(layers,
			[2]string{fmt.Sprintf("conv_dw_%d", i+1), fmt.Sprintf("encoder.dw%d", i+1)},
			[2]string{fmt.Sprintf("conv_pw_%d", i+1), fmt.Sprintf("encoder.pw%d", i+1)})
	}
	for _, l := range layers {
		if err := importLayer(w, f, l[0], l[1]); err != nil {
			return nil, fmt.Errorf("importing MobileNet's layer %s: %w", l[0], err)
		}
	}
	return w, nil
}

func importLayer(w nn.Weights, f *weights.File, from, to string) error {
	kernel, ok := f.Tensors[from+"/kernel"]
	depthwise := false
	if !ok {
		kernel, depthwise = f.Tensors[from+"/depthwise_kernel"]
	}
	if len(kernel.Shape) != 4 {
		return errors.New("it has no kernel of four axes")
	}
	w[to+".conv.weight"] = fromKeras(kernel, depthwise)
	out := w[to+".conv.weight"].Shape[0]
	for _, n := range [][2]string{{"gamma", "weight"}, {"beta", "bias"}, {"moving_mean", "running_mean"}, {"moving_variance", "running_var"}} {
		t, ok := f.Tensors[from+"_bn/"+n[0]]
		if !ok || len(t.Data) != out {
			return fmt.Errorf("its batch norm has no %s of %d values", n[0], out)
		}
		for _, v := range t.Data {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("its batch norm's %s is not finite", n[0])
			}
		}
		w[to+".bn."+n[1]] = nn.Tensor{Shape: nn.Shape{out}, Data: t.Data}
	}
	return nil
}

// fromKeras turns a kernel [height width in out] into [out in height width]; a
// depthwise one [height width channels 1] into [channels 1 height width].
func fromKeras(k weights.Tensor, depthwise bool) nn.Tensor {
	h, w, in, out := k.Shape[0], k.Shape[1], k.Shape[2], k.Shape[3]
	if depthwise {
		in, out = out, in
	}
	t := nn.NewTensor(out, in, h, w)
	for o := range out {
		for i := range in {
			for p := range h * w {
				from := (p*in+i)*out + o
				t.Data[(o*in+i)*h*w+p] = k.Data[from]
			}
		}
	}
	return t
}
