package evaluate

import "math"

// epsilon keeps quotients defined, as MATLAB's eps does in the authors' code.
const epsilon = 2.220446049250313e-16

// sMeasure is the structure measure with equal weight for object and region
// (Fan, Cheng, Liu, Li, Borji: Structure-measure: A New Way to Evaluate
// Foreground Maps, ICCV 2017), of the map as it is, without thresholding and
// without stretching it to [0, 1] first.
func sMeasure(s Slice) float64 {
	truth, total := 0, 0.0
	for i, p := range s.Probability {
		total += float64(p)
		if s.Truth[i] {
			truth++
		}
	}
	average := total / float64(len(s.Truth))
	switch truth {
	case 0:
		return 1 - average
	case len(s.Truth):
		return average
	}
	return math.Max(0, (objectSimilarity(s, truth)+regionSimilarity(s, truth))/2)
}

// objectSimilarity compares the distributions inside and outside the truth with
// the ideal ones (section 3.2 of the paper).
func objectSimilarity(s Slice, truth int) float64 {
	score := func(inside bool, n float64) float64 {
		value := func(p float32) float64 {
			if inside {
				return float64(p)
			}
			return 1 - float64(p)
		}
		mean, squares := 0.0, 0.0
		for i, p := range s.Probability {
			if s.Truth[i] == inside {
				mean += value(p) / n
			}
		}
		for i, p := range s.Probability {
			if s.Truth[i] == inside {
				squares += (value(p) - mean) * (value(p) - mean)
			}
		}
		deviation := math.Sqrt(squares / math.Max(n-1, 1))
		return 2 * mean / (mean*mean + 1 + deviation + epsilon)
	}
	all := float64(len(s.Truth))
	in := float64(truth)
	return in/all*score(true, in) + (1-in/all)*score(false, all-in)
}

// regionSimilarity cuts the slice in four at the centroid of the truth and
// averages the structural similarity of the parts by their area (section 3.1).
func regionSimilarity(s Slice, truth int) float64 {
	var sumX, sumY float64
	for i, in := range s.Truth {
		if in {
			sumX += float64(i%s.Width + 1)
			sumY += float64(i/s.Width + 1)
		}
	}
	// The centroid counts from 1, so that it is the number of columns and rows
	// before the cut.
	x, y := int(math.Round(sumX/float64(truth))), int(math.Round(sumY/float64(truth)))
	sum := 0.0
	for _, part := range [4][4]int{{0, x, 0, y}, {x, s.Width, 0, y}, {0, x, y, s.Height}, {x, s.Width, y, s.Height}} {
		area := (part[1] - part[0]) * (part[3] - part[2])
		if area > 0 {
			sum += float64(area) / float64(len(s.Truth)) * structuralSimilarity(s, part)
		}
	}
	return sum
}

// structuralSimilarity of the columns part[0] to part[1] and the rows part[2]
// to part[3], the authors' form of SSIM (one window, no constants).
func structuralSimilarity(s Slice, part [4]int) float64 {
	each := func(visit func(p, t float64)) {
		for y := part[2]; y < part[3]; y++ {
			for i := y*s.Width + part[0]; i < y*s.Width+part[1]; i++ {
				if s.Truth[i] {
					visit(float64(s.Probability[i]), 1)
				} else {
					visit(float64(s.Probability[i]), 0)
				}
			}
		}
	}
	n := float64((part[1] - part[0]) * (part[3] - part[2]))
	var meanP, meanT, varianceP, varianceT, covariance float64
	each(func(p, t float64) {
		meanP += p
		meanT += t
	})
	meanP /= n
	meanT /= n
	each(func(p, t float64) {
		varianceP += (p - meanP) * (p - meanP)
		varianceT += (t - meanT) * (t - meanT)
		covariance += (p - meanP) * (t - meanT)
	})
	below := n - 1 + epsilon
	a := 4 * meanP * meanT * covariance / below
	b := (meanP*meanP + meanT*meanT) * (varianceP + varianceT) / below
	switch {
	case a != 0:
		return a / (b + epsilon)
	case b == 0:
		return 1
	default:
		return 0
	}
}
