// Package ct owns the way in: it opens a chest CT and gives it as slices in
// order, whatever it came as. A folder or zip of one DICOM series, or a single
// DICOM file, becomes a [Volume] of Hounsfield units with one affine; PNG and
// JPEG pictures, alone or as a folder or zip, are taken as already windowed and
// carry neither Hounsfield units nor millimetres. What cannot be used safely is
// refused with a [Refusal]: one sentence that says what is wrong and what would
// help. What can be used but should be known is a [Warning].
package ct
