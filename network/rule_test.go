package network

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"github.com/jcs-ct/jcs/nn"
)

// The reference's weights are not stored but made by a rule: a tensor's name
// seeds a generator (FNV-1a, then splitmix64), and kind and shape scale it.

func seedOf(name string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return h
}

// u is element i of the rule's uniform numbers within [-1, 1).
func u(name string, i int) float64 { return uniform(seedOf(name), i) }

func uniform(seed uint64, i int) float64 {
	z := seed + (uint64(i)+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(float64(z>>40)/(1<<24)*2) - 1
}

// ruleTensor makes one tensor. isNorm says that its module has running statistics.
func ruleTensor(p nn.Parameter, isNorm bool) nn.Tensor {
	t := nn.NewTensor(p.Shape...)
	if strings.HasSuffix(p.Name, batchCounter) {
		return t
	}
	seed := seedOf(p.Name)
	value := ruleValue(p, isNorm)
	for i := range t.Data {
		t.Data[i] = float32(value(uniform(seed, i)))
	}
	return t
}

func ruleValue(p nn.Parameter, isNorm bool) func(float64) float64 {
	_, kind := cutLast(p.Name)
	affine := func(base, scale float64) func(float64) float64 {
		return func(u float64) float64 { return base + float64(scale*u) }
	}
	if len(p.Shape) > 1 {
		fanIn := float64(p.Shape.Elements() / p.Shape[0])
		switch {
		case len(p.Shape) == 2 && p.Shape[0] == 1:
			return func(u float64) float64 { return math.Abs(u) * 4 / fanIn }
		case p.Name == "fc.weight":
			return func(u float64) float64 { return u * math.Sqrt(6/fanIn) * -0.25 }
		}
		return func(u float64) float64 { return u * math.Sqrt(6/fanIn) }
	}
	switch {
	case kind == "running_mean":
		return affine(0, 0.1)
	case kind == "running_var":
		return affine(1, 0.3)
	case kind == "bias" && isNorm:
		return affine(0, 0.1)
	case kind == "bias":
		return affine(0, 0.05)
	case strings.HasSuffix(p.Name, "bn3.weight"):
		return affine(0.1, 0.05)
	}
	return affine(1, 0.2)
}

// ruleWeights makes all tensors of a plan, on all processors.
func ruleWeights(plan Plan) (nn.Weights, error) {
	all, err := plan.Parameters()
	if err != nil {
		return nil, err
	}
	norms := map[string]bool{}
	for _, p := range all {
		if module, ok := strings.CutSuffix(p.Name, ".running_mean"); ok {
			norms[module] = true
		}
	}
	made := make([]nn.Tensor, len(all))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				module, _ := cutLast(all[i].Name)
				made[i] = ruleTensor(all[i], norms[module])
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	workers.Wait()
	w := nn.Weights{}
	for i, p := range all {
		w[p.Name] = made[i]
	}
	return w, nil
}

// at is an element of a tensor by its indices.
func at(t nn.Tensor, index ...int) float32 {
	flat := 0
	for axis, i := range index {
		flat = flat*t.Shape[axis] + i
	}
	return t.Data[flat]
}

func numbered(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }
