package network

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/jcs-ct/jcs/nn"
)

// Initial are weights to train from: convolutions normal with the deviation of
// He and others (2015), sqrt(2 / inputs of a unit); linear layers uniform
// within 1/sqrt(inputs); biases 0; batch norms the identity. The same seed
// gives the same weights, and each tensor depends on its own name alone, so
// that plans which share a part begin alike in it.
//
// The weights into a single squeezed unit are made positive. What comes in
// there is never negative, so random signs would leave the unit, and its whole
// squeeze-excite, without gradient in about half of the cases.
func (p Plan) Initial(seed uint64) (nn.Weights, error) {
	all, err := p.Parameters()
	if err != nil {
		return nil, err
	}
	shapes := map[string]nn.Shape{}
	for _, q := range all {
		shapes[q.Name] = q.Shape
	}
	w := nn.Weights{}
	for _, q := range all {
		t := nn.NewTensor(q.Shape...)
		module, kind := cutLast(q.Name)
		_, isNorm := shapes[module+".running_var"]
		switch {
		case kind == "running_var", kind == "weight" && isNorm:
			fill(t.Data, 1)
		case kind == "weight":
			randomise(t, generator(seed, q.Name))
		}
		w[q.Name] = t
	}
	return w, nil
}

// randomise fills a convolution's or linear layer's weight.
func randomise(t nn.Tensor, r *rand.Rand) {
	inputs := float64(len(t.Data) / t.Shape[0])
	for i := range t.Data {
		var v float64
		switch {
		case len(t.Shape) == 4:
			v = r.NormFloat64() * math.Sqrt(2/inputs)
		default:
			v = (2*r.Float64() - 1) / math.Sqrt(inputs)
		}
		if len(t.Shape) == 2 && t.Shape[0] == 1 {
			v = math.Abs(v)
		}
		t.Data[i] = float32(v)
	}
}

// generator is a source of numbers of one tensor.
func generator(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

func fill(s []float32, v float32) {
	for i := range s {
		s[i] = v
	}
}

// cutLast parts a name at its last dot.
func cutLast(name string) (module, kind string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}
