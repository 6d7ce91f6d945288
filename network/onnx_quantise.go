package network

import (
	"math"

	"github.com/jcs-ct/jcs/nn"
)

// keepInLevels writes a value's quantisation, if it is kept in levels, and
// makes what comes after read the result, under a name.
func (b *onnxBuilder) keepInLevels(v *nn.Value, raw, result string) {
	l, ok := b.quantisation.levels[v]
	if !ok {
		return
	}
	b.planeOf[v], b.written[v] = b.quantised(raw, result, l)
}

// quantised writes a float32 value's way into levels and back.
func (b *onnxBuilder) quantised(raw, result string, l levels) (inLevels, back string) {
	inLevels = b.unused(result + "/uint8")
	scale := b.constant(result+".scale", []float32{l.scale})
	zero := b.constant(result+".zero", []uint8{l.zero})
	b.add("QuantizeLinear", inLevels, []string{raw, scale, zero})
	b.add("DequantizeLinear", result, []string{inLevels, scale, zero})
	return inLevels, result
}

// quantisedKernel writes a kernel's weights as signed 8 bits with a scale for
// each channel of the result, and its bias as 32 bits in units of that scale
// times the input's, and returns the names of both as float32.
func (b *onnxBuilder) quantisedKernel(layer string, k kernel, input levels) []string {
	out := k.weight.Shape[0]
	each := len(k.weight.Data) / out
	data, scales := make([]int8, len(k.weight.Data)), make([]float32, out)
	biases, biasScales := make([]int32, out), make([]float32, out)
	for o := range out {
		row := k.weight.Data[o*each : (o+1)*each]
		bias := float32(0)
		if len(k.bias.Data) > 0 {
			bias = k.bias.Data[o]
		}
		scales[o] = kernelScale(row, bias, input.scale)
		for i, v := range row {
			data[o*each+i] = int8(math.RoundToEven(float64(v) / float64(scales[o])))
		}
		biasScales[o] = scales[o] * input.scale
		biases[o] = int32(math.RoundToEven(float64(bias) / float64(biasScales[o])))
	}
	dequantise := func(name string, quantised any, scales []float32, shape ...int) string {
		in := []string{b.constant(name+"/quantised", quantised, shape...), b.constant(name+".scale", scales, out)}
		name = b.unused(name)
		b.add("DequantizeLinear", name, in, attribute("axis", 0))
		return name
	}
	names := []string{dequantise(layer+".weight", data, scales, k.weight.Shape...)}
	if len(k.bias.Data) > 0 {
		names = append(names, dequantise(layer+".bias", biases, biasScales, out))
	}
	return names
}

// kernelScale is the step between a channel's weights: the largest is 127 of
// them. Where the weights are so small that the bias would take more than 31
// bits, the step is larger.
func kernelScale(weights []float32, bias, input float32) float32 {
	largest := 0.0
	for _, v := range weights {
		largest = max(largest, math.Abs(float64(v)))
	}
	scale := max(largest/127, math.Abs(float64(bias))/(1<<30)/float64(input))
	if scale < math.SmallestNonzeroFloat32*(1<<24) { // all but 0
		return 1
	}
	return float32(scale)
}
