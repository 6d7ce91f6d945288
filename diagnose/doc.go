// Package diagnose owns the way from an opened CT to a diagnosis: the lungs are
// found, each slice that shows lung is classified and explained, the slices
// that were called positive are segmented, opacities are measured, and a rule
// for the patient turns the slices into one verdict. The [Diagnosis] is what
// every report is made of; its JSON form is fixed by
// docs/schema/diagnosis.schema.json. What is not known is left out of it, never
// zero or guessed.
//
// Nothing here names a disease: the classes belong to the model.
package diagnose
