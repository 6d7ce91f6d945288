package nn

// Footprint is the memory of a program or trainer in bytes, without what the
// library takes for itself while it computes.
type Footprint struct {
	// Arena holds the tensors of a run, one in the place of another that is no
	// longer read.
	Arena int64
	// Activations are what these tensors would take with a place for each.
	Activations int64
	// Weights are the parameters in the layouts that are computed with; in
	// training the masters and their gradients.
	Weights int64
}

// Footprint is the memory that the program owns, zero for the reference
// executor.
func (p *Program) Footprint() Footprint { return footprintOf(p.exec) }

// Footprint is the memory that the trainer owns, zero for the reference
// executor.
func (t *Trainer) Footprint() Footprint { return footprintOf(t.exec) }

func footprintOf(executor any) Footprint {
	if e, ok := executor.(interface{ footprint() Footprint }); ok {
		return e.footprint()
	}
	return Footprint{}
}
