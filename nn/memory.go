package nn

// Memory is what a program or a trainer keeps outside Go's heap, in bytes.
type Memory struct {
	// Arena holds the activations and what kernels write down while they run, and
	// the memory is used again once what lies in it was read for the last time.
	// The programs of one engine share the largest of theirs.
	Arena int
	// Activations is what these would take with a place each.
	Activations int
	// Weights are the parameters as the program reads them. Programs that were
	// given the same Packed share those that are the same.
	Weights int
}

// Memory tells what the program keeps. Of the reference executor, which has all
// in Go's heap, it tells nothing.
func (p *Program) Memory() Memory { return memoryOf(p.exec) }

// Memory tells what the trainer keeps: of weights the masters and their
// gradients.
func (t *Trainer) Memory() Memory { return memoryOf(t.exec) }

func memoryOf(executor any) Memory {
	if e, ok := executor.(interface{ memory() Memory }); ok {
		return e.memory()
	}
	return Memory{}
}
