// Package dataset owns labelled pictures on their way to a trainer: it reads
// indexes and folder pairs, puts groups (patients, volumes, runs, folds) and
// never single slices into the training, validation or test part, decodes
// pictures once, and hands out augmented batches in an order that depends on
// the seed and the step alone.
//
// What a particular data set looks like (columns, folders, which groups are
// held out) is a [Source], which is configuration; nothing here knows a set by
// name.
package dataset
