package ct

import (
	"fmt"
	"image"
)

// What the networks know, as far as it was measured. Inputs beyond these bounds
// are read and answered with a warning; docs/verdict.md says which warnings make
// an answer a guess.
const (
	// assessedSide is the shorter side of the smallest slice that is looked at.
	assessedSide = 64

	// thickMM is the distance of slices from which on a lesion is lost between
	// them.
	thickMM = 10

	// chestMM is the least height of lung in a chest.
	chestMM = 80

	// Soft tissue, blood with or without contrast and fat, and the darkest tenth
	// of air and lung, lie within these in Hounsfield units.
	tissueLowHU, tissueHighHU = -120, 180
	darkestHU                 = -800
	// leastTissue is the least share of the voxels that is soft tissue.
	leastTissue = 0.02

	// The noise measured is 3 and 28 HU on the two series at hand, 1 to 43 greys
	// on volumes20, whose contrast was enhanced, and up to 15 on other pictures.
	// noisyHU is twice the former. A picture of nothing but noise has 62 greys.
	// Beyond swampedHU a ground-glass opacity is lost in it.
	noisyHU, swampedHU = 60, 100
	noisyGrey          = 50

	// jumpFactor is far above the 1.25 measured on both series at hand.
	jumpFactor = 4

	// blackPictures is the share of pictures with black lungs from which on the
	// window is not one for lungs.
	blackPictures = 0.5
)

// assess looks at the input and warns where the networks may not know its like.
// Slices that are too small to be looked at are left alone.
func (in *Input) assess() {
	if v := in.Volume; v != nil {
		if min(v.Columns, v.Rows) < assessedSide {
			return
		}
		in.Look = lookAt(v)
		in.warnValues()
		in.warnExtent()
		in.warnNoise()
		return
	}
	var large []*image.Gray
	for _, p := range in.Pictures {
		if min(p.Rect.Dx(), p.Rect.Dy()) >= assessedSide {
			large = append(large, p)
		}
	}
	if len(large) > 0 {
		in.Look = lookAtPictures(large)
		in.warnLookOfPictures()
	}
}

// warnValues says whether the values look like Hounsfield units.
func (in *Input) warnValues() {
	l := in.Look
	switch {
	case l.tissue < leastTissue && l.air > leastTissue:
		in.warn("not_hu", "the values are hardly Hounsfield units: there is air, and hardly a voxel is soft tissue; the rescale may be wrong")
	case l.tissue > leastTissue && (l.tissueHU < tissueLowHU || l.tissueHU > tissueHighHU):
		in.warn("not_hu", fmt.Sprintf("the values are hardly Hounsfield units: what should be soft tissue has %.0f HU (its median), where %d to %d are usual; the rescale may be wrong", l.tissueHU, tissueLowHU, tissueHighHU))
	case l.air > 0.01 && l.darkHU > darkestHU:
		in.warn("not_hu", fmt.Sprintf("the values are hardly Hounsfield units: the darkest tenth of air and lung reaches up to %.0f HU, where it is below %d; the rescale may be wrong", l.darkHU, darkestHU))
	}
}

// warnExtent says what of the chest is there.
func (in *Input) warnExtent() {
	l, v := in.Look, in.Volume
	_, _, z, _ := v.SpacingMM()
	if v.Slices > 1 && z > thickMM {
		in.warn("thick_slices", fmt.Sprintf("the slices are %.4g mm apart, and opacities are lost between slices over %d mm", z, thickMM))
	}
	if v.Slices > 1 && v.Slices < enoughSlices {
		in.warn("few_slices", fmt.Sprintf("there are only %d slices, and a chest has at least %d", v.Slices, enoughSlices))
	}
	if v.Slices < leastStack {
		return
	}
	if l.LungSlices == 0 {
		in.warn("no_lungs", "no slice shows lungs at a coarse look: this may be no chest")
		return
	}
	if z > 0 && l.LungMM < chestMM {
		in.warn("not_chest", fmt.Sprintf("lung reaches over %.0f mm only, and over at least %d in a chest: this may be another part of the body", l.LungMM, chestMM))
	}
	var where []string
	if l.cutLow {
		where = append(where, fmt.Sprintf("at the lower end (%s)", in.place(0)))
	}
	if l.cutHigh {
		where = append(where, fmt.Sprintf("at the upper end (%s)", in.place(v.Slices-1)))
	}
	if l.cutSides {
		where = append(where, "at the edge of the picture")
	}
	if len(where) > 0 {
		in.warn("lungs_cut_off", fmt.Sprintf("the lungs are cut off %s: what lies beyond is not judged", enumerate(where)))
	}
}

// place names a slice by its file, or its number.
func (in *Input) place(k int) string {
	if k < len(in.Sources) {
		s := in.Sources[k]
		switch {
		case s.File != "" && s.HasPosition:
			return fmt.Sprintf("%s at %.2f mm", s.File, s.PositionMM)
		case s.HasPosition:
			return fmt.Sprintf("%.2f mm", s.PositionMM)
		}
	}
	return fmt.Sprintf("slice %d", k)
}

// warnNoise says what noise and motion may hide.
func (in *Input) warnNoise() {
	l := in.Look
	switch {
	case !l.noiseKnown && l.tissue > leastTissue:
		in.warn("noise_extreme", "the noise is so strong that no soft tissue is whole enough to measure it in: ground glass is lost in it")
	case l.NoiseHU > swampedHU:
		in.warn("noise_extreme", fmt.Sprintf("the noise in soft tissue is about %.0f HU; over %d HU ground glass is lost in it", l.NoiseHU, swampedHU))
	case l.NoiseHU > noisyHU:
		in.warn("noise_high", fmt.Sprintf("the noise in soft tissue is about %.0f HU, over %d HU and far above that of the series it was tried on", l.NoiseHU, noisyHU))
	}
	if l.Jump > jumpFactor {
		in.warn("slice_jump", fmt.Sprintf("from %s to the next slice the picture changes %.1f times as much as beside it: the patient moved, or slices are missing or from another scan", in.place(l.jumpAt), l.Jump))
	}
}

func (in *Input) warnLookOfPictures() {
	l := in.Look
	if l.BlackLungs > blackPictures {
		in.warn("window_not_lung", "the lungs are black, so that the pictures are not windowed for lungs but, it seems, for soft tissue, vessels or bone: give the DICOM series, or pictures at level -600 and width 1500")
	}
	if l.NoiseGrey > noisyGrey {
		in.warn("noise_high", fmt.Sprintf("the noise of the pictures is about %.0f of 255 greys, over %d and far above that of the pictures it was tried on", l.NoiseGrey, noisyGrey))
	}
}
