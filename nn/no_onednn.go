//go:build !cgo

package nn

import "errors"

const haveOneDNN = false

var errNoOneDNN = errors.New("this build has no oneDNN: it was made without cgo")

func newOneDNNExecutor(*Graph, Weights, []Output, Options) (executor, error) {
	return nil, errNoOneDNN
}

func newOneDNNTrainer(*Graph, Weights, Options) (trainExecutor, error) {
	return nil, errNoOneDNN
}
