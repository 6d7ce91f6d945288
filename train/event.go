package train

import (
	"time"

	"github.com/jcs-ct/jcs/nn"
)

// Event is what a run tells its caller after each step and each validation.
type Event struct {
	Step, Steps int
	Loss        float64 // of this step
	Rate        float64 // learning rate
	PerSecond   float64 // slices trained on, lately
	DataShare   float64 // of the time of a step, lately, that it waits for its batch, from 0 to 1
	Left        time.Duration
	// Message is set for what happens beside steps: data read, a validation.
	Message string
	// Figures and Score are those of a validation.
	Figures []Figures
	Score   float64
	Best    bool // the score is the best so far
}

// Options are how a run is made, as against what is trained.
type Options struct {
	Resume   bool
	Events   func(Event) // may be nil
	Threads  int         // of the engine; 0: all processors
	Executor nn.Executor // empty: oneDNN where the build has it
	Date     string      // for the manifest: a run does not look at the clock
	Version  string      // for the manifest
	Machine  string      // what the speed of an operation depends on: see nn.OpenTimings
}
