package network

import (
	"math"

	"github.com/jcs-ct/jcs/nn"
)

// Range are the least and the greatest value that were seen in a place.
type Range struct{ Low, High float32 }

// levels are the 256 values that a place of a network of 8 bits can take:
// scale * (0..255 - zero).
type levels struct {
	scale float32
	zero  uint8
}

// levelsOf spreads the levels over a range and 0, which padding and ReLU need
// to hit.
func levelsOf(r Range) levels {
	low, high := float64(min(r.Low, 0)), float64(max(r.High, 0))
	if !(high > low) {
		return levels{scale: 1}
	}
	scale := float32((high - low) / 255)
	if float64(scale)*255 > high-low { // 255 levels of a ReLU6 must not be over 6
		scale = math.Nextafter32(scale, 0)
	}
	return levels{scale, uint8(math.RoundToEven(-low / float64(scale)))}
}

// quantisation says which values are kept in levels, and which convolutions
// compute in them.
type quantisation struct {
	levels map[*nn.Value]levels
	convs  map[*nn.Value]bool // by their results
}

// quantise chooses. Every convolution works in levels but those that nothing
// but an output follows (the heads); what lies between convolutions does too,
// so that a runtime need not leave the levels. rangeOf is asked for the range
// of each. Linear layers, which see one
// vector a slice, and what follows them stay in float32.
func (l *graphLayout) quantise(rangeOf func(*nn.Value) (Range, error)) (*quantisation, error) {
	q := &quantisation{map[*nn.Value]levels{}, map[*nn.Value]bool{}}
	able := map[*nn.Value]bool{} // could be kept in levels
	last := l.lastConvs()
	keep := func(v *nn.Value) error {
		able[v] = true
		if l.leftToActivation(v) {
			return nil
		}
		r, err := rangeOf(v)
		if err != nil {
			return err
		}
		if l.onlyRectified(v) {
			r.Low = 0
		}
		q.levels[v] = levelsOf(r)
		return nil
	}
	for _, in := range l.inputs {
		if err := keep(in); err != nil {
			return nil, err
		}
	}
	for _, n := range l.nodes {
		v, all := n.Output, l.needed[n.Output]
		for _, in := range n.Inputs {
			all = all && able[in]
		}
		var err error
		switch a := n.Attributes.(type) {
		case nn.Conv:
			if q.convs[v] = all && !last[v]; q.convs[v] {
				err = keep(v)
			}
		case nn.Activation:
			if all && a != nn.Sigmoid && a != nn.HardSwish {
				err = keep(v)
			}
		case nn.MaxPooling, nn.Channels, nn.Size:
			if all { // in the levels that they are given
				able[v], q.levels[v] = true, q.levels[n.Inputs[0]]
			}
		case nn.ChannelScaling:
			if maker := l.makers[n.Inputs[1]]; l.needed[v] && able[n.Inputs[0]] && maker.Attributes == nn.Sigmoid {
				err = keep(v)
			}
		case nn.BatchNorm:
			if all && l.folded[n.Inputs[0]] != nil {
				err = keep(v)
			}
		case nn.AveragePooling, nn.GlobalAveraging, nn.Concatenation, nn.Addition:
			if all {
				err = keep(v)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// lastConvs are the convolutions that lead to no other one and to no linear
// layer.
func (l *graphLayout) lastConvs() map[*nn.Value]bool {
	leads, last := map[*nn.Value]bool{}, map[*nn.Value]bool{}
	for i := len(l.nodes) - 1; i >= 0; i-- {
		n := l.nodes[i]
		_, isConv := n.Attributes.(nn.Conv)
		_, isLinear := n.Attributes.(nn.Linear)
		last[n.Output] = isConv && !leads[n.Output]
		for _, in := range n.Inputs {
			leads[in] = leads[in] || l.needed[n.Output] && (leads[n.Output] || isConv || isLinear)
		}
	}
	return last
}

// leftToActivation says that a value goes to one ReLU alone, whose result is
// kept in levels in its place; or to a norm that is multiplied into it.
func (l *graphLayout) leftToActivation(v *nn.Value) bool {
	next, ok := l.onlyReader(v)
	if !ok || l.isInput(v) {
		return false
	}
	switch next.Attributes {
	case nn.ReLU, nn.ReLU6:
		switch l.makers[v].Attributes.(type) {
		case nn.Conv, nn.BatchNorm, nn.Concatenation, nn.Addition:
			return true
		}
	}
	return l.folded[v] != nil
}

// onlyRectified says that whatever reads a value takes what is below 0 for 0.
func (l *graphLayout) onlyRectified(v *nn.Value) bool {
	if l.wanted[v] || len(l.readers[v]) == 0 {
		return false
	}
	for _, n := range l.readers[v] {
		_, joins := n.Attributes.(nn.Concatenation)
		rectifies := n.Attributes == nn.ReLU || n.Attributes == nn.ReLU6
		if !rectifies && !(joins && l.onlyRectified(n.Output)) {
			return false
		}
	}
	return true
}

func (l *graphLayout) isInput(v *nn.Value) bool {
	_, made := l.makers[v]
	return !made
}
