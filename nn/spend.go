package nn

import "runtime/debug"

// spender takes parameters out of a network's weights while it is compiled.
type spender struct {
	weights parameters
	readers map[string]int // operations that are still to be compiled, for each given parameter
	freed   int            // bytes since memory was last given back
	large   bool           // whether it was at all
}

// freeAt is how much is let go before the system is given it back, which costs
// a collection.
const freeAt = 16 << 20

func newSpender(s staged) *spender {
	p := &spender{weights: s.weights, readers: map[string]int{}}
	for _, v := range s.nodes {
		for _, name := range p.origins(v) {
			p.readers[name]++
		}
	}
	return p
}

// origins are the given parameters that an operation reads, each once a reading.
func (p *spender) origins(v *Value) []string {
	var all []string
	for _, name := range parameterNames(v) {
		all = append(all, p.weights.origins(name)...)
	}
	return all
}

// done lets go of what only this operation still had to read.
func (p *spender) done(v *Value) {
	for _, name := range p.origins(v) {
		if p.readers[name]--; p.readers[name] == 0 {
			p.freed += 4 * len(p.weights.given[name].Data)
			delete(p.weights.given, name)
		}
	}
	if p.freed >= freeAt {
		p.freed, p.large = 0, true
		debug.FreeOSMemory()
	}
}

// end lets go of what the network never read.
func (p *spender) end() {
	clear(p.weights.given)
	if p.large {
		debug.FreeOSMemory()
	}
}

func parameterNames(v *Value) []string {
	names := make([]string, len(v.params))
	for i, q := range v.params {
		names[i] = q.Name
	}
	return names
}
