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

// measureLimits finds none: this build has no kernels.
func measureLimits(context.Context, int, time.Duration) (Limits, error) { return Limits{}, nil }

// Engine is what oneDNN programs share. This build has none.
type Engine struct{}

// NewEngine fails in builds without cgo.
func NewEngine(threads int) (*Engine, error) { return nil, errNoOneDNN }

// Close does nothing.
func (e *Engine) Close() {}
