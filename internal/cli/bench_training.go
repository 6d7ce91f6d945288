package cli

import (
	"github.com/jcs-ct/jcs/network"
	"github.com/jcs-ct/jcs/nn"
	"github.com/jcs-ct/jcs/train"
)

// configuredStep compiles the training step of a configuration.
func (b benchTask) configuredStep(c train.Config, o nn.Options) (*workload, error) {
	trial, err := train.NewTrial(c, b.trialOptions(o))
	if err != nil {
		return nil, err
	}
	return trialWorkload(trial), nil
}

// planStep compiles the usual training step of a network.
func (b benchTask) planStep(m *network.Model, o nn.Options) (*workload, error) {
	options := b.trialOptions(o)
	options.Weights = m.Weights
	trial, err := train.NewPlanTrial(b.sized(m.Plan), options)
	if err != nil {
		return nil, err
	}
	return trialWorkload(trial), nil
}

func (b benchTask) trialOptions(o nn.Options) train.TrialOptions {
	return train.TrialOptions{Batch: b.Batch, Height: b.Size, Width: b.Size, Engine: o}
}

func trialWorkload(t *train.Trial) *workload {
	return &workload{
		input: t.Graph().Inputs()[0].Shape(), operations: t.Graph().TrainingOperations(), memory: t.Memory(),
		run: t.Step, profile: t.Profile, close: t.Close,
	}
}
