package evaluate

import "math"

// levels is the number of thresholds that the mean E-measure is taken over:
// those of an 8-bit map.
const levels = 256

// eMeasure is the enhanced-alignment measure (Fan, Gong, Cao, Ren, Cheng,
// Borji: Enhanced-alignment Measure for Binary Foreground Map Evaluation,
// IJCAI 2018), averaged over the masks p >= k/255, k = 0..255, as Inf-Net and
// JCS state it. The sum over pixels is divided by their number, as the paper
// has it; the authors' code divides by one less.
//
// A mask and a truth that are both binary have four kinds of pixel only, so
// their counts are all that is needed: one pass over the pixels for all
// thresholds.
func eMeasure(s Slice) float64 {
	var in, out [levels]float64 // pixels by the highest threshold they reach
	truth := 0.0
	for i, p := range s.Probability {
		// A map that was stored in 8 bits must reach its own level in float32.
		level := min(int(float64(p)*(levels-1)+1e-4), levels-1)
		if s.Truth[i] {
			in[level]++
			truth++
		} else {
			out[level]++
		}
	}
	n := float64(len(s.Truth))
	var hit, wrong, sum float64 // mask pixels in and out of the truth
	for k := levels - 1; k >= 0; k-- {
		hit += in[k]
		wrong += out[k]
		sum += alignment(hit, wrong, truth, n)
	}
	return sum / levels
}

// alignment is the E-measure of one mask.
func alignment(hit, wrong, truth, n float64) float64 {
	mask := hit + wrong
	switch truth {
	case 0:
		return 1 - mask/n
	case n:
		return mask / n
	}
	enhanced := func(p, t float64) float64 { // of pixels less their means
		p, t = p-mask/n, t-truth/n
		aligned := 2 * p * t / (p*p + t*t + epsilon)
		return (aligned + 1) * (aligned + 1) / 4
	}
	missed := truth - hit
	return (hit*enhanced(1, 1) + wrong*enhanced(1, 0) + missed*enhanced(0, 1) + (n-truth-wrong)*enhanced(0, 0)) / n
}

// IoUEval is the validation figure of the published training script
// (IoUEval.py): the intersection over union of truth and prediction, where a
// pixel is predicted if its probability is over twice the mean of the map. So a
// map whose mean is 0.5 or more predicts nothing, and an empty truth yields 0,
// or NaN if nothing is predicted. The second result is the mean absolute error.
//
// It is here to compare with published figures; [Segmentation] is to be
// preferred for anything else.
func IoUEval(probability []float32, truth []bool) (iou, mae float64) {
	sum, distance := 0.0, 0.0
	for i, p := range probability {
		sum += float64(p)
		if truth[i] {
			distance += 1 - float64(p)
		} else {
			distance += float64(p)
		}
	}
	n := float64(len(probability))
	threshold := 2 * float32(sum/n)
	both, either := 0.0, 0.0
	for i, p := range probability {
		predicted := p > threshold
		if predicted && truth[i] {
			both++
		}
		if predicted || truth[i] {
			either++
		}
	}
	if either == 0 {
		return math.NaN(), distance / n
	}
	return both / either, distance / n
}
