package network

import (
	"fmt"
	"strings"

	"github.com/jcs-ct/jcs/nn"
)

// MismatchError lists all tensors by which a state differs from a network's.
// Its message is one sentence and then one line for each of them.
type MismatchError struct {
	Network string
	// Missing are of the network and not of the state, Unknown the other way
	// round, Misshapen are of both. Each is a name with its shape, or both.
	Missing, Unknown, Misshapen []string
}

func (e *MismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the tensors are not those of the %s: %d missing, %d unknown, %d of another shape",
		e.Network, len(e.Missing), len(e.Unknown), len(e.Misshapen))
	for _, list := range []struct {
		what  string
		lines []string
	}{{"missing", e.Missing}, {"unknown", e.Unknown}, {"misshapen", e.Misshapen}} {
		for _, line := range list.lines {
			fmt.Fprintf(&b, "\n%s: %s", list.what, line)
		}
	}
	return b.String()
}

func (e *MismatchError) count() int { return len(e.Missing) + len(e.Unknown) + len(e.Misshapen) }

// mismatch holds the names and shapes of a state against the network's
// parameters; nil if they are the same. Counters of batches, which nothing
// needs, may be missing, and there may be some of norms that have none here:
// those that are frozen.
func (p Plan) mismatch(parameters, state []nn.Parameter) *MismatchError {
	e := &MismatchError{Network: p.Name}
	there := map[string]nn.Shape{}
	for _, s := range state {
		there[s.Name] = s.Shape
	}
	known := map[string]bool{}
	for _, q := range parameters {
		known[q.Name] = true
		shape, ok := there[q.Name]
		switch {
		case !ok && !strings.HasSuffix(q.Name, batchCounter):
			e.Missing = append(e.Missing, fmt.Sprintf("%s (%v)", q.Name, q.Shape))
		case ok && !shape.Equal(q.Shape):
			e.Misshapen = append(e.Misshapen, fmt.Sprintf("%s is %v, the network has %v", q.Name, shape, q.Shape))
		}
	}
	for _, s := range state {
		norm, isCounter := strings.CutSuffix(s.Name, batchCounter)
		if !known[s.Name] && !(isCounter && known[norm+"running_var"]) {
			e.Unknown = append(e.Unknown, fmt.Sprintf("%.200q (%v)", s.Name, s.Shape))
		}
	}
	if e.count() == 0 {
		return nil
	}
	return e
}
