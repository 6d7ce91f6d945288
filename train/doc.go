// Package train owns the training of a network: the configuration, the loop of
// forward, loss, backward and optimiser step, validation by the moving average
// of the weights, checkpoints that a run can be taken up from bit for bit, and
// the record of all of it: a CSV of figures, their curves, pictures of what is
// predicted, and the manifest in the model.
//
// [Run] is the whole of it. It draws nothing on a terminal: what happens is
// told to a function of the caller.
package train
