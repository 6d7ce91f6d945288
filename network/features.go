package network

// featureScale is how many steps of a stored first-stage feature make 1.
const featureScale = 20

// EncodeFeatures stores first-stage features, which are never negative, as
// bytes, in steps of 1/20: what [GraphOptions.InputFeatures] takes once
// decoded. Values beyond 12.75 are kept as that; asPublished lets them wrap
// around to 0 instead. Both slices have one length.
func EncodeFeatures(dst []uint8, src []float32, asPublished bool) {
	for i, v := range src {
		code := int64(v * featureScale)
		if !asPublished {
			code = min(max(code, 0), 255)
		}
		dst[i] = uint8(code)
	}
}

// DecodeFeatures brings stored features back.
func DecodeFeatures(dst []float32, src []uint8) {
	for i, c := range src {
		dst[i] = float32(c) / featureScale
	}
}
