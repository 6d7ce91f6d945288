// Package nn owns the engine's inside: it describes a network as a graph,
// checks its shapes, compiles it to an inference program or a trainer, and
// runs it.
//
// The four steps are kept apart:
//
//   - Describe: operations are added to a [Graph], each with its attributes
//     and the published names of its parameters. A graph holds no weights and
//     no memory.
//   - Check: shapes are inferred when an operation is added. The first error
//     sticks to the graph, names operation, parameter and shapes, and is
//     returned by [Graph.Err], [Compile] and [NewTrainer].
//   - Compile: [Compile] turns graph, weights and precision into a [Program];
//     [NewTrainer] into a [Trainer].
//   - Run: a program owns its memory and is reused for every slice.
//
// Two executors exist behind both: oneDNN, and a plain one in Go with float64
// sums that is the oracle of the tests and the fallback of builds without cgo.
package nn
