package findings

// DensityKind is what a lesion looks like in the lung window.
type DensityKind string

// The kinds.
const (
	GroundGlass   DensityKind = "ground_glass"
	Consolidation DensityKind = "consolidation"
	Mixed         DensityKind = "mixed"
)

// HighOpacityHU is the bound from which an opacity counts as high, that is as
// consolidation: Chaganti et al., Automated Quantification of CT Patterns
// Associated with COVID-19 from Chest CT, Radiology: Artificial Intelligence
// 2020, 2(4):e200048. There is no standard for it; others take -300 to -100.
const HighOpacityHU = -200

// KindRule names the rule that kindOf follows; it is printed with the results.
const KindRule = "consolidation where over 2/3 of a lesion's voxels are at -200 HU or above (high opacity after Chaganti 2020), " +
	"ground_glass where under 1/3 are, mixed between"

func kindOf(dense float64) DensityKind {
	switch {
	case dense > 2.0/3:
		return Consolidation
	case dense < 1.0/3:
		return GroundGlass
	}
	return Mixed
}
