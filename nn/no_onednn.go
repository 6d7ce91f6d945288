//go:build !cgo

package nn

import (
	"context"
	"errors"
	"time"
)

const haveOneDNN = false

var errNoOneDNN = errors.New("this build has no oneDNN: it was made without cgo")

func newOneDNNExecutor(*Graph, Weights, []Output, Options) (executor, error) {
	return nil, errNoOneDNN
}

func newOneDNNTrainer(*Graph, Weights, Options) (trainExecutor, error) {
	return nil, errNoOneDNN
}

// Reduces is false: the reference executor has float32 alone.
func Reduces(Precision) bool { return false }

func roundsWinograd() bool { return false }

// measureLimits finds none: this build has no kernels.
func measureLimits(context.Context, int, time.Duration) (Limits, error) { return Limits{}, nil }

// Engine is what oneDNN programs share. This build has none: programs of the
// reference executor run on the goroutines that call them.
type Engine struct{}

// NewEngine returns an engine that nothing is run on.
func NewEngine(threads int) (*Engine, error) { return &Engine{}, nil }

// Close does nothing.
func (e *Engine) Close() {}

// Packed is what oneDNN programs share. This build has none.
type Packed struct{}

// Bytes is 0.
func (p *Packed) Bytes() int { return 0 }
