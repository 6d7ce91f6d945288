package network

import (
	"strings"
	"testing"

	"github.com/jcs-ct/jcs/nn"
)

func TestEqualisedNetworksGiveTheSameAnswers(t *testing.T) {
	pictures := noises(2)
	for _, m := range tinyNetworks(t) {
		c, err := newCalibration(m, CalibrateOptions{Ranges: pictures[:1], Check: pictures[1:], Engine: Options{Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		found, channels, err := c.observe(t.Context(), m.Weights)
		if err != nil && strings.Contains(err.Error(), "only the oneDNN executor") {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.found = found
		before, err := c.answers(t.Context(), nn.Exact, c.check)
		if err != nil {
			t.Fatal(err)
		}
		c.weights = nn.Equalise(c.graph, m.Weights, channels)
		after, err := c.answers(t.Context(), nn.Exact, c.check)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range before[0] {
			if after[0][i] != v {
				t.Errorf("%s: value %d is %g equalised, %g before", m.Plan.Name, i, after[0][i], v)
				break
			}
		}
	}
}
