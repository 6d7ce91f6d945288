package nn

// parameters are a network's weights and what passes make of them. What is
// made is made anew each time that it is asked for: a large network's weights
// lie in memory once, and packed for the programs, but not a third time.
type parameters struct {
	given Weights
	made  map[string]func() Tensor
}

// tensor is a parameter's values. They are not the caller's to change.
func (p parameters) tensor(name string) Tensor {
	if make, ok := p.made[name]; ok {
		return make()
	}
	return p.given[name]
}
