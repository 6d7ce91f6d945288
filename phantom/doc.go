// Package phantom owns a synthetic chest CT whose truth is known: a body with
// skin, fat, muscle, ribs and spine, a mediastinum with heart and great
// vessels, two lungs with vessels and airways, upper abdomen, table and noise,
// and in the lungs ground-glass opacities and consolidations of known place,
// volume and density. It is for tests, demonstrations and examples: anatomy by
// ellipses and branching tubes, plausible at a glance and of no clinical worth.
// The same configuration gives the same voxels.
package phantom
