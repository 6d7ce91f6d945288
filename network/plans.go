package network

// classes are those of the published networks. A plan may name others.
func classes() []string { return []string{"negative", "positive"} }

// FullClassifier is the published classifier, Res2Net-101 v1b 26w 4s.
func FullClassifier() Plan { return classifierPlan("full classifier", 23) }

// FullClassifier50 is its smaller sibling, Res2Net-50 v1b 26w 4s.
func FullClassifier50() Plan { return classifierPlan("full classifier 50", 6) }

func classifierPlan(name string, third int) Plan {
	return Plan{
		Name: name, Kind: ClassifierKind, Classes: classes(), Positive: 1,
		Height: 224, Width: 224,
		Preparation: Preparation{Resize: ShorterSideCrop, ShorterSide: 256, Mean: imageNetMean, Deviation: imageNetDeviation},
		Res2Net:     publishedRes2Net(third),
	}
}

// FullSegmenter is the published segmenter on VGG-16.
func FullSegmenter() Plan { return segmenterPlan("full segmenter", SegmenterKind) }

// FullJoint is the published joint segmenter: VGG-16 and Res2Net-101 fused.
func FullJoint() Plan {
	p := segmenterPlan("full joint segmenter", JointKind)
	p.Res2Net = publishedRes2Net(23)
	return p
}

func segmenterPlan(name string, kind Kind) Plan {
	return Plan{
		Name: name, Kind: kind, Height: 512, Width: 512,
		Preparation: Preparation{Resize: OpenCVStretch, Mean: imageNetMean, Deviation: imageNetDeviation},
		VGG:         &VGG{Depths: [5]int{2, 2, 3, 3, 3}},
		Decoder:     publishedDecoder([5]int{64, 128, 256, 512, 512}),
	}
}

func publishedRes2Net(third int) *Res2Net {
	return &Res2Net{Blocks: [4]int{3, 4, third, 3}, Stem: 32, Planes: 64, BaseWidth: 26, Scale: 4}
}

func publishedDecoder(widths [5]int) *Decoder {
	return &Decoder{Widths: widths, Dilations: [4]int{1, 3, 6, 9}, LastDilations: [4]int{1, 2, 3, 4}}
}

// CompactClassifier is our default classifier: MobileNetV1 on the whole slice.
func CompactClassifier() Plan {
	return Plan{
		Name: "compact classifier", Kind: ClassifierKind, Classes: classes(), Positive: 1,
		Height: 256, Width: 256,
		Preparation: mobileNetPreparation(),
		MobileNet:   &MobileNet{Width: 1},
	}
}

// CompactJoint is our default segmenter: the published decoder on a MobileNetV1
// encoder that it can share with a classifier (SharedHead).
func CompactJoint() Plan {
	return Plan{
		Name: "compact joint segmenter", Kind: JointKind, Height: 256, Width: 256,
		Preparation: mobileNetPreparation(),
		MobileNet:   &MobileNet{Width: 1},
		Decoder:     publishedDecoder([5]int{32, 64, 96, 128, 128}),
	}
}

// mobileNetPreparation maps 0..255 to -1..1, as the ImageNet weights want it.
func mobileNetPreparation() Preparation {
	half := [3]float64{0.5, 0.5, 0.5}
	return Preparation{Resize: PillowStretch, Mean: half, Deviation: half}
}
