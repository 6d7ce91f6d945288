// Package findings owns what can be measured once lungs and opacities are
// outlined: the lungs themselves, left and right, from Hounsfield units or, as
// well as can be, from one windowed picture; the zones of each lung; and the
// lesions, which are the connected components of a mask, with their volume,
// area, diameter, density and place. It measures on the grid of the source,
// without resampling. Where the grid has no millimetres or no Hounsfield units,
// what needs them is left out and never guessed.
package findings
