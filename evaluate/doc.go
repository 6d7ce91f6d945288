// Package evaluate owns every figure that jcs states about its own quality:
// metrics of slice classification and of lesion segmentation, their bootstrap
// intervals, the JSON in which they are printed, and the curves that go with
// them. It takes numbers and truth, and knows nothing of networks or files.
//
// A metric that is not defined for the cases given (a sensitivity without
// positive cases) is absent: its pointer is nil and its JSON key is left out.
package evaluate
