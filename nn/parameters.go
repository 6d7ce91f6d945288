package nn

// parameters are a network's weights and what passes make of them. What is
// made is made anew each time that it is asked for: a large network's weights
// lie in memory once, and packed for the programs, but not a third time.
type parameters struct {
	given Weights
	made  map[string]made
}

// made is a parameter that a pass makes of others.
type made struct {
	from   []string // the others' names
	tensor func() Tensor
}

// tensor is a parameter's values. They are not the caller's to change.
func (p parameters) tensor(name string) Tensor {
	if m, ok := p.made[name]; ok {
		return m.tensor()
	}
	return p.given[name]
}

// origins are the given parameters that one is, or is made of.
func (p parameters) origins(name string) []string {
	m, ok := p.made[name]
	if !ok {
		return []string{name}
	}
	var all []string
	for _, from := range m.from {
		all = append(all, p.origins(from)...)
	}
	return all
}
