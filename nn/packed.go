package nn

// Memory is what a program keeps outside Go's heap, in bytes.
type Memory struct {
	// Arena holds the activations, and the memory is used again once what lies
	// in it was read for the last time. The programs of one engine share the
	// largest of theirs.
	Arena int
	// Activations is what they would take with a place each.
	Activations int
	// Weights are the parameters as the program reads them. Programs that were
	// given the same Packed share those that are the same.
	Weights int
}

// Memory tells what the program keeps. Of the reference executor, which has all
// in Go's heap, it tells nothing.
func (p *Program) Memory() Memory {
	if e, ok := p.exec.(interface{ memory() Memory }); ok {
		return e.memory()
	}
	return Memory{}
}
