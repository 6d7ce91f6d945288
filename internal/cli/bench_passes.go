package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jcs-ct/jcs/nn"
)

// What --without takes beside the names of passes.
const (
	allPasses  = "all"
	eachOfThem = "each"
)

// passes are those that a network is put through for what is measured.
func (c *benchCommand) passes() []nn.Pass {
	var all []nn.Pass
	for _, p := range nn.Passes() {
		if c.What == benchTraining && p.Training || c.What != benchTraining && p.Inference {
			all = append(all, p.Pass)
		}
	}
	return all
}

// leftOut are the passes that each network and precision is measured without:
// one list for each time.
func (c *benchCommand) leftOut() ([][]nn.Pass, error) {
	if len(c.Without) == 0 {
		return [][]nn.Pass{nil}, nil
	}
	if !enginePasses {
		return nil, usage("--without: this build's engine has no passes, as it is without oneDNN")
	}
	all := c.passes()
	switch {
	case len(c.Without) == 1 && c.Without[0] == allPasses:
		return [][]nn.Pass{all}, nil
	case len(c.Without) == 1 && c.Without[0] == eachOfThem:
		times := [][]nn.Pass{nil}
		for _, p := range all {
			times = append(times, []nn.Pass{p})
		}
		return append(times, all), nil
	}
	var names []nn.Pass
	for _, name := range c.Without {
		p := nn.Pass(name)
		switch {
		case name == allPasses, name == eachOfThem:
			return nil, usage("--without %s goes without other names", name)
		case nn.CheckPasses([]nn.Pass{p}) != nil:
			return nil, usage("--without: %w", nn.CheckPasses([]nn.Pass{p}))
		case !slices.Contains(all, p):
			return nil, usage("--without %s: %s has no such pass", name, c.What)
		case !slices.Contains(names, p):
			names = append(names, p)
		}
	}
	return [][]nn.Pass{names}, nil
}

// passTable are the passes for the help, each with what it does.
func passTable() string {
	var s strings.Builder
	for _, p := range nn.Passes() {
		fmt.Fprintf(&s, "  %-19s %s\n", p.Pass, p.Does)
	}
	return s.String()
}

// how names a run's precision, and what was left out.
func (r *benchRun) how() string {
	how := r.Precision
	if r.Chosen != "" {
		how += " (" + r.Chosen + ")"
	}
	if len(r.Without) == 0 {
		return how
	}
	names := make([]string, len(r.Without))
	for i, p := range r.Without {
		names[i] = string(p)
	}
	return how + " without " + strings.Join(names, ", ")
}
