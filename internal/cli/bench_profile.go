package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/train"
)

// benchProfile says where a run's time goes. Times are of a whole run.
type benchProfile struct {
	Layers  []benchLayer `json:"layers"`
	Kinds   []benchLayer `json:"kinds"`   // the layers by kind, the slowest first
	Kernels []benchLayer `json:"kernels"` // the convolutions by kernel, likewise

	operations map[string]int64 // by arithmetic
}

// benchLayer is one step of a run, or several with something in common.
type benchLayer struct {
	Layer      string  `json:"layer,omitempty"`
	Kind       string  `json:"kind"`
	Backward   bool    `json:"backward,omitempty"`
	Kernel     string  `json:"kernel,omitempty"`
	Steps      int     `json:"steps"`
	MS         float64 `json:"ms"`
	Operations int64   `json:"operations,omitempty"`
	GFLOPS     float64 `json:"gflops,omitempty"`
	Share      float64 `json:"share"` // of the time of all layers

	time time.Duration
}

// profiledRuns are enough for the median of each step.
const profiledRuns = 5

// profileOf profiles so many runs.
func profileOf(ctx context.Context, w *workload, n int) (*benchProfile, error) {
	var runs [][]nn.LayerTime
	parts := map[string][]time.Duration{}
	for range n {
		layers, each, err := w.profile(ctx)
		if err != nil {
			return nil, err
		}
		runs = append(runs, layers)
		for part, d := range each {
			parts[part] = append(parts[part], d)
		}
	}
	return newProfile(runs, parts), nil
}

// newProfile takes the median of each step over the runs, and, of a training
// step, adds what is done outside of the network.
func newProfile(runs [][]nn.LayerTime, parts map[string][]time.Duration) *benchProfile {
	p := &benchProfile{operations: map[string]int64{}}
	for i, l := range runs[0] {
		var took []time.Duration
		for _, run := range runs {
			took = append(took, run[i].Time)
		}
		p.operations[l.Arithmetic] += l.Operations
		p.Layers = append(p.Layers, benchLayer{
			Layer: l.Layer, Kind: l.Kind, Backward: l.Backward, Kernel: l.Implementation,
			Steps: 1, Operations: l.Operations, time: median(took),
		})
	}
	if len(p.Layers) == 0 { // the plain executor has no steps to time
		return p
	}
	for _, part := range []string{train.LossPart, train.UpdatePart} {
		if took := parts[part]; len(took) > 0 {
			p.Layers = append(p.Layers, benchLayer{Kind: part, Steps: 1, time: median(took)})
		}
	}
	p.Kinds = group(p.Layers, func(l benchLayer) (benchLayer, bool) {
		return benchLayer{Kind: l.Kind, Backward: l.Backward}, true
	})
	p.Kernels = group(p.Layers, func(l benchLayer) (benchLayer, bool) {
		return benchLayer{Kind: l.Kind, Backward: l.Backward, Kernel: l.Kernel}, l.Operations > 0
	})
	var whole time.Duration
	for _, l := range p.Layers {
		whole += l.time
	}
	for _, layers := range [][]benchLayer{p.Layers, p.Kinds, p.Kernels} {
		for i := range layers {
			layers[i].work(whole)
		}
	}
	return p
}

// work fills in what follows from time and operations.
func (l *benchLayer) work(whole time.Duration) {
	l.MS = milliseconds(l.time)
	l.Share = round(l.time.Seconds()/whole.Seconds(), 4)
	if l.Operations > 0 && l.time > 0 {
		l.GFLOPS = round(float64(l.Operations)/l.time.Seconds()/1e9, 2)
	}
}

// group sums the layers that a key makes alike, the slowest first. Those that
// it refuses are left out.
func group(layers []benchLayer, key func(benchLayer) (benchLayer, bool)) []benchLayer {
	var groups []benchLayer
	at := map[benchLayer]int{}
	for _, l := range layers {
		k, ok := key(l)
		if !ok {
			continue
		}
		i, known := at[k]
		if !known {
			i = len(groups)
			at[k] = i
			groups = append(groups, k)
		}
		groups[i].Steps += l.Steps
		groups[i].Operations += l.Operations
		groups[i].time += l.time
	}
	slices.SortStableFunc(groups, func(a, b benchLayer) int { return int(b.time - a.time) })
	return groups
}

// arithmetic is the share of the operations that each arithmetic does; Winograd
// is float32.
func (p *benchProfile) arithmetic() map[string]float64 {
	whole := int64(0)
	for _, n := range p.operations {
		whole += n
	}
	if whole == 0 {
		return nil
	}
	shares := map[string]float64{}
	for name, n := range p.operations {
		if n > 0 {
			shares[name] = round(float64(n)/float64(whole), 4)
		}
	}
	return shares
}

// title is a layer's name for people.
func (l benchLayer) title() string {
	kind := l.Kind
	if l.Backward {
		kind += ", backward"
	}
	return strings.TrimSpace(kind)
}

// median of times in any order.
func median(took []time.Duration) time.Duration {
	sorted := slices.Clone(took)
	slices.Sort(sorted)
	return percentile(sorted, 0.5)
}
