package phantom

// Truth is what there is to be found in a phantom. As JSON it has the schema
// jcs.phantom/2, in the words of diagnosis.json.
//
// All but the slices is measured on the formulas that the phantom is drawn by,
// on lattices of the patient's frame that know nothing of the voxels. What lies
// outside the volume does not count.
type Truth struct {
	Schema   string        `json:"schema"`
	Seed     uint64        `json:"seed"`
	Lungs    LungsTruth    `json:"lungs"`
	Severity SeverityTruth `json:"severity"`
	Lesions  []LesionTruth `json:"lesions"`
	Slices   []SliceTruth  `json:"slices"`

	// Lung and Lesion label every voxel by what its middle lies in, in the
	// volume's order: a lung by 1 (right) or 2 (left), a lesion by its ID, all
	// else by 0.
	Lung   []uint8 `json:"-"`
	Lesion []uint8 `json:"-"`

	config  Config              // with its defaults
	heights map[side][2]float64 // of what of a lung is in the volume
}

// LungsTruth are both lungs and each, vessels and lesions included, and the
// thirds of each by its own height.
type LungsTruth struct {
	Both  LungTruth   `json:"both"`
	Right LungTruth   `json:"right"`
	Left  LungTruth   `json:"left"`
	Zones []ZoneTruth `json:"zones"` // right before left, from above
}

// LungTruth is a lung or a part of one.
type LungTruth struct {
	VolumeML       float64 `json:"volume_ml"`
	OpacityML      float64 `json:"opacity_ml"`
	OpacityPercent float64 `json:"opacity_percent"`
	// HighOpacityPercent is the share of opacities at -200 HU or above,
	// WellAeratedPercent that of lung from -950 to -700 HU.
	HighOpacityPercent float64 `json:"high_opacity_percent"`
	WellAeratedPercent float64 `json:"well_aerated_percent"`
}

// ZoneTruth is a third of a lung.
type ZoneTruth struct {
	Lung string     `json:"lung"`
	Zone string     `json:"zone"`
	ZMM  [2]float64 `json:"z_mm"` // lowest and highest
	LungTruth
}

// SeverityTruth are published scores, by the names of diagnosis.json.
type SeverityTruth struct {
	PercentageOfOpacity     float64 `json:"percentage_of_opacity"`      // Chaganti 2020
	PercentageOfHighOpacity float64 `json:"percentage_of_high_opacity"` // Chaganti 2020
	SixZoneScore            int     `json:"six_zone_score"`             // Ooi 2004, zones by thirds of height
	SixZones                [6]int  `json:"six_zones"`                  // in the order of the lungs' zones
	WellAeratedPercent      float64 `json:"well_aerated_lung_percent"`  // Colombi 2020
	CTGrade                 int     `json:"ct_grade"`                   // MosMed 2020, by the more affected lung
}

// LesionTruth is one lesion: its number, and what of it lies in its lung.
type LesionTruth struct {
	ID                int        `json:"id"`
	Kind              Kind       `json:"kind"`
	Lung              string     `json:"lung"`  // left or right
	Zone              string     `json:"zone"`  // of its centre
	Place             string     `json:"place"` // of its centre: peripheral within 26 mm of the pleura, or central
	VolumeML          float64    `json:"volume_ml"`
	MeanHU            float64    `json:"mean_hu"`   // of its tissue, vessels and noise aside
	CentreMM          [3]float64 `json:"centre_mm"` // of mass, LPS
	LargestDiameterMM float64    `json:"largest_diameter_mm"`
	// Slices are the first and the last whose middle it meets in a pixel's.
	Slices [2]int `json:"slices"`
}

// SliceTruth is what one slice's labels show.
type SliceTruth struct {
	Index          int     `json:"index"`
	OpacityAreaMM2 float64 `json:"opacity_area_mm2"`
	OpacityPixels  int     `json:"opacity_pixels"`
}
