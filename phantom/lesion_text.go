package phantom

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseLesion reads a lesion from text such as
//
//	kind=mixed,lung=right,zone=lower,place=peripheral,ml=20,hu=-600
//
// or, with its place and size, kind=ground_glass,at=-80/35/0,radii=20/15/18. What
// is left out is its default; without a kind it is ground glass.
func ParseLesion(text string) (Lesion, error) {
	l := Lesion{Kind: GroundGlass}
	for _, part := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "kind":
			l.Kind = Kind(value)
		case "lung":
			l.Lung = value
		case "zone":
			l.Zone = value
		case "place":
			l.Place = value
		case "ml":
			l.VolumeML, err = strconv.ParseFloat(value, 64)
		case "hu":
			l.HU, err = strconv.ParseFloat(value, 64)
		case "at":
			l.CentreMM, err = parseVec(value)
		case "radii":
			l.RadiiMM, err = parseVec(value)
		default:
			err = fmt.Errorf("%q is none of kind, lung, zone, place, ml, hu, at, radii", key)
		}
		if err != nil {
			return l, fmt.Errorf("phantom: lesion: %w", err)
		}
	}
	if err := l.check(); err != nil {
		return l, fmt.Errorf("phantom: lesion %w", err)
	}
	return l, nil
}

func parseVec(text string) (v vec, err error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return v, fmt.Errorf("%q is not three numbers with / between them", text)
	}
	for i, p := range parts {
		if v[i], err = strconv.ParseFloat(p, 64); err != nil {
			return v, err
		}
	}
	return v, nil
}
