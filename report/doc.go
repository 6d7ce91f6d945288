// Package report owns what is written about a diagnosis: the folder, which is
// filled under another name and then renamed so that a half-written result
// never looks whole; diagnosis.json; and the pictures: for each relevant slice
// the lesions in outline and the activation map over the slice, and one sheet
// of the whole study.
package report
